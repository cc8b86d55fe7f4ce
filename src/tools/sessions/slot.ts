import { z } from 'zod';
import { type Refusal, refuse } from '../../runtime/model/refusal.ts';
import type { SlotView } from '../../runtime/yard.ts';
import { refuseProject } from '../rights.ts';
import type { ToolContext } from '../tool.ts';

export const Session = z.object({
  name: z.string(),
  agent: z.string(),
  kind: z.enum(['command', 'headless', 'session']),
  state: z.enum(['idle', 'working']),
  task: z
    .object({ id: z.string(), project: z.string(), title: z.string(), attempt: z.number(), since: z.string() })
    .optional(),
});
export type Session = z.infer<typeof Session>;

/** How the session tools name one: by its own name, or by the task that it works on. */
export const sessionName = z.string().min(1).optional().describe('as list_sessions shows it');

/** A slot as the caller may see it: an attempt does not see what other projects work on. */
export function sessionOf(
  ctx: Pick<ToolContext, 'yard' | 'caller'>,
  { name, agent, kind, state, task }: SlotView,
): Session {
  if (task === undefined || refuseProject(ctx, task.ref.project)) return { name, agent, kind, state };
  const { ref, title, attempt, since } = task;
  const project = ctx.yard.projectName(ref.project);
  return {
    name,
    agent,
    kind,
    state,
    task: { id: ref.id, project, title, attempt, since: new Date(since).toISOString() },
  };
}

export function findSlot({ yard }: Pick<ToolContext, 'yard'>, name: string): SlotView | Refusal {
  const slots = yard.slots();
  const slot = slots.find((one) => one.name === name);
  if (slot) return slot;
  const names = slots.slice(0, 20).map((one) => one.name);
  return refuse(
    'not_found',
    `there is no session "${name}"`,
    names.length > 0 ? `there are: ${names.join(', ')}` : 'no agent is configured; fleet_status',
  );
}
