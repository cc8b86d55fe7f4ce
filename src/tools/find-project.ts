import type { Project } from '../runtime/model/event.ts';
import type { ProjectId } from '../runtime/model/ids.ts';
import { isRefusal, type Refusal } from '../runtime/model/refusal.ts';
import { causeOf } from './cause.ts';
import { refuseProject } from './rights.ts';
import type { ToolContext } from './tool.ts';

type Who = Pick<ToolContext, 'yard' | 'caller' | 'call'>;

/** A known project by name or path, if the caller may look at it. Looking adopts nothing. */
export async function findProject(ctx: Who, nameOrPath: string): Promise<Project | Refusal> {
  const project = await ctx.yard.project(nameOrPath, { adopt: false, cause: causeOf(ctx) });
  return isRefusal(project) ? project : (refuseProject(ctx, project.id) ?? project);
}

/** What a list covers: the named project; without a name everything, for an attempt its own project. */
export async function findScope(ctx: Who, nameOrPath: string | undefined): Promise<ProjectId | Refusal | undefined> {
  if (nameOrPath === undefined) return ctx.caller.principal === 'attempt' ? ctx.caller.task.project : undefined;
  const project = await findProject(ctx, nameOrPath);
  return isRefusal(project) ? project : project.id;
}
