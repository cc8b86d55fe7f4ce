import { join } from 'node:path';
import type { Config } from '../model/config.ts';
import { keyOf, type ProjectId } from '../model/ids.ts';
import type { Chance, Clock, Files } from '../ports.ts';
import type { Pruned, RetentionView } from '../yard.ts';
import { type OldRun, type OldRunsPorts, oldRuns } from './old-runs.ts';
import { type PastEvents, surplus } from './past-events.ts';

/*
 * What is kept of the past, and for how long. done/ and failed/ are never touched.
 *
 * N1. Only what belongs to a task that has ended goes; that is asked again in the moment in which it goes.
 * N2. A run directory goes as a whole: it is moved out in one step, and deleted there. What a crash leaves of it is
 *     deleted by the next pass.
 * N3. Small steps with pauses between: nobody waits for this.
 */

const FIRST_MS = 60_000;
const EVERY_MS = 3_600_000;
const PAUSE_MS = 5;
const SHOWN = 20;

export interface RetentionPorts {
  readonly config: Config;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly files: Files;
  readonly store: OldRunsPorts['store'];
  readonly past: PastEvents;
  readonly runs: string;
  readonly projectName: (id: ProjectId) => string;
  /** With all that is in it; links are not followed. */
  readonly removeTree: (dir: string) => Promise<void>;
  readonly record: (code: string, message: string) => Promise<void>;
  readonly say: (level: 'info' | 'warn', message: string, facts: object) => void;
}

export class Retention {
  readonly #ports: RetentionPorts;
  #cancel: (() => void) | undefined;
  #running: Promise<Pruned> | undefined;
  #wake: () => void = () => {};
  #stopped = false;
  #last: RetentionView['last'];

  constructor(ports: RetentionPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#later(FIRST_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    this.#wake();
    await this.#running?.catch(() => undefined);
  }

  /** One pass now; a call during a pass joins it. With `dry`, what it would do. */
  prune({ dry }: { dry: boolean }): Promise<Pruned> {
    if (dry) return this.#pass(true);
    this.#running ??= this.#pass(false).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async view(): Promise<RetentionView> {
    const { runs, events, events_bytes } = this.#ports.config.retention;
    const kept = await this.#ports.past.files();
    const bytes = kept.reduce((total, { size }) => total + size, 0);
    return { runs, events, events_bytes, past_events: { files: kept.length, bytes }, ...this.last() };
  }

  /** The last pass that took something away. */
  last(): { last?: NonNullable<RetentionView['last']> } {
    return this.#last === undefined ? {} : { last: this.#last };
  }

  #later(ms: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#ports.clock.after(ms, () => {
      this.prune({ dry: false })
        .catch((error) => this.#ports.say('warn', 'what is old could not be cleared away', { error: String(error) }))
        .finally(() => this.#later(EVERY_MS));
    });
  }

  async #pass(dry: boolean): Promise<Pruned> {
    const names = await this.#runs(dry);
    const events = await this.#events(dry);
    const pruned: Pruned = { runs: names.length, named: names.slice(0, SHOWN), events_files: events };
    if (!dry && names.length + events > 0) await this.#tell(pruned);
    return pruned;
  }

  async #runs(dry: boolean): Promise<string[]> {
    const { config, clock, runs, store, files, projectName } = this.#ports;
    if (!dry) await this.#empty();
    const { runs: age } = config.retention;
    if (age === 'forever') return [];
    const names: string[] = [];
    const ports = { files, store, runs, breathe: () => this.#breathe() };
    for await (const run of oldRuns(ports, clock.now() - age)) {
      if (!dry && !(await this.#removeRun(run))) continue;
      names.push(`${projectName(run.ref.project)}/${run.ref.id}`);
    }
    return names;
  }

  /** N1, N2 */
  async #removeRun({ ref, dir }: OldRun): Promise<boolean> {
    const { store, files, chance, removeTree } = this.#ports;
    const out = join(this.#bin, `${ref.project}-${chance.hex(6)}`);
    await files.makeDir(this.#bin);
    if (this.#stopped || store.open().has(keyOf(ref))) return false;
    if ((await files.move(dir, out)) === 'missing') return false;
    await removeTree(out);
    await this.#breathe();
    return true;
  }

  /** What an interrupted pass left (N2). */
  async #empty(): Promise<void> {
    const { files, removeTree } = this.#ports;
    for (const { name } of (await files.list(this.#bin)) ?? []) await removeTree(join(this.#bin, name));
  }

  async #events(dry: boolean): Promise<number> {
    const { config, clock, past, files } = this.#ports;
    const { events, events_bytes } = config.retention;
    const since = events === 'forever' ? 0 : clock.now() - events;
    const old = surplus(await past.files(), { since, bytes: events_bytes });
    if (!dry) for (const { path } of old) await files.remove(path);
    return old.length;
  }

  async #tell(pruned: Pruned): Promise<void> {
    const { clock, record, say } = this.#ports;
    const { runs, events_files } = pruned;
    this.#last = { at: clock.now(), runs, events_files };
    const message = `${runs} run directories of ended tasks, ${events_files} files of old events`;
    say('info', 'what is old was cleared away', { runs, events_files });
    await record('pruned', message);
  }

  /** N3. False when it stops. */
  #breathe(): Promise<boolean> {
    if (this.#stopped) return Promise.resolve(false);
    return new Promise((resolve) => {
      const cancel = this.#ports.clock.after(PAUSE_MS, () => resolve(!this.#stopped));
      this.#wake = () => {
        cancel();
        resolve(false);
      };
    });
  }

  get #bin(): string {
    return join(this.#ports.runs, '.pruned');
  }
}
