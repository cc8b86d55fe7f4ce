import { refuseDrop } from '../inbox/drop-rules.ts';
import type { Event } from '../model/event.ts';
import { keyOf, type TaskId, type TaskRef } from '../model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { TaskSpec } from '../model/spec.ts';
import type { OpenTask, QueuedTask } from '../model/task.ts';
import { findCycle } from '../policy/dependencies.ts';
import type { Files } from '../ports.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import { type ParsedTask, parseTask } from '../taskfile/parse.ts';
import type { Adoption } from './adoption.ts';
import { type Dependency, dependencyOnDisk, dependencyState, openDependencies } from './arrivals.ts';
import { encodeBytes } from './bytes.ts';
import type { Commits } from './commit.ts';
import { finishEvents } from './decide.ts';
import type { Ground } from './ground.ts';
import type { Projections } from './projections.ts';
import { sha256 } from './projector.ts';
import type { State } from './state.ts';

/*
 * A waiting task is what its file says: whoever edits the file changes the task. An edit may ask for no more than a
 * dropped file may; what the task was given by a call stays allowed.
 */

/** So begins the reason of a task that an edit has ended. */
export const SPOILT = 'it was edited, and then: ';

const LATER = 'it is looked at again by itself';

export type FileText = { readonly bytes: Uint8Array; readonly sha: string; readonly whole: boolean };

/** The file's text, at most one byte more than a task may have. */
export async function readTaskFile(files: Files, path: string, limit: number): Promise<FileText | undefined> {
  const bytes = await files.read(path, limit + 1);
  return bytes && { bytes, sha: sha256(bytes), whole: bytes.length <= limit };
}

export class Edits {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #adoption: Adoption;
  readonly #projections: Pick<Projections, 'isPending'>;

  constructor(ground: Ground, commits: Commits, adoption: Adoption, projections: Pick<Projections, 'isPending'>) {
    this.#ground = ground;
    this.#commits = commits;
    this.#adoption = adoption;
    this.#projections = projections;
  }

  /** Looks at the file of a waiting task and takes over what it says. */
  async reread(ref: TaskRef): Promise<void> {
    const paths = this.#adoption.paths(ref.project);
    if (!paths) return;
    const { files, config } = this.#ground;
    const text = await readTaskFile(files, paths.task(ref.id), config.limits.max_task_bytes);
    const task = this.#commits.working.open.get(keyOf(ref));
    if (text && task?.state === 'queued' && task.sha !== text.sha) await this.take(paths, task, text);
  }

  /** Its route is decided anew; a text that can't be a task ends it. The answer is for whoever wanted to claim it. */
  async take(paths: QueueLayout, task: QueuedTask, text: FileText): Promise<Refusal> {
    if (this.#isToFollow(task, text)) return refuse('stale', `the file of task ${task.id} is being changed`, LATER);
    const parsed = this.#parse(task, text);
    const onDisk = new Map<TaskId, Dependency>();
    if (!isRefusal(parsed))
      for (const on of parsed.spec.depends_on) onDisk.set(on, await dependencyOnDisk(this.#ground.files, paths, on));
    await this.#commits.commit({ by: 'drop' }, (state) => {
      const now = state.open.get(keyOf(task));
      const current = now?.state === 'queued' && now.sha === task.sha;
      return { events: current ? editEvents(state, now, text, parsed, onDisk) : [], reply: null };
    });
    return refuse('stale', `task ${task.id} was edited meanwhile`, LATER);
  }

  /** Not an edit but the text before a change of our own, on its way into the file. Afterwards it would be an edit. */
  #isToFollow(task: QueuedTask, { sha }: FileText): boolean {
    if (!task.replaces?.includes(sha)) return false;
    return this.#projections.isPending(keyOf(task)) || this.#commits.committed.open.get(keyOf(task))?.sha !== task.sha;
  }

  #parse(task: OpenTask, { bytes, whole }: FileText): ParsedTask | Refusal {
    const { limits, checks, callbacks } = this.#ground.config;
    if (!whole)
      return refuse('invalid', `its file has more than the ${limits.max_task_bytes} bytes that a task may have`, '');
    const parsed = parseTask(bytes);
    if (isRefusal(parsed)) return parsed;
    const rules = { checks: new Set(Object.keys(checks)), callbacks };
    return refuseDrop(asksAnew(parsed.spec, task.spec), rules) ?? parsed;
  }
}

function editEvents(
  state: State,
  task: QueuedTask,
  { bytes, sha, whole }: FileText,
  parsed: ParsedTask | Refusal,
  onDisk: ReadonlyMap<TaskId, Dependency>,
): Event[] {
  const ref = { project: task.project, id: task.id };
  const edit = (now: Pick<QueuedTask, 'spec' | 'title' | 'waits_for'>): Event => {
    const { spec, title, waits_for } = now;
    return {
      ...{ type: 'task_edited', ...ref, bytes: encodeBytes(bytes) },
      task: { spec, title, waits_for, sha, size: bytes.length },
    };
  };
  const spoilt = (reason: string): Event[] => [
    ...(whole ? [edit(task)] : []),
    ...finishEvents(state, task, { state: 'failed', error_class: 'invalid', reason }),
  ];
  if (isRefusal(parsed)) return spoilt(SPOILT + parsed.message);
  const { spec, title } = parsed;
  const cycle = findCycle(
    (on) => openDependencies(state, task.project, on),
    [{ id: task.id, depends_on: spec.depends_on }],
  );
  if (cycle) return spoilt(`${SPOILT}depends_on: the dependencies form a cycle: ${cycle}`);
  const dependencies = spec.depends_on.map((on) => ({ on, is: dependencyState(state, task.project, on, onDisk) }));
  const waits_for = dependencies.filter(({ is }) => is !== 'done').map(({ on }) => on);
  const failed = dependencies.find(({ is }) => is === 'failed');
  const change = edit({ spec, title, waits_for });
  if (!failed || spec.on_dependency_failure === 'hold') return [change];
  const reason = `it depends on ${failed.on}, which was not done`;
  return [change, ...finishEvents(state, task, { state: 'failed', error_class: 'dependency', reason })];
}

/** What the rules for dropped files have to look at: what was asked for before stays as it was. */
function asksAnew(now: TaskSpec, before: TaskSpec): TaskSpec {
  const same = (key: keyof TaskSpec) => JSON.stringify(now[key]) === JSON.stringify(before[key]);
  return Object.fromEntries(
    Object.entries(now).filter(([key]) => !GUARDED.has(key) || !same(key as keyof TaskSpec)),
  ) as TaskSpec;
}

const GUARDED: ReadonlySet<string> = new Set(['verify', 'permission_mode', 'allowed_tools', 'callback_url']);
