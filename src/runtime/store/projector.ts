import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { ProjectId, TaskKey } from '../model/ids.ts';
import { type FinishedTask, isLive, type OpenTask, type Outcome } from '../model/task.ts';
import { triesAtEnd } from '../model/tries.ts';
import { patchIn } from '../policy/patch/patch.ts';
import type { Clock, Files } from '../ports.ts';
import { type QueueLayout, queueOf } from '../taskfile/layout.ts';
import { renderFinished } from '../taskfile/render.ts';
import { readResult } from '../taskfile/result.ts';
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
  /** `written`: whether a file of it may wait in the inbox already; what stands there instead of it is an edit then, else a stranger. */
  | { readonly kind: 'queued'; readonly written: boolean; readonly bytes?: Uint8Array }
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
  /** The machine was started anew since the last record: files may be empty or torn. */
  readonly anotherBoot: (project: ProjectId) => boolean;
  /** The project's folder; undefined while this home does not own its queue. */
  readonly folder: (project: ProjectId) => string | undefined;
  /** What people call the project. */
  readonly nameOf: (project: ProjectId) => string | undefined;
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

  isBusyWith(project: ProjectId): boolean {
    for (const key of this.#jobs.keys()) if (key.startsWith(`${project}/`)) return true;
    return false;
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

  get unsynced(): number {
    return this.#unsynced.size;
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
    else if (task && isLive(task)) await this.#mend(this.#paths(task.project), task);
  }

  /** What a power cut has torn while the task runs. */
  async #mend(paths: QueueLayout, task: OpenTask): Promise<void> {
    const { files } = this.#ports;
    for (const path of [paths.dispatched(task.id), paths.task(task.id)]) {
      const bytes = await files.read(path).catch(() => undefined);
      if (!bytes || sha256(bytes) === task.sha) continue;
      const whole = await this.#ports.body(task);
      if (this.#isTorn(task.project, bytes, whole)) await files.replace(path, whole);
    }
  }

  #paths(project: ProjectId): QueueLayout {
    const folder = this.#ports.folder(project);
    if (folder === undefined) throw new Error('this home does not own the queue of the project');
    return queueOf(folder);
  }

  async #queue(paths: QueueLayout, task: OpenTask, goal: Extract<Goal, { kind: 'queued' }>): Promise<void> {
    const { files } = this.#ports;
    const fresh = task.attempt === 0 && !goal.written;
    const back = !fresh && (await this.#takeBack(paths, task));
    if (!back) await this.#place(paths, task, goal);
    if (!fresh) for (const path of [paths.attempt(task.id), paths.delegated(task.id)]) await files.remove(path);
    this.markUnsynced(paths.task(task.id), paths.inbox);
  }

  /** Its text in the inbox, whole; what else has its name was edited or is moved aside (P1). */
  async #place(paths: QueueLayout, task: OpenTask, goal: Extract<Goal, { kind: 'queued' }>): Promise<void> {
    const { files } = this.#ports;
    const file = paths.task(task.id);
    const stat = goal.written ? await files.stat(file) : undefined;
    if (!stat) {
      const whole = goal.bytes ?? (await this.#ports.body(task));
      return this.#writeNew(task.project, file, whole, () => files.makeDir(paths.inbox));
    }
    const bytes = stat.kind === 'file' ? await files.read(file) : undefined;
    if (!bytes || sha256(bytes) === task.sha) return; // the inbox moves away what is no file
    const whole = await this.#ports.body(task);
    if (this.#isTorn(task.project, bytes, whole)) await files.replace(file, whole);
  }

  /** The file that was claimed goes back to its name, unless a power cut has torn it. */
  async #takeBack(paths: QueueLayout, task: OpenTask): Promise<boolean> {
    const { files } = this.#ports;
    const [file, dispatched] = [paths.task(task.id), paths.dispatched(task.id)];
    const kept = await files.read(dispatched);
    if (!kept) return false;
    if (sha256(kept) !== task.sha && this.#isTorn(task.project, kept, await this.#ports.body(task))) {
      await files.remove(dispatched);
      return false;
    }
    const moved = await files.moveNew(dispatched, file);
    if (moved !== 'exists') return moved === 'moved';
    const waiting = await files.read(file).catch(() => undefined);
    if (waiting && Buffer.compare(waiting, kept) === 0) await files.remove(dispatched);
    else if (waiting && sha256(waiting) === task.sha) await this.#moveAside(dispatched, '.md.dispatched');
    else {
      await this.#moveAside(file); // P1: it came while the task ran
      await files.moveNew(dispatched, file);
    }
    return true;
  }

  async #end(paths: QueueLayout, { before, task, outcome, inPlace }: Extract<Goal, { kind: 'ended' }>): Promise<void> {
    const { files } = this.#ports;
    const sources = await this.#sources(paths, before);
    if (!inPlace) await this.#writeEnd(paths, before, task, outcome, sources[0]?.bytes);
    for (const { path } of sources) await files.remove(path); // P2
    await files.remove(paths.delegated(task.id));
    await files.remove(paths.attempt(task.id));
    this.markUnsynced(paths.inbox);
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
    if (outcome.state === 'done' && outcome.patch) await this.#writePatch(paths, task, outcome.result);
    const source = original ?? (done ? NOTHING : await this.#ports.body(before));
    const path = this.#ports.folder(task.project);
    const name = this.#ports.nameOf(task.project);
    const bytes = renderFinished({
      ...{ task, outcome, source, ...triesAtEnd(before, outcome, task.finished_at) },
      ...(path !== undefined && name !== undefined && { project: { name, path } }),
    });
    await this.#writeNew(
      task.project,
      target,
      bytes,
      () => this.#ports.files.makeDir(folder),
      (there) => tellsOf(task, there, done ? 'done' : 'failed'),
    );
    this.markUnsynced(target, folder);
  }

  /** The patch of a result beside it, and before it: who sees the result finds it there. Made from the result each time. */
  async #writePatch(paths: QueueLayout, task: FinishedTask, result: string): Promise<void> {
    const patch = patchIn(result);
    if (!patch) return;
    const target = paths.patch(task.id);
    const told = await this.#ports.files.read(paths.done(task.id)).catch(() => undefined);
    const isWritten = told !== undefined && tellsOf(task, told, 'done'); // then another text there is somebody's edit
    await this.#writeNew(
      task.project,
      target,
      Buffer.from(patch.text),
      () => this.#ports.files.makeDir(paths.doneDir),
      () => isWritten,
      '.patch',
    );
    this.markUnsynced(target, paths.doneDir);
  }

  /** What of the task lies in the inbox, whole. A file of the same name that says something else is another task. */
  async #sources(paths: QueueLayout, task: OpenTask): Promise<{ path: string; bytes: Uint8Array }[]> {
    const found: { path: string; bytes: Uint8Array }[] = [];
    for (const path of [paths.dispatched(task.id), paths.task(task.id)]) {
      const bytes = await this.#ports.files.read(path).catch(() => undefined);
      if (!bytes) continue;
      if (sha256(bytes) === task.sha) found.push({ path, bytes });
      else {
        const whole = await this.#ports.body(task);
        if (this.#isTorn(task.project, bytes, whole)) found.push({ path, bytes: whole });
        else if (path === paths.dispatched(task.id)) found.push({ path, bytes });
      }
    }
    return found;
  }

  async #writeNew(
    project: ProjectId,
    path: string,
    bytes: Uint8Array,
    makeDir: () => Promise<void>,
    isOurs: (there: Uint8Array) => boolean = () => false,
    suffix = '.md',
  ): Promise<void> {
    const { files } = this.#ports;
    if ((await this.#tryCreate(path, bytes, makeDir)) === 'created') return;
    const there = await files.read(path).catch(() => undefined);
    if (there && Buffer.compare(there, bytes) === 0) return;
    if (there && this.#isTorn(project, there, bytes)) return files.replace(path, bytes); // ours, cut off by a crash
    if (there && isOurs(there)) return; // written before, and edited since
    await this.#moveAside(path, suffix); // P1
    await this.#tryCreate(path, bytes, makeDir);
  }

  /** What a power cut leaves of a file that was not synced. Without one, a file that is merely shorter was edited. */
  #isTorn(project: ProjectId, there: Uint8Array, whole: Uint8Array): boolean {
    if (there.length > whole.length || !there.every((byte, i) => byte === whole[i] || byte === 0)) return false;
    const shorter = there.length > 0 && !there.some((byte, i) => byte !== whole[i]);
    return !shorter || (this.#ports.anotherBoot(project) && there.length < whole.length);
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

  /** For good: under its old name it would come back after a power cut and be taken twice. */
  async #moveAside(path: string, suffix = '.md'): Promise<void> {
    const { files } = this.#ports;
    const stem = path.slice(0, -suffix.length);
    for (let n = 2; (await files.moveNew(path, `${stem}-${n}${suffix}`)) === 'exists'; ) n++;
    await files.syncDir(dirname(path));
  }
}

function mergeGoals(old: Goal, next: Goal): Goal {
  if (next.kind === 'ended' || old.kind === 'ended') return next.kind === 'ended' ? next : old;
  return old.written ? next : old;
}

/** The file tells of this very end. */
function tellsOf(task: FinishedTask, there: Uint8Array, folder: 'done' | 'failed'): boolean {
  const told = readResult(there, { folder, id: task.id, mtimeMs: 0 }).task;
  return told.sha === task.sha && told.finished_at === task.finished_at;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
