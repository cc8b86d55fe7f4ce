import type { ErrorClass } from '../model/spec.ts';
import type { Evidence, Workspace } from '../model/task.ts';
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

export interface RetrySituation {
  /** Attempts that count, this one included. */
  readonly spent: number;
  readonly max_attempts: number;
  /** How the attempt before this one failed. */
  readonly previous?: ErrorClass;
  readonly now: number;
  /** 0 ≤ x < 1, for the jitter. */
  readonly fraction: number;
  readonly backoff: number;
  readonly backoff_max: number;
  /**
   * The account that was the reason rests, and the agent has a gate of its own (policy/profiles.ts): the next attempt
   * starts as soon as any account is ready, on that one. Commands and providers have no such gate, and wait for a time.
   */
  readonly gated?: boolean;
  /** How often a check has refused this task's work before, and how often it goes back to its agent. */
  readonly rejected: number;
  readonly verify_retries: number;
}

const LIMIT_PAUSE_MS = 30_000; // of a rate limit that does not say when it ends

/** Failed for good, or back to the queue: when, and whether the attempt counts. */
export function afterFailure(failure: Failure, situation: RetrySituation): AttemptEnd {
  const { now, spent, max_attempts, backoff_max } = situation;
  if (failure.final) return failed(failure);
  switch (failure.class) {
    case 'rate_limit':
      if (situation.gated) return requeue(failure, now, false);
      return requeue(failure, Math.max(failure.reset_at ?? now + LIMIT_PAUSE_MS, now), false);
    case 'auth':
    case 'billing':
      return requeue(failure, situation.gated ? now : now + backoff_max, false); // a person must act
    case 'tool_failure':
    case 'context_overflow': {
      const again = spent < max_attempts && situation.previous !== failure.class;
      return again ? requeue(failure, now + delay(situation), true) : failed(failure);
    }
    case 'verify':
      return situation.rejected < situation.verify_retries ? requeue(failure, now, false) : failed(failure);
    case 'stopped':
      return requeue(failure, now, false);
    case 'timeout':
    case 'crash':
      return spent < max_attempts ? requeue(failure, now + delay(situation), true) : failed(failure);
    case 'logic_error':
    case 'budget':
    case 'permission':
    case 'invalid':
    case 'dependency':
    case 'upstream':
    case 'unconfirmed':
      return failed(failure);
  }
}

/** Doubles with each attempt up to the bound; a quarter more or less, so that what failed together comes back apart. */
function delay({ spent, backoff, backoff_max, fraction }: RetrySituation): number {
  const plain = Math.min(backoff * 2 ** Math.max(0, spent - 1), backoff_max);
  return Math.round(plain * (0.75 + fraction / 2));
}

function requeue(failure: Failure, not_before: number, spent: boolean): AttemptEnd {
  const { class: error_class, reason, used } = failure;
  return { kind: 'requeue', class: error_class, reason, not_before, spent, ...(used && { used }) };
}

function failed({ class: error_class, final: _final, reset_at: _reset, ...facts }: Failure): AttemptEnd {
  return { kind: 'finished', outcome: { state: 'failed', error_class, ...facts } };
}
