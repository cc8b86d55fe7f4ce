import type { Event, JournalRecord } from '../model/event.ts';
import { keyOf, type ProjectId, type TaskKey } from '../model/ids.ts';
import type { FinishedTask, OpenTask } from '../model/task.ts';
import type { Change } from '../ports.ts';
import type { Adoption } from './adoption.ts';
import type { Bodies } from './bodies.ts';
import { decodeBytes } from './bytes.ts';
import type { Commits } from './commit.ts';
import type { Ground } from './ground.ts';
import { Projector } from './projector.ts';

const BYTES_IN_HAND = 64 * 1_048_576; // beyond it the bytes are read from the journal again

/** From committed records to what the files and the finished index must become. */
export class Projections {
  readonly #ground: Ground;
  readonly #projector: Projector;
  readonly #adoption: Adoption;
  readonly #troubles = new Map<TaskKey, string>();
  readonly #held = new Map<TaskKey, number>();
  #inHand = 0;

  constructor(ground: Ground, commits: Commits, adoption: Adoption, bodies: Bodies) {
    this.#ground = ground;
    this.#adoption = adoption;
    this.#projector = new Projector({
      files: ground.files,
      clock: ground.clock,
      anotherBoot: (project) => adoption.anotherBoot(project),
      folder: (project) => adoption.folder(project),
      nameOf: (project) => commits.committed.projects.get(project)?.name,
      current: (key) => commits.committed.open.get(key),
      body: (task) => bodies.of(task),
      trouble: (key, error) => this.#troubles.set(key, String(error)),
      done: (key) => this.#written(key),
    });
  }

  /** `replay`: the record was committed by an earlier run of this runtime. */
  follow(record: JournalRecord, changes: readonly Change[], when: 'live' | 'replay'): void {
    const finished: FinishedTask[] = [];
    for (const change of changes) {
      if (change.after && 'finished_seq' in change.after && change.type === 'task_finished' && change.before) {
        finished.push(change.after);
        this.#ended(record, change.before, change.after);
      } else if (when === 'live' && change.after?.state === 'queued') {
        this.#queued(record, change.type, change.after as OpenTask);
      }
    }
    this.#list(record, finished);
  }

  /** The index follows the journal; a replay adds only what a crash kept out of it. */
  #list(record: JournalRecord, finished: readonly FinishedTask[]): void {
    const { index, indexed } = this.#ground;
    const missing = finished.filter((task) => task.finished_seq > indexed.lastSeq || !indexed.atLastSeq(task));
    const amendments = record.events.flatMap((event) =>
      event.type === 'task_retried' ? [{ amend: { project: event.project, id: event.id, retried_as: event.as } }] : [],
    );
    const lines = [...(record.seq < indexed.lastSeq ? [] : missing), ...amendments];
    if (lines.length > 0) index.append(lines);
  }

  #ended(record: JournalRecord, before: OpenTask, task: FinishedTask): void {
    const event = endOf(record.events, task);
    if (event)
      this.#projector.request(keyOf(task), {
        kind: 'ended',
        before,
        task,
        outcome: event.outcome,
        inPlace: event.from_file === true,
      });
  }

  #queued(record: JournalRecord, type: Change['type'], task: OpenTask): void {
    const key = keyOf(task);
    switch (type) {
      case 'task_queued': {
        if (task.source === 'drop') {
          const paths = this.#adoption.paths(task.project);
          if (paths) this.#projector.markUnsynced(paths.task(task.id), paths.inbox); // its file is there, but perhaps not safe
          return;
        }
        this.#projector.request(key, { kind: 'queued', written: false, ...this.#bytes(record.events, task) });
        return;
      }
      case 'task_requeued':
      case 'claim_void':
        this.#projector.request(key, { kind: 'queued', written: false }); // while it ran, others might take its name
        return;
      case 'task_released':
        this.#projector.request(key, { kind: 'queued', written: true });
        return;
    }
  }

  #written(key: TaskKey): void {
    this.#troubles.delete(key);
    this.#inHand -= this.#held.get(key) ?? 0;
    this.#held.delete(key);
    this.#adoption.markSoon((project) => this.isConverged(project));
  }

  #bytes(events: readonly Event[], task: OpenTask): { bytes?: Uint8Array } {
    if (this.#inHand > BYTES_IN_HAND) return {};
    const event = events.find(
      (e) => e.type === 'task_queued' && e.task.id === task.id && e.task.project === task.project,
    );
    if (event?.type !== 'task_queued') return {};
    const bytes = decodeBytes(event.bytes);
    this.#inHand += bytes.length;
    this.#held.set(keyOf(task), bytes.length);
    return { bytes };
  }

  /** Writes a queued task's file where it is missing or torn; one that was not `written` yet moves a stranger aside. */
  restore(key: TaskKey, written = true): void {
    this.#projector.request(key, { kind: 'queued', written });
  }

  markUnsynced(...paths: string[]): void {
    this.#projector.markUnsynced(...paths);
  }

  takeUnsynced(): string[] {
    return this.#projector.takeUnsynced();
  }

  get unsynced(): number {
    return this.#projector.unsynced;
  }

  get pending(): number {
    return this.#projector.pending;
  }

  settled(key: TaskKey): Promise<void> {
    return this.#projector.settled(key);
  }

  reached(ms: number): Promise<boolean> {
    return this.#projector.reached(ms);
  }

  /** Whether all files of a project say what the journal says. */
  isConverged(project: ProjectId): boolean {
    return !this.#projector.isBusyWith(project);
  }

  isPending(key: TaskKey): boolean {
    return this.#projector.isPending(key);
  }

  troubles(): readonly { key: string; message: string }[] {
    return [...this.#troubles].map(([key, message]) => ({ key, message }));
  }

  stop(): Promise<void> {
    return this.#projector.stop();
  }
}

function endOf(events: readonly Event[], task: FinishedTask): Extract<Event, { type: 'task_finished' }> | undefined {
  const event = events.find((e) => e.type === 'task_finished' && e.id === task.id && e.project === task.project);
  return event?.type === 'task_finished' ? event : undefined;
}
