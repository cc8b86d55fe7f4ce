import type { ProjectId, TaskId } from '../../runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import { findScope } from '../find-project.ts';
import { type AnyTask, findTask } from '../find-task.ts';
import { notRefused } from '../not-refused.ts';
import type { ToolContext } from '../tool.ts';

export interface Selected {
  readonly id?: TaskId | undefined;
  readonly ids?: readonly TaskId[] | undefined;
  readonly group?: string | undefined;
  readonly project?: string | undefined;
}

export interface Selection {
  readonly tasks: readonly AnyTask[];
  /** Those of `ids` that could not be found, with the reason. */
  readonly missing: readonly { readonly id: string; readonly message: string; readonly hint: string }[];
  /** The group has more members than were looked at. */
  readonly more: boolean;
}

const MAX_MEMBERS = 1_000;
const PAGE = 200;

/** The tasks that `id`, `ids` or `group` name. */
export async function selectTasks(
  ctx: ToolContext,
  { id, ids, group, project }: Selected,
): Promise<Selection | Refusal> {
  const given = [id, ids, group].filter((one) => one !== undefined).length;
  if (given !== 1)
    return refuse(
      'invalid',
      `${given === 0 ? 'none' : 'more than one'} of id, ids and group is given`,
      'give exactly one of them',
    );
  if (group !== undefined) return selectGroup(ctx, group, project);
  if (ids !== undefined) return selectIds(ctx, ids, project);
  if (id === undefined) throw new Error('one of the three is given');
  const task = await findTask(ctx, { id, project });
  return isRefusal(task) ? task : { tasks: [task], missing: [], more: false };
}

async function selectIds(
  ctx: ToolContext,
  ids: readonly TaskId[],
  project: string | undefined,
): Promise<Selection | Refusal> {
  const unique = [...new Set(ids)];
  const found = await Promise.all(unique.map((id) => findTask(ctx, { id, project })));
  const tasks = found.filter(notRefused);
  const first = found[0];
  if (tasks.length === 0 && first !== undefined && isRefusal(first)) return first;
  const missing = found.flatMap((task, at) =>
    isRefusal(task) ? [{ id: String(unique[at]), message: task.message, hint: task.hint }] : [],
  );
  return { tasks, missing, more: false };
}

async function selectGroup(ctx: ToolContext, group: string, named: string | undefined): Promise<Selection | Refusal> {
  const project = await findScope(ctx, named);
  if (isRefusal(project)) return project;
  const { tasks, more } = await membersOf(ctx, group, project);
  if (tasks.length > 0) return { tasks, missing: [], more };
  return refuse(
    'not_found',
    `no task is in group "${group}"`,
    'list_tasks shows the groups of its tasks; enqueue_task with group makes one',
  );
}

async function membersOf(
  { yard }: ToolContext,
  group: string,
  project: ProjectId | undefined,
): Promise<{ tasks: AnyTask[]; more: boolean }> {
  const tasks: AnyTask[] = [];
  let cursor: string | undefined;
  do {
    const page = await yard.store.list({
      group,
      limit: PAGE,
      ...(project && { project }),
      ...(cursor !== undefined && { cursor }),
    });
    tasks.push(...page.tasks);
    cursor = page.next;
  } while (cursor !== undefined && tasks.length < MAX_MEMBERS);
  return { tasks, more: cursor !== undefined };
}
