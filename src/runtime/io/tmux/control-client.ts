import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { type Block, Frames } from './frames.ts';

/**
 * One `tmux -C` process that carries commands.
 *
 * C1. A request is answered by its blocks, or by the reason why nobody will ever know: then it may have happened.
 * C2. A server that says nothing for `silenceMs` while an answer is due is not taken for dead; the client is given up.
 * C3. It lives in a session of its own, so that no signal for this process's group reaches it, and ends when its standard
 *     input does, however this process ends.
 */
export type Reply = { readonly kind: 'blocks'; readonly blocks: readonly Block[] } | Lost;

export interface Lost {
  readonly kind: 'lost';
  readonly reason: string;
}

export interface ControlOptions {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
  /** Undefined for a client whose requests wait for something. */
  readonly silenceMs: number | undefined;
  readonly notice?: (line: string) => void;
}

/** Whoever was busy itself has not listened: what has arrived meanwhile is read before silence is believed. */
const SECOND_LOOK_MS = 100;
const KEPT_COMPLAINT = 2_000;

export class ControlClient {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #frames: Frames;
  readonly #silenceMs: number | undefined;
  readonly #waiting: ((reply: Reply) => void)[] = [];
  readonly #mark = randomBytes(12).toString('hex');
  #sent = 0;
  #heard = 0;
  #timer: NodeJS.Timeout | undefined;
  #complaint = '';
  #lost: Lost | undefined;
  /** Settles when it can't be used any more. */
  readonly gone: Promise<Lost>;
  readonly #exited: Promise<void>;

  constructor(options: ControlOptions) {
    this.#silenceMs = options.silenceMs;
    this.#frames = new Frames({
      answer: (blocks) => this.#answered(blocks),
      notice: (line) => this.#noticed(line, options.notice),
    });
    this.#child = spawn(options.program, options.args, {
      cwd: '/',
      env: options.env,
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const child = this.#child;
    child.stdin.on('error', () => {}); // the exit says why
    child.stderr.on('data', (chunk: Buffer) => this.#complained(chunk.toString('utf8')));
    child.stdout.on('data', (chunk: Buffer) => {
      this.#heard++;
      this.#frames.push(chunk);
    });
    this.#exited = new Promise((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    this.gone = new Promise((resolve) => {
      const end = (reason: string) => resolve(this.#end(reason));
      child.once('error', (error) => end(`tmux could not be started: ${error.message}`));
      child.once('close', () => end(this.#complaint.trim() || 'its client ended'));
      this.#giveUp = end;
    });
  }

  #giveUp: (reason: string) => void = () => {};

  /** One line of commands. */
  async send(commands: string): Promise<Reply> {
    if (this.#lost !== undefined) return this.#lost;
    const end = `${this.#mark}.${++this.#sent}`;
    this.#frames.expect(end);
    const reply = new Promise<Reply>((resolve) => this.#waiting.push(resolve));
    this.#child.stdin.write(`${commands}\ndisplay-message -p ${end}\n`);
    this.#watch();
    return reply;
  }

  /** Ends the client; the server and its sessions go on. */
  async close(): Promise<void> {
    this.#giveUp('closed');
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 1_000);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Without waiting: a client of a silent server may be stuck in a write. */
  abandon(): void {
    this.#child.kill('SIGKILL');
  }

  #answered(blocks: readonly Block[]): void {
    this.#waiting.shift()?.({ kind: 'blocks', blocks });
    this.#watch();
  }

  #noticed(line: string, tell: ControlOptions['notice']): void {
    if (line.startsWith('%')) tell?.(line);
    else this.#complained(`${line}\n`);
  }

  #complained(text: string): void {
    this.#complaint = (this.#complaint + text).slice(-KEPT_COMPLAINT);
  }

  // C2
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#silenceMs === undefined || this.#waiting.length === 0 || this.#lost !== undefined) return;
    const heard = this.#heard;
    const silence = this.#silenceMs;
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => {
        if (this.#heard !== heard) return this.#watch();
        this.#giveUp(`tmux said nothing for ${silence / 1_000} s`);
      }, SECOND_LOOK_MS).unref();
    }, silence).unref();
  }

  // C1
  #end(reason: string): Lost {
    this.#lost ??= { kind: 'lost', reason };
    clearTimeout(this.#timer);
    for (const resolve of this.#waiting.splice(0)) resolve(this.#lost);
    return this.#lost;
  }
}
