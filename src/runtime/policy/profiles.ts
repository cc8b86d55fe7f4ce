import type { PauseReason, ProfilePause, ProfileRecord } from '../model/profile.ts';
import type { ErrorClass } from '../model/spec.ts';
import { headroomOf } from './headroom.ts';

/*
 * Which account of an agent the next attempt runs on, and how long one rests.
 *
 * U1. An account that rests is not used before its time; a rest with a time is over when that time has come, without
 *     anybody's word. One without a time is ended by a person (or by a new login).
 * U2. While one is ready, an attempt gets one: its conversation's own, else the chosen one, else the one whose windows leave
 *     most room (headroom.ts), else the first as configured.
 * U3. No rest that follows from a failure lasts beyond `LONGEST_MS`, and none ends in the past, whatever a service says.
 * U4. What several sessions tell of one limit is one rest; only failures after its end make the next one longer.
 */

const MINUTE = 60_000;
const LONGEST_MS = 8 * 24 * 60 * MINUTE; // a weekly limit, and a day
const SAME_MS = MINUTE; // the interfaces tell resets to the minute: one that is only just over may be still to come

/** Where a limit does not say when it ends: the first rest and the longest. */
const GUESSES: Readonly<Record<'limit' | 'busy', { readonly first: number; readonly longest: number }>> = {
  limit: { first: 5 * MINUTE, longest: 60 * MINUTE },
  busy: { first: MINUTE / 2, longest: 10 * MINUTE },
};

/** One account, as it is configured and as it is known. */
export interface Account {
  readonly name: string;
  readonly config_dir?: string;
  readonly record?: ProfileRecord;
}

export type AccountChoice =
  | { readonly kind: 'use'; readonly account: Account }
  /** All of them rest: until the earliest is over, or, without a time, for a person. */
  | { readonly kind: 'wait'; readonly until?: number; readonly reason: string };

export interface AccountFailure {
  readonly class: ErrorClass;
  readonly reason: string;
  readonly reset_at?: number;
  readonly account?: 'limit' | 'login' | 'billing';
}

/** `prefer` is the account that the task's conversation is on. */
export function chooseAccount(accounts: readonly Account[], now: number, prefer?: string): AccountChoice {
  const ready = accounts.filter(({ record }) => restOf(record, now) === undefined); // U1
  const account =
    ready.find(({ name }) => name === prefer) ?? ready.find(({ record }) => record?.chosen) ?? roomiest(ready, now); // U2
  return account ? { kind: 'use', account } : waiting(accounts, now);
}

/** The first of those with most room. */
function roomiest(ready: readonly Account[], now: number): Account | undefined {
  const room = ready.map(({ record }) => headroomOf(record?.windows, now));
  return ready[room.indexOf(Math.max(...room))];
}

/** The pause that is in force, if one is. */
export function restOf(record: ProfileRecord | undefined, now: number): ProfilePause | undefined {
  const pause = record?.paused;
  return pause && (pause.until === undefined || pause.until > now) ? pause : undefined;
}

function waiting(accounts: readonly Account[], now: number): AccountChoice {
  const rests = accounts.flatMap(({ name, record }) => {
    const pause = restOf(record, now);
    return pause ? [{ name, pause }] : [];
  });
  const ends = rests.flatMap(({ pause }) => pause.until ?? []);
  const why = rests.map(({ name, pause }) => `${name}: ${pause.reason}`).join('; ');
  const reason = rests.length === 1 ? `its account rests (${why})` : `all its accounts rest (${why})`;
  return { kind: 'wait', reason, ...(ends.length > 0 && { until: Math.min(...ends) }) };
}

/** The rest that follows from a failure; undefined when the account is not the reason. */
export function restAfter(
  failure: AccountFailure,
  last: ProfilePause | undefined,
  now: number,
): ProfilePause | undefined {
  const why = whyOf(failure);
  if (!why) return undefined;
  const rest = { at: now, why, reason: failure.reason };
  if (why !== 'limit' && why !== 'busy') return rest;
  const { reset_at } = failure;
  if (reset_at !== undefined && reset_at > now) {
    const until = Math.min(reset_at, now + LONGEST_MS); // U3
    return { ...rest, until, ...(until < reset_at && { guessed: true }) };
  }
  const barely = reset_at !== undefined && now - reset_at <= SAME_MS;
  return { ...rest, until: now + (barely ? SAME_MS : guess(why, last, now)), guessed: true };
}

/** Whether a rest tells more than the one that is in force (U4). */
export function changesRest(current: ProfilePause | undefined, next: ProfilePause): boolean {
  if (!current) return true;
  if (current.until === undefined) return false; // U1: it is not a failure that ends it
  if (next.until === undefined) return true;
  if (next.guessed) return next.why !== current.why && next.until > current.until;
  return current.guessed ? Math.abs(next.until - current.until) > SAME_MS : next.until > current.until + SAME_MS;
}

function whyOf({ class: error_class, account }: AccountFailure): Exclude<PauseReason, 'person'> | undefined {
  if (account) return account;
  switch (error_class) {
    case 'rate_limit':
      return 'busy';
    case 'auth':
      return 'login';
    case 'billing':
      return 'billing';
    default:
      return undefined;
  }
}

/** Twice the last one where that was a guess too, and ended not long ago (U4). */
function guess(why: 'limit' | 'busy', last: ProfilePause | undefined, now: number): number {
  const { first, longest } = GUESSES[why];
  if (!last?.guessed || last.why !== why || last.until === undefined || last.until > now) return first;
  const lasted = last.until - last.at;
  return now - last.until > Math.max(longest, lasted) ? first : Math.min(Math.max(lasted * 2, first), longest);
}
