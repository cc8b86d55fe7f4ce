import { dirname } from 'node:path';
import { keyOf, type ProjectId } from '../model/ids.ts';
import type { Outgoing } from '../model/outgoing.ts';
import type { Clock, Files, TaskStore } from '../ports.ts';
import { readEnded } from './ended.ts';
import { reportBytes, reportOf } from './report.ts';

export interface DeliverPorts {
  readonly store: TaskStore;
  readonly files: Files;
  readonly clock: Clock;
  /** The files that a report is written to: the home's first. */
  readonly places: (outgoing: Outgoing) => readonly string[];
  readonly say: (level: 'warn', message: string, facts: object) => void;
}

const AGAIN_MS = 5_000;
const AGAIN_MAX_MS = 60_000;
const PATIENCE_MS = 2_000;

/**
 * Writes the reports that are owed for dispatched tasks.
 *
 * 1. A report is whole and on disk, in all its places, before it counts as delivered; what is owed is in the journal, so
 *    a restart writes what a crash left out.
 * 2. The same end gives the same bytes: written twice is written once.
 * 3. Within a project they follow each other; one whose folder is away holds up no other project.
 */
export class Reports {
  readonly #ports: DeliverPorts;
  readonly #queues = new Map<ProjectId, Promise<void>>();
  readonly #under = new Set<string>();
  readonly #failures = new Map<string, number>();
  #unsubscribe: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #running = false;

  constructor(ports: DeliverPorts) {
    this.#ports = ports;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#unsubscribe = this.#ports.store.subscribe((changes) => {
      if (changes.some(({ before, after }) => before?.dispatch && after && 'finished_at' in after)) this.#look();
    });
    this.#look();
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#unsubscribe?.();
    this.#cancel?.();
    await this.#settled();
  }

  /** A project that is away may never answer. */
  async #settled(): Promise<void> {
    let enough = () => {};
    const patience = new Promise<void>((resolve) => {
      enough = this.#ports.clock.after(PATIENCE_MS, resolve);
    });
    await Promise.race([patience, Promise.all(this.#queues.values())]);
    enough();
  }

  #look(): void {
    for (const [key, outgoing] of this.#ports.store.outbox()) {
      if (!outgoing.owed.includes('report') || this.#under.has(key)) continue;
      this.#under.add(key);
      const { project } = outgoing.ref;
      const before = this.#queues.get(project) ?? Promise.resolve();
      const next = before.then(() => this.#try(outgoing)).finally(() => this.#under.delete(key));
      this.#queues.set(project, next);
    }
  }

  async #try(outgoing: Outgoing): Promise<void> {
    if (!this.#running) return;
    const key = keyOf(outgoing.ref);
    try {
      if (await this.#write(outgoing)) return void this.#failures.delete(key);
    } catch (error) {
      this.#failed(key, outgoing, error);
    }
    this.#later(key);
  }

  /** False where nothing can be said of the end yet. */
  async #write(outgoing: Outgoing): Promise<boolean> {
    const { store, files, places } = this.#ports;
    const ended = await readEnded(store, outgoing.ref);
    if (!ended) return false;
    const bytes = reportBytes(reportOf(ended, outgoing));
    const paths = places(outgoing);
    for (const path of paths) {
      const folder = dirname(dirname(path));
      if (!(await files.stat(folder))) throw new Error(`${folder} is not there`); // its disk may come back
      await files.makeDir(dirname(path));
      await files.replace(path, bytes);
      await files.sync(path);
      await files.syncDir(dirname(path)); // invariant 1
    }
    await store.delivered(outgoing.ref, 'report', { ok: true, detail: paths.join(', ') });
    return true;
  }

  #failed(key: string, { ref }: Outgoing, error: unknown): void {
    if (!this.#failures.has(key))
      this.#ports.say('warn', 'a report could not be written; it is tried again', {
        task: ref.id,
        error: String(error),
      });
  }

  #later(key: string): void {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const ms = Math.min(AGAIN_MS * 2 ** (failures - 1), AGAIN_MAX_MS);
    this.#cancel?.();
    if (this.#running) this.#cancel = this.#ports.clock.after(ms, () => this.#look());
  }
}
