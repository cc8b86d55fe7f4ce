import type { Config } from '../model/config.ts';
import { ttlOf } from '../model/provider.ts';
import type { Priority } from '../model/spec.ts';
import type { LiveTask } from '../model/task.ts';
import type { BreakerRule } from '../policy/breaker.ts';

export interface DelegationSettings {
  /** Nothing is submitted: not for the first time, and not again. Jobs that were taken are followed to their end. */
  readonly local_only: boolean;
  /** Between two looks at a job. */
  readonly interval_ms: number;
  /** Requests under way at once, for each provider on its own. */
  readonly concurrency: number;
  /** When a provider that fails is left alone, and for how long. */
  readonly breaker: BreakerRule;
  readonly backoff: { readonly first_ms: number; readonly max_ms: number };
  /** A provider may ask us to wait, but not for longer than this. */
  readonly retry_after_max_ms: number;
  /** How long after the start of an attempt its idempotency key is trusted to name one job; services forget keys. */
  readonly key_trusted_ms: number;
  /** A job of which nothing usable was heard for so long is given up. */
  readonly silence_ms: number;
  /** A job counts as gone when it was not there so many times, over at least so long. */
  readonly absence: { readonly times: number; readonly over_ms: number };
  /** How long `stop` waits for submits on their way: cut off, they would be unconfirmed. */
  readonly stop_grace_ms: number;
  /** Our priorities in the provider's words. */
  readonly priorities: Readonly<Record<Priority, string>>;
}

/**
 * The job contract names no words for priorities. These three are what most queues understand, so `critical` is sent
 * as `high`: a word that a service doesn't know would refuse the whole job.
 */
export const UPSTREAM_PRIORITY: Readonly<Record<Priority, string>> = {
  critical: 'high',
  high: 'high',
  default: 'normal',
  low: 'low',
};

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const TTL_OF_UNKNOWN = 6 * 60 * MINUTE; // of a provider that left the configuration

/** How long a job of this task may take. */
export function ttlOfTask({ spec, route }: LiveTask, { delegation }: Pick<Config, 'delegation'>): number {
  if (spec.ttl_seconds !== undefined) return spec.ttl_seconds * 1_000;
  const provider = route.to === 'provider' ? delegation.providers[route.provider] : undefined;
  return provider ? ttlOf(provider) : TTL_OF_UNKNOWN;
}

export function settingsOf({
  delegation,
  retry,
  local_only,
}: Pick<Config, 'delegation' | 'retry' | 'local_only'>): DelegationSettings {
  return {
    local_only,
    interval_ms: delegation.interval,
    concurrency: delegation.concurrency,
    breaker: { after: delegation.breaker.after, pause_ms: delegation.breaker.pause },
    backoff: { first_ms: retry.backoff, max_ms: retry.backoff_max },
    retry_after_max_ms: 60 * MINUTE,
    key_trusted_ms: DAY,
    silence_ms: DAY,
    absence: { times: 3, over_ms: 2 * MINUTE },
    stop_grace_ms: 5_000,
    priorities: UPSTREAM_PRIORITY,
  };
}
