import { z } from 'zod';

/*
 * What the journal knows of the accounts of agents. A pause whose time is over stays here until the profile is resumed or
 * paused again: how long the last one was decides the next (policy/profiles.ts).
 */

/** Why an account rests. */
export const PauseReason = z.enum([
  'limit', // its allowance is used up
  'busy', // its service turned a request away for now
  'login', // its login is not accepted
  'billing', // it has to be paid for
  'person', // somebody wanted it so
]);
export type PauseReason = z.infer<typeof PauseReason>;

export interface ProfilePause {
  readonly at: number;
  readonly why: PauseReason;
  readonly reason: string;
  /** Then it ends by itself; absent for one that only a person (or a new login) ends. */
  readonly until?: number;
  /** Nobody has said when it ends: `until` is when it is tried again. */
  readonly guessed?: boolean;
}

export interface ProfileRecord {
  readonly agent: string;
  readonly name: string;
  readonly paused?: ProfilePause;
  /** A person wants it to be used first. At most one of an agent is. */
  readonly chosen: boolean;
}

export const ProfileEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('profile_paused'),
    agent: z.string(),
    profile: z.string(),
    why: PauseReason.default('person'),
    reason: z.string(),
    until: z.number().optional(),
    guessed: z.boolean().optional(),
  }),
  z.object({ type: z.literal('profile_resumed'), agent: z.string(), profile: z.string() }),
  z.object({ type: z.literal('profile_chosen'), agent: z.string(), profile: z.string() }),
]);
export type ProfileEvent = z.infer<typeof ProfileEvent>;

/** Neither part of it can hold a slash. */
export function profileKey(agent: string, name: string): string {
  return `${agent}/${name}`;
}

/** The fold of what happened to accounts; only those of which something is to be remembered are kept. */
export function foldProfile(profiles: Map<string, ProfileRecord>, event: ProfileEvent, at: number): void {
  const { agent, profile: name } = event;
  const key = profileKey(agent, name);
  const { chosen } = profiles.get(key) ?? { chosen: false };
  switch (event.type) {
    case 'profile_paused': {
      const { why, reason, until, guessed } = event;
      const paused = { at, why, reason, ...(until !== undefined && { until }), ...(guessed && { guessed }) };
      profiles.set(key, { agent, name, chosen, paused });
      return;
    }
    case 'profile_resumed':
      if (chosen) profiles.set(key, { agent, name, chosen });
      else profiles.delete(key);
      return;
    case 'profile_chosen':
      for (const other of [...profiles.values()].filter((one) => one.agent === agent && one.chosen))
        unchoose(profiles, other);
      profiles.set(key, { ...profiles.get(key), agent, name, chosen: true });
  }
}

function unchoose(profiles: Map<string, ProfileRecord>, { agent, name, paused }: ProfileRecord): void {
  const key = profileKey(agent, name);
  if (paused) profiles.set(key, { agent, name, paused, chosen: false });
  else profiles.delete(key);
}
