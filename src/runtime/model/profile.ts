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

/** A window over which a service limits an account, as the service told it last. */
export const AccountWindow = z.object({
  /** As the service names it: `five_hour`, `seven_day`, `primary` … */
  name: z.string().max(100),
  /** 0 … 1 (and beyond, where a service lets it). */
  used: z.number().nonnegative(),
  resets_at: z.number().optional(),
  /** How long the whole window is, where that is known. */
  length_ms: z.number().positive().optional(),
});
export type AccountWindow = z.infer<typeof AccountWindow>;

export interface ProfileRecord {
  readonly agent: string;
  readonly name: string;
  readonly paused?: ProfilePause;
  readonly windows?: readonly AccountWindow[];
  /** When its windows were told. */
  readonly windows_at?: number;
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
  /** How much of its windows an account has used. Recorded when it has changed by so much that it matters. */
  z.object({
    type: z.literal('profile_used'),
    agent: z.string(),
    profile: z.string(),
    windows: z.array(AccountWindow).max(20),
  }),
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
  const known = profiles.get(key);
  const { chosen = false, windows, windows_at } = known ?? {};
  const told = windows && { windows, ...(windows_at !== undefined && { windows_at }) };
  switch (event.type) {
    case 'profile_paused': {
      const { why, reason, until, guessed } = event;
      const paused = { at, why, reason, ...(until !== undefined && { until }), ...(guessed && { guessed }) };
      profiles.set(key, { agent, name, chosen, paused, ...told });
      return;
    }
    case 'profile_resumed':
      if (chosen || told) profiles.set(key, { agent, name, chosen, ...told });
      else profiles.delete(key);
      return;
    case 'profile_chosen':
      for (const other of [...profiles.values()].filter((one) => one.agent === agent && one.chosen))
        unchoose(profiles, other);
      profiles.set(key, { ...profiles.get(key), agent, name, chosen: true });
      return;
    case 'profile_used':
      profiles.set(key, { ...known, agent, name, chosen, windows: event.windows, windows_at: at });
  }
}

function unchoose(profiles: Map<string, ProfileRecord>, record: ProfileRecord): void {
  const key = profileKey(record.agent, record.name);
  if (record.paused || record.windows) profiles.set(key, { ...record, chosen: false });
  else profiles.delete(key);
}
