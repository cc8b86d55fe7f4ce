import type { Event, JournalRecord, ToldEvent } from '../../../src/runtime/model/event.ts';
import { ProjectId, TaskId } from '../../../src/runtime/model/ids.ts';
import { Sink } from '../../../src/runtime/model/sink.ts';
import type { Cause } from '../../../src/runtime/model/task.ts';
import type { CommandEnd, CommandOrder, Files, PostEnd, PostOrder } from '../../../src/runtime/ports.ts';
import { Sinks } from '../../../src/runtime/sinks/sinks.ts';
import { ForgetfulFiles } from '../../fakes/forgetful-files.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';

export const OK: PostEnd = { kind: 'answer', status: 200 };
export const shop = ProjectId.parse('p_0123456789ab');
export const yard = ProjectId.parse('p_ba9876543210');
const NAMES = new Map([
  [shop, 'shop'],
  [yard, 'yard'],
]);

export interface Told {
  readonly id: string;
  readonly type: string;
  readonly task?: string;
  readonly from?: number;
  readonly to?: number;
  readonly count?: number;
  readonly why?: string;
}

export const hook = (more: object = {}): object => ({
  name: 'hook',
  kind: 'webhook',
  url: 'https://a.example/x',
  ...more,
});
export const program = (more: object = {}): object => ({
  name: 'tell',
  kind: 'command',
  command: ['tell', 'them'],
  ...more,
});

/** A journal in memory, time that stands still, and receivers that say what the test wants. */
export class SinkWorld {
  readonly clock = new VirtualClock();
  readonly files = new ForgetfulFiles();
  journal: JournalRecord[] = [];
  epoch = 'e1';
  /** Looks at the journal. */
  reads = 0;
  readonly config: { sinks: Sink[]; local_only: boolean } = { sinks: [], local_only: false };
  readonly env: Record<string, string> = {};
  readonly posted: PostOrder[] = [];
  readonly runs: CommandOrder[] = [];
  readonly logged: string[] = [];
  answer: (order: PostOrder, signal: AbortSignal) => PostEnd | Promise<PostEnd> = () => OK;
  end: (order: CommandOrder, signal: AbortSignal) => CommandEnd | Promise<CommandEnd> = () => exited(0);
  sinks: Sinks;
  #generation = 0;
  readonly #followers = new Set<(record: JournalRecord) => void>();

  constructor(...sinks: object[]) {
    this.configure(...sinks);
    this.sinks = this.#service();
  }

  configure(...sinks: object[]): void {
    this.config.sinks = sinks.map((sink) => Sink.parse(sink));
  }

  async start(): Promise<void> {
    this.sinks.start();
    await this.quiet();
  }

  async reconfigure(...sinks: object[]): Promise<void> {
    this.configure(...sinks);
    this.sinks.configured();
    await this.quiet();
  }

  /** The runtime is killed, and another one starts: nothing of the old one goes on. */
  async restart(): Promise<void> {
    this.#generation++;
    this.#followers.clear();
    this.sinks = this.#service();
    await this.start();
  }

  get listeners(): number {
    return this.#followers.size;
  }

  /** One record. */
  commit(...events: Event[]): void {
    const seq = (this.journal.at(-1)?.seq ?? 0) + 1;
    const cause = { by: 'dispatcher' } as const;
    const record = { seq, at: this.clock.now(), type: events[0]?.type ?? '', cause, events } as JournalRecord;
    this.journal.push(record);
    for (const follower of this.#followers) follower(record);
  }

  /** So many records of one event each. */
  begin(count: number, project = shop): void {
    for (let n = 0; n < count; n++) {
      const id = TaskId.parse(`t${(this.journal.at(-1)?.seq ?? 0) + 1}`);
      this.commit({ type: 'attempt_started', project, id, attempt: 1 });
    }
  }

  async quiet(): Promise<void> {
    for (let n = 0; n < 20; n++) await settled();
  }

  async pass(ms: number): Promise<void> {
    await this.quiet();
    await this.clock.advance(ms);
    await this.quiet();
  }

  get bodies(): { sink: string; journal: string; events: Told[] }[] {
    return this.posted.map(({ body }) => JSON.parse(body));
  }

  /** Recorded gaps. */
  get gaps(): Extract<ToldEvent, { type: 'sink_gap' }>[] {
    return this.journal.flatMap(({ events }) => events.flatMap((event) => (event.type === 'sink_gap' ? [event] : [])));
  }

  #service(): Sinks {
    const world = this;
    const mine = this.#generation;
    const lives = (): boolean => this.#generation === mine;
    const living = <T>(act: () => T | Promise<T>): Promise<T> =>
      lives() ? Promise.resolve(act()).then((end) => (lives() ? end : never)) : never;
    return new Sinks({
      ...{ config: this.config, env: this.env, home: '/home', version: '1.2.3' },
      files: whileAlive(this.files, living),
      clock: {
        now: () => this.clock.now(),
        after: (ms, run) => this.clock.after(ms, () => lives() && run()),
      },
      store: {
        get epoch() {
          return world.epoch;
        },
        record: (event: ToldEvent, _: Cause) => living(() => this.commit(event)),
        follow: (listener) => {
          this.#followers.add(listener);
          return () => this.#followers.delete(listener);
        },
        span: () => ({ newest: this.journal.at(-1)?.seq ?? 0 }),
      },
      records: (from) => this.#records(from),
      chance: { fraction: () => 1, hex: (bytes) => '0'.repeat(2 * bytes) },
      poster: {
        post: (order, signal) =>
          living(() => {
            this.posted.push(order);
            return this.answer(order, signal);
          }),
      },
      commands: {
        run: (order, signal) =>
          living(() => {
            this.runs.push(order);
            return this.end(order, signal);
          }),
      },
      projectName: (id) => NAMES.get(id) ?? id,
      say: (_level, message, facts) => this.logged.push(`${message} ${JSON.stringify(facts)}`),
    });
  }

  async *#records(from: number): AsyncGenerator<JournalRecord> {
    this.reads++;
    for (const record of [...this.journal]) if (record.seq >= from) yield record;
  }
}

export function exited(code: number, stderr = ''): CommandEnd {
  return { kind: 'exited', code, stderr };
}

export function linesOf({ input }: CommandOrder): Told[] {
  return input
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const never = new Promise<never>(() => {});

function whileAlive(files: Files, living: <T>(act: () => Promise<T>) => Promise<T>): Files {
  return new Proxy(files, {
    get:
      (target, name: keyof Files) =>
      (...args: never[]) =>
        living(() => (target[name] as (...given: never[]) => Promise<unknown>).apply(target, args)),
  });
}
