import type { ErrorClass } from '../model/spec.ts';
import type { LiveTask } from '../model/task.ts';
import type { Failure } from '../policy/retry.ts';
import type { AttemptEnd } from '../ports.ts';
import { type Desk, projectOf, report } from './desk.ts';
import { markerPath } from './marker.ts';
import { type Next, OVER, type Watch } from './watch.ts';

/** Stores how the attempt ended. The decision is kept on the watch, so a store that fails now is asked again later. */
export async function conclude(watch: Watch, desk: Desk, end: AttemptEnd): Promise<Next> {
  watch.phase = { kind: 'ending', end };
  const refusal = await desk.store.end(watch.lease, end, { by: 'provider' });
  if (refusal) {
    report(desk, watch, `the end of attempt ${watch.lease.attempt} came too late: ${refusal.message}`);
    return OVER;
  }
  desk.tally.ended(end);
  // Of a task that goes back the queue removes it, before the next attempt can write its own.
  if (end.kind === 'finished') await removeMarker(watch, desk);
  return OVER;
}

/** A failure that no retry follows: the job was made, or may have been. */
export function fail(watch: Watch, desk: Desk, error_class: ErrorClass, reason: string, job_id?: string) {
  const { provider } = watch;
  const outcome = { state: 'failed' as const, error_class, reason, provider, ...(job_id !== undefined && { job_id }) };
  return conclude(watch, desk, { kind: 'finished', outcome });
}

/** A failure of which the retry policy says what follows. */
export function failed(watch: Watch, desk: Desk, task: LiveTask, failure: Failure): Promise<Next> {
  return conclude(watch, desk, desk.afterFailure(task, { provider: watch.provider, ...failure }));
}

/** Nobody will ever know: said so, and never sent again. */
export function giveUp(watch: Watch, desk: Desk, why: string): Promise<Next> {
  return fail(watch, desk, 'unconfirmed', `may have run upstream: ${why}`);
}

export function cancelled(watch: Watch, desk: Desk, reason: string): Promise<Next> {
  return conclude(watch, desk, { kind: 'finished', outcome: { state: 'cancelled', reason } });
}

async function removeMarker(watch: Watch, desk: Desk): Promise<void> {
  const { task } = watch.lease;
  try {
    await desk.files.remove(markerPath(projectOf(desk, task).path, task.id));
  } catch (error) {
    report(desk, watch, `its marker could not be removed: ${String(error)}`);
  }
}
