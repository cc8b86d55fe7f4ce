import type { Config } from '../model/config.ts';
import type { ErrorClass } from '../model/spec.ts';
import type { LiveTask } from '../model/task.ts';
import type { RetrySituation } from '../policy/retry.ts';
import type { Chance, Clock } from '../ports.ts';

/** What the retry policy looks at when an attempt of this task has failed now. */
export function retrySituation(
  task: LiveTask,
  parts: { readonly config: Config; readonly clock: Clock; readonly chance: Chance },
): RetrySituation {
  const { backoff, backoff_max, max_attempts, classes } = parts.config.retry;
  return {
    spent: task.spent,
    max_attempts: task.spec.max_attempts ?? max_attempts,
    before: classesBefore(task),
    ...(task.in_vain && { in_vain: task.in_vain }),
    now: parts.clock.now(),
    fraction: parts.chance.fraction(),
    backoff,
    backoff_max,
    classes,
    rejected: task.rejected ?? 0,
    verify_retries: task.spec.verify_retries ?? parts.config.verify_retries,
  };
}

/** A task of a journal from before has only its last error. */
function classesBefore({ tries, last_error }: LiveTask): ErrorClass[] {
  if (tries === undefined) return last_error ? [last_error.class] : [];
  return tries.flatMap(({ error_class }) => error_class ?? []);
}
