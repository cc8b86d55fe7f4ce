import { cancelled, conclude, failed } from './conclude.ts';
import { type Desk, report, tryAgain } from './desk.ts';
import { liveTask, type Next, OVER, type Phase, type Watch } from './watch.ts';

/**
 * What becomes of an answer. This may take minutes, so it has no place in the provider's lane; a cancel ends it
 * (`Answers.stop`), and the end of the runtime leaves it to the next one, which has the answer again.
 */
export async function judge(watch: Watch, desk: Desk, phase: Phase & { kind: 'answered' }): Promise<Next> {
  const { lease } = watch;
  const { job_id, outcome } = phase;
  const task = liveTask(watch, desk.store);
  if (!task) return OVER;
  if (task.cancel !== undefined) return cancelled(watch, desk, task.cancel);
  const judging = desk.answers.judge({ task, lease, outcome });
  if (watch.stop !== undefined) desk.answers.stop(lease).catch((error) => report(desk, watch, String(error))); // kept: enough
  const checked = await judging;
  const now = liveTask(watch, desk.store);
  if (!now) return OVER;
  switch (checked.kind) {
    case 'done':
      return conclude(watch, desk, { kind: 'finished', outcome: checked.outcome });
    case 'failed':
      return failed(watch, desk, now, { job_id, ...checked.failure });
    case 'stopped':
      if (now.cancel !== undefined) return cancelled(watch, desk, now.cancel);
      return tryAgain(desk, watch, 0);
  }
}
