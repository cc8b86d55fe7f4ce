import type { Fleet, FleetProject, FleetWorktrees } from '../model/fleet.ts';
import { keyOf, type TaskKey } from '../model/ids.ts';
import type { WaitReason } from '../model/route.ts';
import { worksInWorktree } from './abilities.ts';
import { projectSpent } from './admission.ts';
import { listed, type RouteAsk } from './ask.ts';
import { both, heldText } from './held.ts';

export interface Wait {
  readonly reason: WaitReason;
  readonly detail: string;
  readonly until?: number;
  readonly held?: string[];
}

/** What holds a task wherever it would run, in the order in which it is told; all of it holds at once. */
export function generalWaits(ask: RouteAsk, fleet: Fleet, now: number): Wait[] {
  const project = ask.project === undefined ? undefined : fleet.projects.get(ask.project);
  const waits: Wait[] = [];
  const paused = pausedWait(ask, fleet, project);
  if (paused) waits.push(paused);
  if (ask.waits_for && ask.waits_for.length > 0) {
    waits.push({ reason: 'dependency', detail: `not done yet: ${listed(ask.waits_for, 5)}` });
  }
  const due = ask.not_before;
  if (due !== undefined && due > now) {
    const reason = ask.backoff ? 'backoff' : 'not_before';
    const at = new Date(due).toISOString();
    const detail = ask.backoff ? `the last attempt failed; the next one starts at ${at}` : `not before ${at}`;
    waits.push({ reason, detail, until: due });
  }
  if (project && full(project)) {
    waits.push({ reason: 'project_limit', detail: `${project.running} of ${project.max_running} run already` });
  }
  const spent = projectSpent(ask, fleet, now);
  if (spent) waits.push(spent);
  return waits;
}

/** Where both are held it is over when both are. */
function pausedWait({ project: id }: RouteAsk, fleet: Fleet, project: FleetProject | undefined): Wait | undefined {
  if (!fleet.paused && !project?.paused) return undefined;
  const all = fleet.holds?.find(({ scope }) => scope.of === 'fleet');
  const its = fleet.holds?.find(({ scope }) => scope.of === 'project' && scope.project === id);
  const hold = fleet.paused ? all : its;
  const what = fleet.paused ? 'everything' : 'the project';
  const until = all && its ? both(all.until, its.until) : hold?.until;
  const detail = hold ? `${what} is ${heldText(hold)}` : `${what} is paused`;
  return { reason: 'paused', detail, ...(until !== undefined && { until }) };
}

function full(project: FleetProject): boolean {
  return project.max_running > 0 && project.running >= project.max_running;
}

/** The checkout is used by one task at a time; a worktree is the task's own. */
export function checkoutWait(ask: RouteAsk, fleet: Fleet): Wait | undefined {
  if (worksInWorktree(ask.spec) || !ask.project) return undefined;
  if (!fleet.projects.get(ask.project)?.checkout_busy) return undefined;
  return {
    reason: 'checkout_busy',
    detail: 'another task works in the same checkout',
  };
}

/** A worktree has one writer at a time, and there is a bound on how many there are. */
export function worktreeWait(ask: RouteAsk, { worktrees }: Fleet): Wait | undefined {
  if (!worktrees) return undefined;
  const { max, count, there, kept, writers } = worktrees;
  const root = rootOf(ask, worktrees);
  const writer = root && writers.get(root);
  if (writer)
    return { reason: 'checkout_busy', detail: `task ${writer} works in the worktree in which this one goes on` };
  const needsOne = root !== undefined || worksInWorktree(ask.spec);
  if (!needsOne || max === 0 || count < max || (root && there.has(root))) return undefined;
  const stay =
    kept.length === 0 ? '' : `; ${listed(kept, 5)} ${kept.length === 1 ? 'is' : 'are'} kept for uncommitted work`;
  const detail = `${count} of ${max} worktrees (max_worktrees) are there${stay}: yardmaster worktrees shows them`;
  return { reason: 'worktree_limit', detail };
}

/** The worktree that a task has, or goes on in. */
function rootOf({ id, project, spec }: RouteAsk, { roots, writers }: FleetWorktrees): TaskKey | undefined {
  if (!project) return undefined;
  const own = id && roots.get(keyOf({ project, id }));
  if (own || !spec.continues) return own;
  const other = keyOf({ project, id: spec.continues });
  return roots.get(other) ?? (writers.has(other) ? other : undefined);
}

/** The bound over commands and headless runs together. Undefined while there is room. */
export function headlessFull(fleet: Fleet): string | undefined {
  const all = fleet.headless;
  if (!all || all.max === 0 || all.running < all.max) return undefined;
  return `${all.running} of ${all.max} headless runs (headless.max_running) are at work`;
}
