/*
 * A provider that fails again and again is left alone for a while.
 *
 * B1. Only failures in a row open it: no answer, a broken one. Any sensible answer closes it, a refusal included; that it
 *     has too much to do is no failure.
 * B2. While it is open nothing is asked. When the pause is over one request tries it; until that one has its answer,
 *     nobody else does.
 * B3. Each trial that fails makes the pause twice as long, up to a bound; jitter keeps many from coming back together.
 */

export type Breaker =
  | { readonly state: 'closed'; readonly failures: number }
  | Open
  | (Omit<Open, 'state'> & { readonly state: 'half_open' });

interface Open {
  readonly state: 'open';
  readonly since: number;
  /** How many trials have failed since. */
  readonly trials: number;
  /** Not asked before. */
  readonly until: number;
  readonly failures: number;
  readonly reason: string;
}

export interface BreakerRule {
  /** Failures in a row. */
  readonly after: number;
  readonly pause_ms: number;
}

export const CLOSED: Breaker = { state: 'closed', failures: 0 };

const LONGEST = 10; // pauses

export type Entry =
  | { readonly kind: 'free' }
  /** This one request tries it: what comes of it must be told. */
  | { readonly kind: 'trial'; readonly breaker: Breaker }
  | { readonly kind: 'shut' };

/** B2. Whether a request may go now. */
export function enter(breaker: Breaker, now: number): Entry {
  switch (breaker.state) {
    case 'closed':
      return { kind: 'free' };
    case 'half_open':
      return { kind: 'shut' };
    case 'open':
      return now < breaker.until ? { kind: 'shut' } : { kind: 'trial', breaker: { ...breaker, state: 'half_open' } };
  }
}

/** B1. `fraction`: 0 ≤ x < 1. What a request from before it opened has met says nothing new. */
export function failed(
  breaker: Breaker,
  reason: string,
  { after, pause_ms }: BreakerRule,
  now: number,
  fraction: number,
): Breaker {
  switch (breaker.state) {
    case 'closed': {
      const failures = breaker.failures + 1;
      if (failures < after) return { state: 'closed', failures };
      return { state: 'open', since: now, trials: 0, until: now + jittered(pause_ms, fraction), failures, reason };
    }
    case 'half_open': {
      const trials = breaker.trials + 1;
      const wait = jittered(Math.min(pause_ms * 2 ** trials, pause_ms * LONGEST), fraction); // B3
      return { ...breaker, state: 'open', trials, until: now + wait, failures: breaker.failures + 1, reason };
    }
    case 'open':
      return breaker;
  }
}

/** The trial ended without a word of the provider: the next one may try. */
export function undecided(breaker: Breaker): Breaker {
  return breaker.state === 'half_open' ? { ...breaker, state: 'open' } : breaker;
}

function jittered(ms: number, fraction: number): number {
  return Math.round(ms * (0.75 + fraction / 2));
}
