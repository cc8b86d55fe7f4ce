import { z } from 'zod';
import { type AllowanceView, Holder, LimitState, type LimitView } from '../runtime/model/allowance.ts';
import { plainLine } from '../runtime/model/plain-text.ts';
import { ChangeableLimit, LENGTHS, type LimitChange } from '../runtime/model/quota.ts';
import type { Yard } from '../runtime/yard.ts';

const MAX_LISTED = 50;

const Limit = z.object({
  what: ChangeableLimit,
  used: z.number().optional(),
  limit: z.number().optional().describe('absent: nothing limits it'),
  unit: z.literal('seconds').optional(),
  remaining: z.number().optional(),
  currency: z.string().optional(),
  resets_at: z.string().optional(),
  state: LimitState,
  changed: z
    .object({ by: z.string().optional(), at: z.string(), reason: z.string(), until: z.string().optional() })
    .optional()
    .describe('a person changed it at run time; else it is as configured'),
});

export const Allowance = z.object({
  of: Holder,
  name: z.string(),
  state: LimitState.describe('warning from 80 % on'),
  limits: z.array(Limit),
});

/** Left out where nothing is limited and nothing was used. */
export function allowanceOf({ yard }: { yard: Pick<Yard, 'allowance'> }): { allowance?: z.input<typeof Allowance>[] } {
  const views = yard.allowance().slice(0, MAX_LISTED);
  return views.length === 0 ? {} : { allowance: views.map(shownAllowance) };
}

export function shownAllowance({ limits, ...view }: AllowanceView): z.input<typeof Allowance> {
  return { ...view, limits: limits.map(shownLimit) };
}

/** Lengths of time in seconds, as the configuration takes a number. */
export function shownLimit({ resets_at, changed, limit, ...rest }: LimitView): z.input<typeof Limit> {
  const length = LENGTHS.has(rest.what);
  return {
    ...rest,
    ...(limit !== undefined && (length ? { limit: limit / 1_000, unit: 'seconds' } : { limit })),
    ...(resets_at !== undefined && { resets_at: new Date(resets_at).toISOString() }),
    ...(changed && { changed: shownChange(changed) }),
  };
}

function shownChange({ by, at, reason, until }: LimitChange): NonNullable<z.input<typeof Limit>['changed']> {
  return {
    ...(by !== undefined && { by }),
    at: new Date(at).toISOString(),
    reason: plainLine(reason),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  };
}
