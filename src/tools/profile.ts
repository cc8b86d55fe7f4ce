import { z } from 'zod';
import { plainLine } from '../runtime/model/plain-text.ts';
import type { ProfileView } from '../runtime/model/session.ts';

/** One account of an agent. Where its configuration lies is the command line's to say. */
export const Profile = z.object({
  agent: z.string(),
  name: z.string(),
  state: z.enum(['in_use', 'ready', 'paused']),
  reason: z.string().optional(),
  until: z.string().optional(),
});
export type Profile = z.infer<typeof Profile>;

export function profileOf({ agent, name, state, reason, until }: ProfileView): Profile {
  return {
    ...{ agent, name, state },
    ...(reason !== undefined && { reason: plainLine(reason) }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  };
}
