import { z } from 'zod';
import { EVENT_TYPES } from '../runtime/model/event.ts';
import { TaskId } from '../runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import { Cause } from '../runtime/model/task.ts';
import type { AuditEntry, Yard } from '../runtime/yard.ts';
import { findProject } from '../tools/find-project.ts';

const MOST = 1_000;
const DEFAULT = 100;

const types = z.enum(EVENT_TYPES as [string, ...string[]], { error: `allowed: ${EVENT_TYPES.join(', ')}` });
const by = z.enum(Cause.shape.by.options, { error: `allowed: ${Cause.shape.by.options.join(', ')}` });

const Query = z.object({
  project: z.string().exactOptional(),
  task: TaskId.exactOptional(),
  since: z.number().exactOptional(),
  until: z.number().exactOptional(),
  types: z.array(types).min(1).exactOptional(),
  by: z.array(by).min(1).exactOptional(),
  order: z.enum(['newest', 'oldest']).default('newest'),
  from: z.number().exactOptional(),
  limit: z
    .number()
    .int()
    .min(1)
    .default(DEFAULT)
    .transform((limit) => Math.min(limit, MOST)),
});

/** A page of what happened, for people: as it is kept, without what is secret or long. */
export async function audit(yard: Yard, params: Readonly<Record<string, unknown>>): Promise<object | Refusal> {
  const asked = Query.safeParse(params);
  if (!asked.success) {
    const [issue] = asked.error.issues;
    return refuse(
      'invalid',
      `${String(issue?.path[0])}: what is asked for is not understood`,
      issue?.message ?? 'yardmaster audit --help',
    );
  }
  const { project: named, ...query } = asked.data;
  const project = named === undefined ? undefined : await findProject({ yard, caller: OWNER }, named);
  if (isRefusal(project)) return project;
  const page = await yard.audit({ ...query, ...(project && { project: project.id }) });
  return { ...page, entries: page.entries.map(line) };
}

const OWNER = { principal: 'owner', name: 'owner' } as const;

/** Flat, for who reads it line by line; the cause's own words win over the event's. */
function line({ event: { type, ...facts }, seq, at, ...cause }: AuditEntry): object {
  return { seq, at: new Date(at).toISOString(), type, ...facts, ...cause };
}
