import { z } from 'zod';
import { type ProjectId, TaskId, type TaskRef } from '../runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { FinishedTask, OpenTask } from '../runtime/model/task.ts';
import { findScope } from './find-project.ts';
import type { ToolContext } from './tool.ts';

/** How every tool names a task. */
export const taskNaming = {
  id: TaskId.describe('task id'),
  project: z
    .string()
    .min(1)
    .optional()
    .describe('project name or path; may be left out when the id is unique among the known projects'),
};

export type AnyTask = OpenTask | FinishedTask;

export function refOf({ project, id }: AnyTask): TaskRef {
  return { project, id };
}

export function isFinished(task: AnyTask): task is FinishedTask {
  return 'finished_at' in task;
}

/** The one task that is meant: an id that several projects have is refused with their names. */
export async function findTask(
  ctx: Pick<ToolContext, 'yard' | 'caller' | 'call'>,
  named: { readonly id: TaskId; readonly project?: string | undefined },
): Promise<AnyTask | Refusal> {
  const { store, projectName } = namesOf(ctx);
  const scope = await findScope(ctx, named.project);
  if (isRefusal(scope)) return scope;
  const projects: readonly ProjectId[] = scope === undefined ? store.projects().map(({ id }) => id) : [scope];
  const looks = await Promise.all(projects.map((project) => store.get({ project, id: named.id })));
  const found = looks.filter((task) => task !== undefined);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const names = (found.length > 0 ? found.map(({ project }) => project) : projects).map(projectName);
  if (only === undefined) return unknownTask(named.id, names);
  return refuse(
    'invalid',
    `id "${named.id}" is in ${found.length} projects: ${names.join(', ')}`,
    `Name one of them: {id: "${named.id}", project: "${names[0]}"}`,
  );
}

function namesOf({ yard }: Pick<ToolContext, 'yard'>) {
  return { store: yard.store, projectName: (id: ProjectId) => yard.projectName(id) };
}

function unknownTask(id: string, projects: readonly string[]): Refusal {
  const where = projects.length === 0 ? 'no project is known yet' : `looked in ${projects.slice(0, 10).join(', ')}`;
  return refuse('not_found', `there is no task "${id}" (${where})`, 'list_tasks shows what there is');
}
