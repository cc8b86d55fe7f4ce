import { z } from 'zod';
import { Holder, LimitName, LimitState } from '../runtime/model/allowance.ts';
import type { Yard } from '../runtime/yard.ts';

const MAX_LISTED = 50;

export const Allowance = z.object({
  of: Holder,
  name: z.string(),
  state: LimitState.describe('warning from 80 % on'),
  limits: z.array(
    z.object({
      what: LimitName,
      used: z.number(),
      limit: z.number().optional().describe('absent: nothing limits it'),
      remaining: z.number().optional(),
      currency: z.string().optional(),
      resets_at: z.string().optional(),
      state: LimitState,
    }),
  ),
});

/** Left out where nothing is limited and nothing was used. */
export function allowanceOf({ yard }: { yard: Pick<Yard, 'allowance'> }): { allowance?: z.input<typeof Allowance>[] } {
  const views = yard.allowance().slice(0, MAX_LISTED);
  if (views.length === 0) return {};
  const allowance = views.map(({ limits, ...view }) => ({
    ...view,
    limits: limits.map(({ resets_at, ...limit }) => ({
      ...limit,
      ...(resets_at !== undefined && { resets_at: new Date(resets_at).toISOString() }),
    })),
  }));
  return { allowance };
}
