import { z } from 'zod';
import { TaskId } from '../runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import { Cause } from '../runtime/model/task.ts';
import { instead, namesLike } from '../runtime/model/told/names.ts';
import type { AuditEntry, Yard } from '../runtime/yard.ts';
import { findProject } from '../tools/find-project.ts';

const MOST = 1_000;
const DEFAULT = 100;

const by = z.enum(Cause.shape.by.options, { error: `allowed: ${Cause.shape.by.options.join(', ')}` });

/** A name, or a pattern of names. */
const type = z.string().transform((given, ctx) => {
  const names = namesLike(given);
  if (names.length > 0) return names;
  ctx.addIssue({ code: 'custom', message: `no event is called ${given.slice(0, 80)}; ${instead(given)}` });
  return z.NEVER;
});

const Query = z.object({
  project: z.string().exactOptional(),
  task: TaskId.exactOptional(),
  since: z.number().exactOptional(),
  until: z.number().exactOptional(),
  types: z.array(type).min(1).exactOptional(),
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
  const { project: named, types, ...query } = asked.data;
  const project = named === undefined ? undefined : await findProject({ yard, caller: OWNER }, named);
  if (isRefusal(project)) return project;
  const page = await yard.audit({
    ...query,
    ...(types && { types: types.flat() }),
    ...(project && { project: project.id }),
  });
  return { ...page, entries: page.entries.map(line) };
}

const OWNER = { principal: 'owner', name: 'owner' } as const;

/** Flat, for who reads it line by line; the cause's own words win over the event's. */
function line({ event, ...cause }: AuditEntry): object {
  return { ...event, ...cause };
}
