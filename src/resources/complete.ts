import type { Project } from '../runtime/model/event.ts';
import { isRefusal } from '../runtime/model/refusal.ts';
import { findProject } from '../tools/find-project.ts';
import { refuseProject } from '../tools/rights.ts';
import type { ResourceContext } from './resource.ts';

const MAX_VALUES = 100;
const PAGE = 200;
const MAX_PAGES = 10;

/** Names of projects that begin with what was typed. */
export async function completeProject(ctx: ResourceContext, typed: string): Promise<readonly string[]> {
  return beginning(
    projectsSeen(ctx).map(({ name }) => name),
    typed,
  ).sort();
}

/** Those that the caller may look at. */
export function projectsSeen(ctx: ResourceContext): readonly Project[] {
  return ctx.yard.store.projects().filter(({ id }) => refuseProject(ctx, id) === undefined);
}

/** Ids of tasks of the project that was given: open ones first, then the newest finished ones. */
export async function completeTask(
  ctx: ResourceContext,
  typed: string,
  given: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const project = given.project === undefined ? undefined : await findProject(ctx, given.project);
  if (project === undefined || isRefusal(project)) return [];
  const found: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES && found.length < MAX_VALUES; page += 1) {
    const { tasks, next } = await ctx.yard.store.list({
      project: project.id,
      limit: PAGE,
      ...(cursor !== undefined && { cursor }),
    });
    found.push(
      ...beginning(
        tasks.map(({ id }) => id),
        typed,
      ),
    );
    if (next === undefined) break;
    cursor = next;
  }
  return found.slice(0, MAX_VALUES);
}

function beginning(names: readonly string[], typed: string): string[] {
  const wanted = typed.toLowerCase();
  return names.filter((name) => name.toLowerCase().startsWith(wanted)).slice(0, MAX_VALUES);
}
