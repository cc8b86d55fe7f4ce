import { z } from 'zod';
import { pausedAt } from '../runtime/model/hold.ts';
import { plainLine } from '../runtime/model/plain-text.ts';
import type { HoldView } from '../runtime/yard.ts';
import { refuseProject } from './rights.ts';
import type { ToolContext } from './tool.ts';

const MAX_LISTED = 50;

/** What keeps work from beginning, as every surface shows it. */
export const Hold = z.object({
  scope: z.enum(['fleet', 'project', 'agent']),
  name: z.string().optional().describe('of the project or the agent'),
  what: z.enum(['pause', 'drain']),
  state: z.enum(['paused', 'draining', 'drained']).describe('drained: nothing of it runs any more'),
  reason: z.string(),
  by: z.string().describe('person: at the command line; only there it is ended'),
  since: z.string().optional(),
  until: z.string().optional().describe('then it is over by itself'),
  running: z.number().describe('attempts of it that are at work'),
  waiting: z.number().describe('tasks that wait for its end'),
});
export type Hold = z.infer<typeof Hold>;

export const PausedNow = z.object({ all: z.boolean(), projects: z.array(z.string()), holds: z.array(Hold).optional() });
export type PausedNow = z.infer<typeof PausedNow>;

export function holdOf({ scope, name, kind, state, reason, by, at, until, running, waiting }: HoldView): Hold {
  return {
    scope: scope.of,
    ...(name !== undefined && { name }),
    ...{ what: kind, state, reason: plainLine(reason), by },
    ...(at > 0 && { since: new Date(at).toISOString() }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
    ...{ running, waiting },
  };
}

/** What of it a caller may see: an attempt that of its own project, and what holds everything. */
export function pausedNow({ yard, caller }: Pick<ToolContext, 'yard' | 'caller'>): PausedNow {
  const { all, projects } = pausedAt(yard.store.holds(), yard.clock.now());
  const seen = [...projects].filter((id) => refuseProject({ yard, caller }, id) === undefined);
  const holds = caller.principal === 'owner' ? yard.holds().slice(0, MAX_LISTED).map(holdOf) : [];
  return { all, projects: seen.map((id) => yard.projectName(id)), ...(holds.length > 0 && { holds }) };
}
