import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { z } from 'zod';
import { RUN_MARK, SUPERVISOR_MARK } from './survivors.ts';
import { linesOf, type OrderLine, type SeenEnd, type StartLine, TALK } from './talk.ts';

/*
 * The runtime's end of one supervisor. What must hold:
 *
 * 1. Each start is answered once; a supervisor that ends, or says nothing for too long, has not answered. Whoever asked
 *    then looks at the run directory, where it stays decided who owns the run.
 * 2. A supervisor that did not answer is not asked again; it goes on with the runs that it has.
 * 3. Closing leaves it to its runs.
 */

const End = z.object({
  code: z.number(),
  signal: z.string().exactOptional(),
  started_at: z.number(),
  ended_at: z.number(),
});
const Answer = z.discriminatedUnion('kind', [
  z.object({ id: z.number(), kind: z.literal('started') }),
  z.object({ id: z.number(), kind: z.literal('taken') }),
  z.object({ id: z.number(), kind: z.literal('refused'), reason: z.string() }),
  z.object({ id: z.number(), kind: z.literal('ended'), end: End }),
]);

export type Start = Omit<StartLine, 'kind' | 'talk' | 'id'>;

export type Answered =
  | { readonly kind: 'started'; readonly ended: Promise<SeenEnd | 'untold'>; readonly journalled: () => void }
  | { readonly kind: 'taken' }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'unanswered' };

interface Asked {
  answer: ((answer: Answered) => void) | undefined;
  readonly ended: Promise<SeenEnd | 'untold'>;
  readonly end: (end: SeenEnd | 'untold') => void;
}

export interface LinkOptions {
  /** The supervisor's program. */
  readonly program: string;
  readonly probe: 'proc' | 'ps';
  /** How long a supervisor may take for an answer, its own start included. */
  readonly answerMs: number;
}

export class SupervisorLink {
  readonly #child: ChildProcess;
  readonly #input: Socket;
  readonly #answerMs: number;
  readonly #asked = new Map<number, Asked>();
  #next = 1;
  #usable = true;

  constructor({ program, probe, answerMs }: LinkOptions) {
    this.#answerMs = answerMs;
    this.#child = spawn(process.execPath, [program, probe], {
      cwd: '/',
      env: environment(),
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#input = this.#child.stdin as Socket;
    const output = this.#child.stdout as Socket;
    this.#child.on('error', () => this.#gone()).on('exit', () => this.#gone());
    this.#input.on('error', () => {}); // its end says it too
    output.setEncoding('utf8').on(
      'data',
      linesOf((line) => this.#hear(line)),
    );
    this.#child.unref();
    this.#input.unref();
    output.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get usable(): boolean {
    return this.#usable;
  }

  /** Runs whose end it still has to tell. */
  get busy(): boolean {
    return this.#asked.size > 0;
  }

  start(order: Start): Promise<Answered> {
    const id = this.#next++;
    return new Promise((resolve) => {
      const late = setTimeout(() => this.#late(id), this.#answerMs);
      const answer = (answered: Answered) => {
        clearTimeout(late);
        resolve(answered);
      };
      this.#asked.set(id, { answer, ...whenever<SeenEnd | 'untold'>() });
      this.#say({ kind: 'start', talk: TALK, id, ...order });
    });
  }

  /** 3 */
  close(): void {
    this.#usable = false;
    this.#input.end();
  }

  #hear(line: string): void {
    const said = Answer.parse(JSON.parse(line));
    const asked = this.#asked.get(said.id);
    if (asked === undefined) return;
    switch (said.kind) {
      case 'started':
        this.#answer(asked, { kind: 'started', ended: asked.ended, journalled: () => this.#journalled(said.id) });
        break;
      case 'taken':
      case 'refused':
        this.#asked.delete(said.id);
        this.#answer(asked, said);
        break;
      case 'ended':
        this.#asked.delete(said.id);
        asked.end(said.end);
        break;
    }
  }

  #journalled(id: number): void {
    if (this.#usable) this.#say({ kind: 'journalled', id });
  }

  #say(order: OrderLine): void {
    this.#input.write(`${JSON.stringify(order)}\n`);
  }

  #answer(asked: Asked, answered: Answered): void {
    asked.answer?.(answered);
    asked.answer = undefined;
  }

  /** 1, 2 */
  #late(id: number): void {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#answer(asked, { kind: 'unanswered' });
    this.close();
  }

  #gone(): void {
    this.#usable = false;
    for (const asked of this.#asked.values()) {
      this.#answer(asked, { kind: 'unanswered' });
      asked.end('untold');
    }
    this.#asked.clear();
  }
}

/** It is nobody's run, even if the runtime is part of one. */
function environment(): NodeJS.ProcessEnv {
  const { [RUN_MARK]: _, NODE_OPTIONS: __, ...env } = process.env;
  return { ...env, [SUPERVISOR_MARK]: randomUUID() };
}

function whenever<T>(): { readonly ended: Promise<T>; readonly end: (value: T) => void } {
  let end = (_: T): void => {};
  const ended = new Promise<T>((resolve) => {
    end = resolve;
  });
  return { ended, end };
}
