import type { Config } from '../model/config.ts';
import type { JournalRecord } from '../model/event.ts';
import type { ProjectId } from '../model/ids.ts';
import { plainLine } from '../model/plain-text.ts';
import { moreNews, type News, newsOf } from '../policy/news.ts';
import type { Clock, CommandEnd, Commands } from '../ports.ts';
import { type Environment, passedEnvironment } from '../runs/environment.ts';
import type { Need } from '../yard.ts';

/*
 * Runs `notify_command` for what a person who is away wants to know.
 *
 * N1. Nothing waits for it, and nothing that it does or fails to do changes anything else.
 * N2. At most `AT_ONCE` run at once and `PER_WINDOW` begin in a minute. What is beyond is counted by kind, and told as one
 *     when the minute allows: a storm is a dozen messages, and none is lost unsaid.
 * N3. It gets the news on its input and nothing of them in its arguments; no shell, no token, ten seconds, then SIGKILL.
 * N4. When it begins to fail, that is logged once, and a need until it works again.
 */

const AT_ONCE = 2;
const WINDOW_MS = 60_000;
const PER_WINDOW = 10;
const TIMEOUT_MS = 10_000;
const CLOSING_PATIENCE_MS = 2_000;

export interface NotifierParts {
  /** Every record from now on. */
  readonly follow: (listener: (record: JournalRecord) => void) => () => void;
  readonly commands: Commands;
  readonly clock: Clock;
  /** As it is at the moment of asking. */
  readonly config: Pick<Config, 'notify_command'>;
  readonly projectName: (id: ProjectId) => string;
  /** The runtime's own: only what any program may have is passed on. */
  readonly env: Environment;
  readonly cwd: string;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

type Argv = readonly [string, ...string[]];

export class Notifier {
  readonly #parts: NotifierParts;
  readonly #running = new Set<Promise<void>>();
  readonly #missed = new Map<News['what'], number>();
  #queue: { readonly argv: Argv; readonly news: News }[] = [];
  #begun: number[] = [];
  #flush: (() => void) | undefined;
  #life: { readonly abort: AbortController; readonly stop: () => void } | undefined;
  #trouble: { readonly argv: string; readonly text: string } | undefined;

  constructor(parts: NotifierParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#life) return;
    const { follow, projectName } = this.#parts;
    const stop = follow((record) => {
      for (const news of newsOf(record, projectName)) this.#take(news);
    });
    this.#life = { abort: new AbortController(), stop };
  }

  /** What runs may end within two seconds; then it is killed. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (!life) return;
    life.stop();
    this.#flush?.();
    this.#flush = undefined;
    this.#queue = [];
    const patience = this.#parts.clock.after(CLOSING_PATIENCE_MS, () => life.abort.abort());
    await Promise.all(this.#running);
    patience();
    this.#life = undefined;
  }

  needs(): Need[] {
    const argv = this.#command();
    if (!argv || !this.#trouble || this.#trouble.argv !== JSON.stringify(argv)) return [];
    return [
      {
        what: `notify_command does not work, you may miss news: ${this.#trouble.text}`,
        where: argv[0],
        next: 'mend notify_command in yardmaster.yaml; try it by hand with {} on its input',
      },
    ];
  }

  #take(news: News): void {
    const argv = this.#command();
    if (!argv) return;
    const now = this.#parts.clock.now();
    this.#begun = this.#begun.filter((at) => now - at < WINDOW_MS);
    const [oldest = now] = this.#begun;
    if (this.#flush || this.#begun.length >= PER_WINDOW)
      this.#miss(news, oldest + WINDOW_MS - now); // N2
    else this.#send(argv, news);
  }

  #miss({ what }: News, waits: number): void {
    this.#missed.set(what, (this.#missed.get(what) ?? 0) + 1);
    this.#flush ??= this.#parts.clock.after(waits, () => {
      this.#flush = undefined;
      const more = moreNews(this.#missed, this.#parts.clock.now());
      this.#missed.clear();
      this.#take(more);
    });
  }

  #send(argv: Argv, news: News): void {
    this.#begun.push(this.#parts.clock.now());
    this.#queue.push({ argv, news });
    this.#next();
  }

  #next(): void {
    while (this.#running.size < AT_ONCE) {
      const one = this.#queue.shift();
      if (!one || !this.#life) return;
      const running = this.#run(one.argv, one.news, this.#life.abort.signal).finally(() => {
        this.#running.delete(running);
        this.#next();
      });
      this.#running.add(running);
    }
  }

  async #run(argv: Argv, news: News, signal: AbortSignal): Promise<void> {
    const { commands, env, cwd } = this.#parts;
    const order = { argv, cwd, env: passedEnvironment(env), timeoutMs: TIMEOUT_MS }; // N3
    const end = await commands.run({ ...order, input: `${JSON.stringify(news)}\n` }, signal);
    const text = troubleOf(end);
    if (text !== undefined && !this.#trouble)
      this.#parts.say('warn', 'notify_command failed', { command: argv[0], why: text, news: news.what }); // N4
    if (end.kind !== 'aborted') this.#trouble = text === undefined ? undefined : { argv: JSON.stringify(argv), text };
  }

  #command(): Argv | undefined {
    const [program, ...args] = this.#parts.config.notify_command ?? [];
    return program === undefined ? undefined : [program, ...args];
  }
}

function troubleOf(end: CommandEnd): string | undefined {
  switch (end.kind) {
    case 'aborted':
      return undefined;
    case 'not_started':
      return `it could not be started: ${plainLine(end.reason)}`;
    case 'timed_out':
      return `it took longer than ${TIMEOUT_MS / 1_000} s${complaint(end.stderr)}`;
    case 'exited':
      if (end.code === 0) return undefined;
      return `${end.signal ? `it was ended by ${end.signal}` : `exit code ${end.code}`}${complaint(end.stderr)}`;
  }
}

function complaint(stderr: string): string {
  const last = plainLine(stderr.trim().split('\n').at(-1) ?? '').slice(0, 200);
  return last === '' ? '' : `: ${last}`;
}
