import { z } from 'zod';
import { plainLine } from '../runtime/model/plain-text.ts';
import type { AccountWindow } from '../runtime/model/profile.ts';
import type { ProfileView } from '../runtime/model/session.ts';

/** One account of an agent. Where its configuration lies is the command line's to say. */
export const Profile = z.object({
  agent: z.string(),
  name: z.string(),
  state: z.enum(['in_use', 'ready', 'paused']),
  reason: z.string().optional(),
  until: z.string().optional(),
  windows: z
    .array(z.object({ name: z.string(), used: z.number().describe('0 to 1'), resets_at: z.string() }))
    .optional()
    .describe('how much of its allowance the account has used, as its service told last'),
});
export type Profile = z.infer<typeof Profile>;

export function profileOf({ agent, name, state, reason, until, windows }: ProfileView): Profile {
  return {
    ...{ agent, name, state },
    ...(reason !== undefined && { reason: plainLine(reason) }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
    ...(windows && { windows: windows.flatMap(windowOf) }),
  };
}

function windowOf({ name, used, resets_at }: AccountWindow) {
  return resets_at === undefined ? [] : [{ name: plainLine(name), used, resets_at: new Date(resets_at).toISOString() }];
}
