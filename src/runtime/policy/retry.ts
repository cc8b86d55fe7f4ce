import { durationText } from '../model/duration.ts';
import type { RetryClasses, ServiceRule, WorkRule } from '../model/retry.ts';
import type { ErrorClass } from '../model/spec.ts';
import type { Evidence, Workspace } from '../model/task.ts';
import type { InVain } from '../model/try.ts';
import type { Used } from '../model/usage.ts';
import type { AttemptEnd } from '../ports.ts';

/** How an attempt failed. */
export interface Failure {
  readonly class: ErrorClass;
  readonly reason: string;
  /** Another try would fail in the same way, whatever its class says. */
  readonly final?: boolean;
  /** When the limit that was met ends, where it is known. */
  readonly reset_at?: number;
  readonly agent?: string;
  readonly provider?: string;
  readonly job_id?: string;
  readonly session_id?: string;
  readonly profile?: string;
  readonly exit_code?: number;
  readonly output?: string;
  /** What the agent said of work that a check has refused. */
  readonly answer?: string;
  readonly evidence?: Evidence;
  readonly workspace?: Workspace;
  readonly cost_usd?: number;
  /** What the attempt took all the same. */
  readonly used?: Used;
}

/*
 * Whether, and when, a task is tried again.
 *
 * R1. Waiting costs no attempt: for a place, for allowance, for a hold, for a service or an account that can't now.
 * R2. What may have been done elsewhere (`unconfirmed`) and what can't be read is never tried again by itself, whatever
 *     is configured; nor is a failure that says that it is final.
 * R3. No time that a service names is believed further than LONGEST_RESET_MS ahead.
 */

/** How a class is tried again, as long as nothing else is configured. */
export type RetryRule =
  /** `attempts`: in a row that may end so; without it as many as the task has in all. */
  | { readonly kind: 'work'; readonly attempts?: number }
  | { readonly kind: 'service'; readonly pause: 'backoff_max' | number; readonly counts: false }
  /** As often as `verify_retries` says. */
  | { readonly kind: 'verify' }
  | { readonly kind: 'at_once' }
  | { readonly kind: 'never' };

const LIMIT_PAUSE_MS = 30_000; // of a rate limit that does not say when it ends
const LONGEST_RESET_MS = 8 * 86_400_000; // the longest limits that are known are of a week

export const RETRY_RULES: Readonly<Record<ErrorClass, RetryRule>> = {
  timeout: { kind: 'work' },
  crash: { kind: 'work' },
  tool_failure: { kind: 'work', attempts: 2 },
  context_overflow: { kind: 'work', attempts: 2 },
  logic_error: { kind: 'work', attempts: 1 },
  permission: { kind: 'work', attempts: 1 },
  upstream: { kind: 'work', attempts: 1 },
  rate_limit: { kind: 'service', pause: LIMIT_PAUSE_MS, counts: false },
  auth: { kind: 'service', pause: 'backoff_max', counts: false }, // a person must act
  billing: { kind: 'service', pause: 'backoff_max', counts: false },
  verify: { kind: 'verify' },
  stopped: { kind: 'at_once' },
  invalid: { kind: 'never' },
  dependency: { kind: 'never' },
  unconfirmed: { kind: 'never' },
  budget: { kind: 'never' }, // what it may cost is spent
};

export interface RetrySituation {
  /** Attempts that count, this one included. */
  readonly spent: number;
  readonly max_attempts: number;
  /** How the attempts before this one failed, oldest first; the newest few. */
  readonly before: readonly ErrorClass[];
  /** Attempts before this one that failed in the same way and cost none. */
  readonly in_vain?: InVain;
  readonly now: number;
  /** 0 ≤ x < 1, for the jitter. */
  readonly fraction: number;
  readonly backoff: number;
  readonly backoff_max: number;
  readonly classes: RetryClasses;
  /**
   * The account that was the reason rests, and the agent has a gate of its own (policy/profiles.ts): the next attempt
   * starts as soon as any account is ready, on that one. Commands and providers have no such gate, and wait for a time.
   */
  readonly gated?: boolean;
  /** How often a check has refused this task's work before, and how often it goes back to its agent. */
  readonly rejected: number;
  readonly verify_retries: number;
}

/** Failed for good, or back to the queue: when, and whether the attempt counts. */
export function afterFailure(failure: Failure, situation: RetrySituation): AttemptEnd {
  if (failure.final) return failed(failure); // R2
  const rule = RETRY_RULES[failure.class];
  switch (rule.kind) {
    case 'work':
      return afterWork(failure, rule, situation);
    case 'service':
      return afterService(failure, rule, situation);
    case 'verify':
      return situation.rejected < situation.verify_retries ? requeue(failure, situation.now, false) : failed(failure);
    case 'at_once':
      return requeue(failure, situation.now, false);
    case 'never':
      return failed(failure); // R2
  }
}

function afterWork(failure: Failure, rule: RetryRule & { kind: 'work' }, situation: RetrySituation): AttemptEnd {
  const own = workRule(situation.classes, failure.class);
  const attempts = own.attempts ?? rule.attempts ?? Number.POSITIVE_INFINITY;
  const again = situation.spent < situation.max_attempts && inRow(failure.class, situation) < attempts;
  return again ? requeue(failure, situation.now + delay({ ...situation, ...own }), true) : failed(failure);
}

function afterService(failure: Failure, rule: RetryRule & { kind: 'service' }, situation: RetrySituation): AttemptEnd {
  const { now, spent, max_attempts, backoff_max } = situation;
  const own = serviceRule(situation.classes, failure.class);
  const counts = own.counts ?? rule.counts;
  if (inRow(failure.class, situation) >= (own.attempts ?? Number.POSITIVE_INFINITY)) return failed(failure);
  if (counts && spent >= max_attempts) return failed(failure);
  const long = tooLong(failure.class, own.give_up, situation);
  if (long !== undefined) return failed({ ...failure, reason: `${failure.reason}; ${long}` });
  if (situation.gated) return requeue(failure, now, counts);
  const pause = own.pause ?? (rule.pause === 'backoff_max' ? backoff_max : rule.pause);
  return requeue(failure, resetOf(failure, now) ?? now + pause, counts);
}

/** Only of a limit: a login and a payment have no time. R3 */
function resetOf({ class: error_class, reset_at }: Failure, now: number): number | undefined {
  if (error_class !== 'rate_limit' || reset_at === undefined) return undefined;
  return Math.min(Math.max(reset_at, now), now + LONGEST_RESET_MS);
}

function tooLong(error_class: ErrorClass, give_up: number | undefined, situation: RetrySituation): string | undefined {
  const { in_vain, now } = situation;
  if (give_up === undefined || in_vain?.class !== error_class || now - in_vain.since < give_up) return undefined;
  const since = new Date(in_vain.since).toISOString();
  const key = `retry.classes.${error_class}.give_up (${durationText(give_up)})`;
  return `so it went ${in_vain.count + 1} times since ${since}, longer than ${key} allows`;
}

/** How many attempts in a row have failed in this way, this one included. */
function inRow(error_class: ErrorClass, { before }: RetrySituation): number {
  const other = before.findLastIndex((one) => one !== error_class);
  return before.length - other;
}

function workRule(
  classes: RetryClasses,
  name: ErrorClass,
): { attempts?: number; backoff?: number; backoff_max?: number } {
  const { attempts, backoff, backoff_max } = (classes as Record<string, WorkRule | undefined>)[name] ?? {};
  return {
    ...(attempts !== undefined && { attempts }),
    ...(backoff !== undefined && { backoff }),
    ...(backoff_max !== undefined && { backoff_max }),
  };
}

function serviceRule(classes: RetryClasses, name: ErrorClass): ServiceRule {
  return (classes as Record<string, ServiceRule | undefined>)[name] ?? {};
}

/** Doubles with each attempt up to the bound; a quarter more or less, so that what failed together comes back apart. */
function delay({ spent, backoff, backoff_max, fraction }: RetrySituation): number {
  const plain = Math.min(backoff * 2 ** Math.max(0, spent - 1), backoff_max);
  return Math.round(plain * (0.75 + fraction / 2));
}

function requeue(failure: Failure, not_before: number, spent: boolean): AttemptEnd {
  const { class: error_class, reason, used, profile, session_id, exit_code } = failure;
  return {
    ...{ kind: 'requeue', class: error_class, reason, not_before, spent },
    ...(used && { used }),
    ...(profile !== undefined && { profile }),
    ...(session_id !== undefined && { session_id }),
    ...(exit_code !== undefined && { exit_code }),
  };
}

function failed({ class: error_class, final: _final, reset_at: _reset, ...facts }: Failure): AttemptEnd {
  return { kind: 'finished', outcome: { state: 'failed', error_class, ...facts } };
}
