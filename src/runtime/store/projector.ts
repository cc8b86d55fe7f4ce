import { createHash } from 'node:crypto';
import type { ProjectId, TaskKey } from '../model/ids.ts';
import type { FinishedTask, OpenTask, Outcome } from '../model/task.ts';
import type { Clock, Files } from '../ports.ts';
import { type QueueLayout, queueOf } from '../taskfile/layout.ts';
import { renderFinished } from '../taskfile/render.ts';
import { Pace } from './pace.ts';

/*
 * Files are projections of the journal: each job here can be done again at any time and ends the same.
 *
 * P1. Nothing that somebody else wrote is overwritten: what stands in the way is moved aside first.
 * P2. Destination first, source last: at no moment is a task in no folder.
 * P3. Jobs of one task run one after another; a failed job is tried again until it works.
 */

const SLICE = 32;
const RETRY_MS = 1_000;
const NOTHING = new Uint8Array(0);

/** What the files of a task should become. */
export type Goal =
  | { readonly kind: 'queued'; readonly first?: boolean; readonly bytes?: Uint8Array } // `first`: no file of it was written yet
  | {
      readonly kind: 'ended';
      readonly before: OpenTask;
      readonly task: FinishedTask;
      readonly outcome: Outcome;
      readonly inPlace: boolean;
    };

interface Job {
  goal: Goal;
  readonly waiters: (() => void)[];
}

export interface ProjectorPorts {
  readonly files: Files;
  readonly clock: Clock;
  /** The project's folder; undefined while this home does not own its queue. */
  readonly folder: (project: ProjectId) => string | undefined;
  /** An open task as it is now. */
  readonly current: (key: TaskKey) => OpenTask | undefined;
  /** A task's bytes from the journal. */
  readonly body: (task: OpenTask) => Promise<Uint8Array>;
  readonly trouble: (key: TaskKey, error: unknown) => void;
  readonly done: (key: TaskKey) => void;
}

export class Projector {
  readonly #ports: ProjectorPorts;
  readonly #jobs = new Map<TaskKey, Job>();
  readonly #ready = new Set<TaskKey>();
  readonly #first = new Set<TaskKey>();
  readonly #unsynced = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  #stopped = false;
  readonly #pace: Pace;
  readonly #stopping: Promise<false>;
  #stop = () => {};

  constructor(ports: ProjectorPorts) {
    this.#ports = ports;
    this.#pace = new Pace(ports.clock, () => this.#slice());
    this.#stopping = new Promise((resolve) => {
      this.#stop = () => resolve(false);
    });
  }

  get pending(): number {
    return this.#jobs.size;
  }

  request(key: TaskKey, goal: Goal): void {
    const job = this.#jobs.get(key);
    if (job) {
      job.goal = mergeGoals(job.goal, goal);
      return;
    }
    this.#jobs.set(key, { goal, waiters: [] });
    this.#ready.add(key);
    this.#pace.want();
  }

  isPending(key: TaskKey): boolean {
    return this.#jobs.has(key);
  }

  /** Settles when the task's files say what was asked for so far. */
  async settled(key: TaskKey): Promise<void> {
    const job = this.#jobs.get(key);
    if (!job) return;
    if (this.#ready.delete(key)) this.#first.add(key);
    this.#pace.hurry();
    await new Promise<void>((resolve) => job.waiters.push(resolve));
  }

  /** Whether everything asked for so far was written within `ms`. */
  async reached(ms: number): Promise<boolean> {
    const all = Promise.all([...this.#jobs.keys()].map((key) => this.settled(key))).then(() => true);
    let cancel = () => {};
    const late = new Promise<boolean>((resolve) => {
      cancel = this.#ports.clock.after(ms, () => resolve(false));
    });
    return Promise.race([all, late, this.#stopping]).finally(cancel);
  }

  /** The files and folders written since the last call; they must be synced before the journal forgets them. */
  takeUnsynced(): string[] {
    const paths = [...this.#unsynced];
    this.#unsynced.clear();
    return paths;
  }

  markUnsynced(...paths: string[]): void {
    for (const path of paths) this.#unsynced.add(path);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#pace.stop();
    this.#stop();
    await Promise.all(this.#running);
  }

  async #slice(): Promise<'more' | 'done'> {
    for (const key of this.#next()) this.#begin(key);
    await Promise.all(this.#running);
    return this.#first.size + this.#ready.size > 0 && !this.#stopped ? 'more' : 'done';
  }

  /** Those that somebody waits for come first. */
  #next(): TaskKey[] {
    const keys: TaskKey[] = [];
    for (const line of [this.#first, this.#ready]) {
      for (const key of line) {
        if (keys.length === SLICE || this.#stopped) return keys;
        line.delete(key);
        keys.push(key);
      }
    }
    return keys;
  }

  #begin(key: TaskKey): void {
    const run: Promise<void> = this.#run(key).finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  async #run(key: TaskKey): Promise<void> {
    const job = this.#jobs.get(key);
    if (!job) return;
    const goal = job.goal;
    try {
      await this.#reach(key, goal);
    } catch (error) {
      this.#ports.trouble(key, error);
      this.#ports.clock.after(RETRY_MS, () => this.#again(key)); // P3
      return;
    }
    if (job.goal !== goal) {
      this.#again(key);
      return;
    }
    this.#jobs.delete(key);
    this.#ports.done(key);
    for (const resolve of job.waiters) resolve();
  }

  #again(key: TaskKey): void {
    this.#ready.add(key);
    this.#pace.want();
  }

  async #reach(key: TaskKey, goal: Goal): Promise<void> {
    if (goal.kind === 'ended') {
      const paths = this.#paths(goal.task.project);
      return this.#end(paths, goal);
    }
    const task = this.#ports.current(key);
    if (task?.state === 'queued') await this.#queue(this.#paths(task.project), task, goal);
  }

  #paths(project: ProjectId): QueueLayout {
    const folder = this.#ports.folder(project);
    if (folder === undefined) throw new Error('this home does not own the queue of the project');
    return queueOf(folder);
  }

  async #queue(paths: QueueLayout, task: OpenTask, goal: Extract<Goal, { kind: 'queued' }>): Promise<void> {
    const { files } = this.#ports;
    const file = paths.task(task.id);
    this.markUnsynced(file, paths.inbox);
    if (goal.first) {
      await this.#writeNew(file, goal.bytes ?? (await this.#ports.body(task)), () => files.makeDir(paths.inbox));
      return;
    }
    if (!(await files.stat(file)) && (await files.moveNew(paths.dispatched(task.id), file)) === 'missing') {
      await this.#writeNew(file, await this.#ports.body(task), () => files.makeDir(paths.inbox));
    }
    await files.remove(paths.attempt(task.id));
    await files.remove(paths.delegated(task.id));
  }

  async #end(paths: QueueLayout, { before, task, outcome, inPlace }: Extract<Goal, { kind: 'ended' }>): Promise<void> {
    const { files } = this.#ports;
    const source = await this.#source(paths, before);
    if (!inPlace) await this.#writeEnd(paths, before, task, outcome, source?.bytes);
    this.markUnsynced(paths.inbox);
    if (source) await files.remove(source.path); // P2
    await files.remove(paths.delegated(task.id));
    await files.remove(paths.attempt(task.id));
  }

  async #writeEnd(
    paths: QueueLayout,
    before: OpenTask,
    task: FinishedTask,
    outcome: Outcome,
    original: Uint8Array | undefined,
  ): Promise<void> {
    const done = outcome.state === 'done';
    const folder = done ? paths.doneDir : paths.failedDir;
    const target = done ? paths.done(task.id) : paths.failed(task.id);
    const source = original ?? (done ? NOTHING : await this.#ports.body(before));
    const bytes = renderFinished({ task, outcome, source });
    await this.#writeNew(target, bytes, () => this.#ports.files.makeDir(folder));
    this.markUnsynced(target, folder);
  }

  /** The file that the task still has in the inbox. A file of the same name that says something else is another task. */
  async #source(paths: QueueLayout, task: OpenTask): Promise<{ path: string; bytes: Uint8Array } | undefined> {
    const { files } = this.#ports;
    const dispatched = await files.read(paths.dispatched(task.id));
    if (dispatched) return { path: paths.dispatched(task.id), bytes: dispatched };
    const waiting = await files.read(paths.task(task.id));
    if (waiting && sha256(waiting) === task.sha) return { path: paths.task(task.id), bytes: waiting };
    return undefined;
  }

  async #writeNew(path: string, bytes: Uint8Array, makeDir: () => Promise<void>): Promise<void> {
    const { files } = this.#ports;
    if ((await this.#tryCreate(path, bytes, makeDir)) === 'created') return;
    const there = await files.read(path).catch(() => undefined);
    if (there && Buffer.compare(there, bytes) === 0) return;
    if (there && (there.length === 0 || isTornCopy(there, bytes))) return files.replace(path, bytes); // ours, cut off by a crash
    await this.#moveAside(path); // P1
    await this.#tryCreate(path, bytes, makeDir);
  }

  async #tryCreate(path: string, bytes: Uint8Array, makeDir: () => Promise<void>): Promise<'created' | 'exists'> {
    const { files } = this.#ports;
    try {
      return await files.create(path, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await makeDir();
      return files.create(path, bytes);
    }
  }

  async #moveAside(path: string): Promise<void> {
    const stem = path.slice(0, -'.md'.length);
    for (let n = 2; ; n++) if ((await this.#ports.files.moveNew(path, `${stem}-${n}.md`)) !== 'exists') return;
  }
}

function mergeGoals(old: Goal, next: Goal): Goal {
  if (next.kind === 'ended' || old.kind === 'ended') return next.kind === 'ended' ? next : old;
  return old.first ? old : next;
}

function isTornCopy(there: Uint8Array, whole: Uint8Array): boolean {
  const zeroes = there.findIndex((byte, i) => byte !== whole[i]);
  const same = zeroes === -1 ? there.length : zeroes;
  return there.length <= whole.length && there.subarray(same).every((byte) => byte === 0);
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
