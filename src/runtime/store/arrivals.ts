import type { Event } from '../model/event.ts';
import { keyOf, type ProjectId, TaskId, type TaskKey } from '../model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { Cause } from '../model/task.ts';
import { findCycle } from '../policy/dependencies.ts';
import { slugOf } from '../policy/slug.ts';
import type { Enqueued, Files, NewTask } from '../ports.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import type { Adoption } from './adoption.ts';
import { encodeBytes } from './bytes.ts';
import type { Commits, Decision } from './commit.ts';
import { dependencyFailed } from './decide.ts';
import type { Ground } from './ground.ts';
import { sha256 } from './projector.ts';
import { Room } from './room.ts';
import type { State } from './state.ts';

export type Dependency = 'open' | 'done' | 'failed';

/** A new task with everything that had to be looked up before the decision. */
interface Prepared {
  readonly task: NewTask;
  readonly id: TaskId;
  readonly sha: string;
  /** Dependencies that only the disk knows. */
  readonly onDisk: ReadonlyMap<TaskId, Dependency>;
}

/** What the tasks of one call share. */
interface Call {
  readonly batch: readonly Prepared[];
  readonly room: Room;
  readonly events: Event[];
}

/** Somebody made it already: the decision looks again what it is. */
interface Again {
  readonly again: NewTask;
}

interface Beside {
  /** Adds to the same record what follows from the answers. */
  readonly besides?: (answers: readonly (Enqueued | Refusal)[]) => readonly Event[];
  /** With it nothing new is taken; what is there already is answered all the same. */
  readonly noRoom?: Refusal;
}

/** New tasks: ids, idempotency keys, dependencies, bounds; one record for all of a call. */
export class Arrivals {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #adoption: Adoption;
  /** Ids on their way into a record. */
  readonly #reserved = new Set<TaskKey>();

  constructor(ground: Ground, commits: Commits, adoption: Adoption) {
    this.#ground = ground;
    this.#commits = commits;
    this.#adoption = adoption;
  }

  async enqueue(
    tasks: readonly NewTask[],
    cause: Cause,
    { besides = () => [], noRoom }: Beside = {},
  ): Promise<(Enqueued | Refusal)[]> {
    const reserved: TaskKey[] = [];
    try {
      const prepared: (Prepared | Refusal | Again)[] = [];
      for (const task of tasks) prepared.push(await this.#prepare(task, cause, reserved, noRoom));
      return await this.#commits.commit(cause, (state) => {
        const { events, reply } = this.#decide(state, prepared);
        return { events: [...events, ...besides(reply)], reply };
      });
    } finally {
      for (const key of reserved) this.#reserved.delete(key);
    }
  }

  async #prepare(
    task: NewTask,
    cause: Cause,
    reserved: TaskKey[],
    noRoom: Refusal | undefined,
  ): Promise<Prepared | Refusal | Again> {
    if (cause.call !== undefined && this.#commits.working.replies.has(cause.call)) return NOT_KEPT; // else it gets its first answer
    const folder = this.#adoption.folder(task.project);
    if (folder === undefined)
      return refuse('read_only', 'the queue of this project belongs to another home', 'use that home');
    if (this.#repeated(this.#commits.working, task)) return { again: task };
    if (noRoom) return noRoom;
    const id = await this.#reserve(task, reserved);
    if (isRefusal(id)) return id;
    const onDisk = new Map<TaskId, Dependency>();
    const paths = this.#adoption.paths(task.project);
    for (const on of task.spec.depends_on)
      onDisk.set(on, paths ? await dependencyOnDisk(this.#ground.files, paths, on) : 'open');
    return { task, id, sha: sha256(task.bytes), onDisk };
  }

  /** The id that was asked for, or a free one made from the title. It stays ours until the record is durable. */
  async #reserve(task: NewTask, reserved: TaskKey[]): Promise<TaskId | Refusal> {
    const stem = task.retry_of ?? slugOf(task.title);
    for (let n = 1; ; n++) {
      const id = task.id ?? TaskId.parse(n === 1 ? stem : `${stem}-${n}`);
      if (await this.#tryReserve(task, id, reserved)) return id;
      if (task.id)
        return refuse(
          'id_taken',
          `the project has a task ${id} already`,
          'leave id out to get a free one, or choose another',
        );
    }
  }

  async #tryReserve(task: NewTask, id: TaskId, reserved: TaskKey[]): Promise<boolean> {
    const key = keyOf({ project: task.project, id });
    const { working } = this.#commits;
    if (this.#reserved.has(key) || working.open.has(key) || working.finished.has(key)) return false;
    this.#reserved.add(key); // before the look at the disk: nobody else may choose the same id meanwhile
    reserved.push(key);
    return !(await this.#isOnDisk(task, id));
  }

  async #isOnDisk(task: NewTask, id: TaskId): Promise<boolean> {
    const paths = this.#adoption.paths(task.project);
    if (!paths) return false;
    const chosenByUs = task.source !== 'drop' && task.id === undefined; // then even a drop that nobody has taken yet is in the way
    const places = [paths.done(id), paths.failed(id), ...(chosenByUs ? [paths.task(id)] : [])];
    for (const path of places) if (await this.#ground.files.stat(path)) return true;
    return false;
  }

  #repeated(state: State, task: NewTask): Enqueued | undefined {
    const key = task.spec.idempotency_key;
    const earlier = key === undefined ? undefined : state.keys.get(`${task.project}\n${key}`);
    if (!earlier) return undefined;
    const ref = { project: task.project, id: earlier.id };
    const at = state.open.get(keyOf(ref)) ?? state.finished.get(keyOf(ref));
    return { ref, state: at?.state ?? 'done', created: false };
  }

  #decide(state: State, prepared: readonly (Prepared | Refusal | Again)[]): Decision<(Enqueued | Refusal)[]> {
    const fresh = prepared.filter((one): one is Prepared => 'sha' in one);
    const events: Event[] = [];
    const room = new Room(state, this.#ground.config, this.#ground.clock.now());
    const keys = new Map<string, TaskId>(); // idempotency keys within this very call
    const reply = prepared.map((one): Enqueued | Refusal => {
      if ('again' in one) return this.#repeated(state, one.again) ?? NOT_KEPT;
      if (!('sha' in one)) return one;
      const again = this.#repeated(state, one.task) ?? repeatedHere(keys, one);
      return again ?? this.#admit(state, one, { batch: fresh, room, events });
    });
    return { events, reply };
  }

  #admit(state: State, one: Prepared, { batch, room, events }: Call): Enqueued | Refusal {
    const { task, id, sha } = one;
    const ref = { project: task.project, id };
    const full = room.refuse(task);
    if (full) return full;
    const cycle = task.spec.depends_on.length > 0 ? cycleOf(state, one, batch) : undefined;
    if (cycle) return refuse('cycle', `depends_on: the dependencies form a cycle: ${cycle}`, 'remove one of them');
    const dependencies = task.spec.depends_on.map((on) => ({
      on,
      is: dependencyState(state, task.project, on, one.onDisk),
    }));
    const failed = dependencies.find(({ is }) => is === 'failed');
    const now = this.#ground.clock.now();
    events.push({
      type: 'task_queued',
      bytes: encodeBytes(task.bytes),
      task: {
        ...ref,
        state: 'queued',
        queued_at: now,
        spec: task.spec,
        title: task.title,
        sha,
        size: task.bytes.length,
        source: task.source,
        enqueued_by: task.enqueued_by,
        ...(task.parent && { parent: task.parent }),
        depth: task.depth ?? 0,
        ...(task.retry_of && { retry_of: task.retry_of }),
        ...(task.dispatch && { dispatch: task.dispatch }),
        ...(task.spec.not_before !== undefined && { not_before: Date.parse(task.spec.not_before) }),
        attempt: 0,
        spent: 0,
        waits_for: dependencies.filter(({ is }) => is !== 'done').map(({ on }) => on),
      },
    });
    if (failed && task.spec.on_dependency_failure === 'fail') {
      events.push(dependencyFailed({ ...ref, attempt: 0 }, failed.on));
      return { ref, state: 'failed', created: true };
    }
    room.took(task.project);
    return { ref, state: 'queued', created: true };
  }
}

/** The journal took back what this call found in the working state. */
const NOT_KEPT = refuse('busy', 'what this call repeats was not kept', 'send it again');

/** The cycle that this very task closes; others of its batch are refused by themselves. */
function cycleOf(state: State, { id, task }: Prepared, batch: readonly Prepared[]): string | undefined {
  const here = batch.filter((other) => other.task.project === task.project);
  const added = here.map((other) => ({ id: other.id, depends_on: other.task.spec.depends_on }));
  const cycle = findCycle((on) => openDependencies(state, task.project, on), added);
  return cycle?.split(' → ').includes(id) ? cycle : undefined;
}

export function openDependencies(state: State, project: ProjectId, on: string) {
  const task = state.open.get(`${project}/${on}` as TaskKey);
  return task && { id: task.id, depends_on: task.waits_for };
}

function repeatedHere(keys: Map<string, TaskId>, one: Prepared): Enqueued | undefined {
  const key = one.task.spec.idempotency_key;
  if (key === undefined) return undefined;
  const full = `${one.task.project}\n${key}`;
  const earlier = keys.get(full);
  if (earlier) return { ref: { project: one.task.project, id: earlier }, state: 'queued', created: false };
  keys.set(full, one.id);
  return undefined;
}

export function dependencyState(
  state: State,
  project: ProjectId,
  on: TaskId,
  onDisk: ReadonlyMap<TaskId, Dependency>,
): Dependency {
  const key = keyOf({ project, id: on });
  if (state.open.has(key)) return 'open';
  const ended = state.finished.get(key);
  if (ended) return ended.state === 'done' ? 'done' : 'failed';
  return onDisk.get(on) ?? 'open';
}

/** What the files say of a task that has long been finished. */
export async function dependencyOnDisk(files: Files, paths: QueueLayout, id: TaskId): Promise<Dependency> {
  if (await files.stat(paths.done(id))) return 'done';
  return (await files.stat(paths.failed(id))) ? 'failed' : 'open';
}
