import { keyOf, TaskId, type TaskRef } from '../runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { WorktreeView } from '../runtime/worktree-desk.ts';
import type { Yard } from '../runtime/yard.ts';
import { findTask, refOf } from '../tools/find-task.ts';

/* The worktrees of tasks, for the command line. They are meant by their tasks. */

type Params = Readonly<Record<string, unknown>>;

const OWNER = { principal: 'owner', name: 'owner' } as const;

export async function list(yard: Yard): Promise<object> {
  return { worktrees: (await yard.worktrees.list()).map((view) => shown(yard, view)) };
}

/** What would go, or with `act` what has gone: all that are clean, or those of the named tasks. */
export async function clean(yard: Yard, { tasks, discard, act }: Params): Promise<object | Refusal> {
  const which = Array.isArray(tasks) && tasks.length > 0 ? await named(yard, tasks) : undefined;
  if (isRefusal(which)) return which;
  const views = await yard.worktrees.list();
  const meant = which?.map(keyOf);
  const those = views.filter(({ task }) => meant === undefined || meant.includes(keyOf(task)));
  const none = which?.find((ref) => !views.some(({ task }) => keyOf(task) === keyOf(ref)));
  if (none)
    return refuse('not_found', `task ${none.id} has no worktree`, 'yardmaster worktrees lists those that are there');
  const all = discard === true;
  if (act !== true) return { worktrees: those.filter((view) => goes(view, all)).map((view) => shown(yard, view)) };
  const cleaned = await yard.worktrees.clean(
    those.map(({ task }) => task),
    { discard: all },
  );
  return { cleaned: cleaned.map(({ task, ...rest }) => ({ ...nameOf(yard, task), ...rest })) };
}

function goes({ in_use, uncommitted }: WorktreeView, discard: boolean): boolean {
  return !in_use && (discard || uncommitted === undefined);
}

/** By `{id, project}`, each as the other commands take a task. A task whose file is gone is meant by its worktree. */
async function named(yard: Yard, tasks: readonly unknown[]): Promise<TaskRef[] | Refusal> {
  const views = await yard.worktrees.list();
  const refs: TaskRef[] = [];
  for (const one of tasks) {
    const { id, project } = (one ?? {}) as Params;
    const known = views.filter(
      ({ task }) => task.id === id && (project === undefined || project === yard.projectName(task.project)),
    );
    const [only] = known;
    const ref = only && known.length === 1 ? only.task : await found(yard, id, project);
    if (isRefusal(ref)) return ref;
    refs.push(ref);
  }
  return refs;
}

async function found(yard: Yard, id: unknown, project: unknown): Promise<TaskRef | Refusal> {
  const named = TaskId.safeParse(id);
  if (!named.success)
    return refuse('invalid', `"${String(id).slice(0, 100)}" is no task id`, 'yardmaster worktrees lists them');
  const of = typeof project === 'string' ? { project } : {};
  const task = await findTask({ yard, caller: OWNER }, { id: named.data, ...of });
  return isRefusal(task) ? task : refOf(task);
}

function shown(yard: Yard, { task, ...view }: WorktreeView): object {
  return { ...nameOf(yard, task), ...view };
}

function nameOf(yard: Yard, { project, id }: TaskRef): { project: string; id: string } {
  return { project: yard.projectName(project), id };
}
