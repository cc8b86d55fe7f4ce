import type { Config } from '../model/config.ts';
import type { LiveTask } from '../model/task.ts';
import type { RetrySituation } from '../policy/retry.ts';
import type { Chance, Clock } from '../ports.ts';

/** What the retry policy looks at when an attempt of this task has failed now. */
export function retrySituation(
  task: LiveTask,
  parts: { readonly config: Config; readonly clock: Clock; readonly chance: Chance },
): RetrySituation {
  const { backoff, backoff_max, max_attempts } = parts.config.retry;
  return {
    spent: task.spent,
    max_attempts: task.spec.max_attempts ?? max_attempts,
    ...(task.last_error && { previous: task.last_error.class }),
    now: parts.clock.now(),
    fraction: parts.chance.fraction(),
    backoff,
    backoff_max,
    rejected: task.rejected ?? 0,
    verify_retries: task.spec.verify_retries ?? parts.config.verify_retries,
  };
}
