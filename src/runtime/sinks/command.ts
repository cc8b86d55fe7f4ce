import { plainLine } from '../model/plain-text.ts';
import type { CommandSink, Gap, SinkView } from '../model/sink.ts';
import type { Chance, Clock, CommandEnd, Commands, TaskStore } from '../ports.ts';
import { type Environment, passedEnvironment } from '../runs/environment.ts';
import type { Need } from '../yard.ts';
import { gapText, joined, type SinkEvent, type Wanted, wantedBy } from './event.ts';
import { Pace } from './pace.ts';
import type { SinkAtWork } from './sink.ts';

/*
 * Runs a command with what has happened on its input: at most once, in order, one run at a time.
 *
 * K1. What waits is bounded: beyond, the oldest goes, counted. So does what a run had that did not end well.
 * K2. Gaps are recorded around runs, not event by event; the next run is told first of all that was missed since the last
 *     one that ended well.
 * K3. After a run that failed the next one waits, longer each time: a program that is broken costs next to nothing.
 * K4. No shell, nothing of the events among the arguments, no token in its environment; then it is killed.
 */

export interface CommandPorts {
  readonly store: Pick<TaskStore, 'record'>;
  readonly commands: Commands;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly env: Environment;
  readonly cwd: string;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: object) => void;
}

const EVERY_MS = 1_000;
const BUFFER_BYTES = 4 * 1024 * 1024;
const CLOSING_PATIENCE_MS = 2_000;
const MAX_COMPLAINT = 200;

export class CommandAtWork implements SinkAtWork {
  readonly #ports: CommandPorts;
  readonly #sink: CommandSink;
  readonly #wanted: Wanted;
  readonly #pace: Pace;
  readonly #abort = new AbortController();
  #waiting: SinkEvent[] = [];
  #bytes = 0;
  /** Not in the journal yet. */
  #unrecorded: Gap | undefined;
  /** Since the last run that ended well. */
  #untold: Gap | undefined;
  #lastGap: Gap | undefined;
  #missed = 0;
  #delivered = 0;
  #trouble: string | undefined;
  #running: Promise<void> | undefined;
  #alarm: (() => void) | undefined;
  #stopped = false;

  constructor(ports: CommandPorts, sink: CommandSink) {
    this.#ports = ports;
    this.#sink = sink;
    this.#wanted = wantedBy(sink);
    this.#pace = new Pace(ports, EVERY_MS);
  }

  start(): void {}

  take(_seq: number, events: readonly SinkEvent[]): void {
    if (this.#stopped) return;
    const wanted = events.filter(this.#wanted);
    if (wanted.length === 0) return;
    for (const event of wanted) this.#bytes += event.text().length;
    this.#waiting.push(...wanted);
    this.#shorten();
    this.#next();
  }

  configured(): void {}

  /** What runs may end within two seconds. What still waits is told nobody any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#alarm?.();
    const patience = this.#ports.clock.after(CLOSING_PATIENCE_MS, () => this.#abort.abort());
    await this.#running;
    patience();
    this.#lose(this.#waiting.splice(0), 'the sink was stopped');
    await this.#record();
  }

  view(): SinkView {
    const { name, kind, command } = this.#sink;
    const trouble = this.#trouble;
    return {
      ...{ name, kind, to: command[0] ?? '', state: trouble === undefined ? 'working' : 'failing' },
      ...{ delivered: this.#delivered, waiting: this.#waiting.length, missed: this.#missed },
      ...(this.#lastGap && { last_gap: this.#lastGap }),
      ...(trouble !== undefined && { trouble, next_try: this.#pace.nextAt }),
    };
  }

  needs(): Need[] {
    if (this.#trouble === undefined) return [];
    const { name, command } = this.#sink;
    return [
      {
        what: `sink ${name} does not work, ${this.#missed} ${this.#missed === 1 ? 'event was' : 'events were'} lost to it: ${this.#trouble}`,
        where: command[0] ?? '',
        next: `mend the command of the sink ${name} in yardmaster.yaml; try it by hand with {} on its input`,
      },
    ];
  }

  /** K1 */
  #shorten(): void {
    const { buffer } = this.#sink;
    let drop = Math.max(0, this.#waiting.length - buffer);
    let bytes = this.#bytes;
    for (const event of this.#waiting.slice(0, drop)) bytes -= event.text().length;
    for (; bytes > BUFFER_BYTES && drop < this.#waiting.length - 1; drop++)
      bytes -= this.#waiting[drop]?.text().length ?? 0;
    if (drop > 0) this.#lose(this.#take(drop), 'it takes them too slowly');
  }

  #take(count: number): SinkEvent[] {
    const taken = this.#waiting.splice(0, count);
    for (const event of taken) this.#bytes -= event.text().length;
    return taken;
  }

  #lose(events: readonly SinkEvent[], why: string): void {
    const [first] = events;
    const last = events.at(-1);
    if (!first || !last) return;
    const gap = { from: first.seq, to: last.seq, count: events.length, why };
    this.#unrecorded = joined(this.#unrecorded, gap);
    this.#untold = joined(this.#untold, gap);
    this.#missed += events.length;
  }

  #next(): void {
    if (this.#running || this.#stopped || this.#alarm || this.#waiting.length === 0) return;
    const { clock } = this.#ports;
    const wait = this.#pace.nextAt - clock.now();
    if (wait > 0) {
      this.#alarm = clock.after(wait, () => {
        this.#alarm = undefined;
        this.#next();
      });
      return;
    }
    this.#running = this.#run()
      .catch((error) => this.#failed(`${error}`))
      .finally(() => {
        this.#running = undefined;
        this.#next();
      });
  }

  async #run(): Promise<void> {
    await this.#record(); // K2
    const { commands, env, cwd, clock } = this.#ports;
    const told = this.#untold;
    this.#untold = undefined;
    const events = this.#take(this.#waiting.length);
    const lines = events.map((event) => event.text());
    if (told) lines.unshift(gapText(this.#sink.name, told, clock.now()));
    const [program = '', ...args] = this.#sink.command;
    const argv: [string, ...string[]] = [program, ...args];
    const order = { argv, cwd, env: passedEnvironment(env), timeoutMs: this.#sink.timeout }; // K4
    const end = await commands.run({ ...order, input: `${lines.join('\n')}\n` }, this.#abort.signal);
    const trouble = this.#troubleOf(end);
    if (trouble === undefined) return this.#worked(events.length);
    this.#lose(events, trouble); // K1
    if (told && this.#untold) this.#untold = joined(told, this.#untold);
    await this.#record();
    if (end.kind !== 'aborted') this.#failed(trouble);
  }

  #worked(count: number): void {
    this.#delivered += count;
    if (this.#trouble !== undefined) this.#ports.say('info', 'a sink works again', { sink: this.#sink.name });
    this.#trouble = undefined;
    this.#pace.worked();
  }

  #failed(why: string): void {
    const { name, command } = this.#sink;
    if (this.#trouble === undefined)
      this.#ports.say('warn', 'the command of a sink failed', { sink: name, command: command[0], why });
    this.#trouble = why;
    this.#pace.failed(); // K3
  }

  async #record(): Promise<void> {
    const gap = this.#unrecorded;
    if (!gap) return;
    this.#unrecorded = undefined;
    this.#lastGap = gap;
    try {
      await this.#ports.store.record({ type: 'sink_gap', sink: this.#sink.name, ...gap }, { by: 'runner' });
    } catch (error) {
      this.#unrecorded = this.#unrecorded ? joined(gap, this.#unrecorded) : gap;
      this.#ports.say('warn', 'a gap of a sink could not be recorded', { sink: this.#sink.name, error: String(error) });
    }
  }

  #troubleOf(end: CommandEnd): string | undefined {
    switch (end.kind) {
      case 'aborted':
        return 'it was still at work when the runtime stopped';
      case 'not_started':
        return `it could not be started: ${plainLine(end.reason)}`;
      case 'timed_out':
        return `it took longer than ${this.#sink.timeout / 1_000} s${complaint(end.stderr)}`;
      case 'exited':
        if (end.code === 0) return undefined;
        return `${end.signal ? `it was ended by ${end.signal}` : `exit code ${end.code}`}${complaint(end.stderr)}`;
    }
  }
}

function complaint(stderr: string): string {
  const last = plainLine(stderr.trim().split('\n').at(-1) ?? '').slice(0, MAX_COMPLAINT);
  return last === '' ? '' : `: ${last}`;
}
