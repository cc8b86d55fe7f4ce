import { durationText } from '../model/duration.ts';
import type { LiveTask } from '../model/task.ts';
import { cancelUpstream } from './cancel.ts';
import { failed } from './conclude.ts';
import { type DelegationPorts, type Desk, providerOf } from './desk.ts';
import type { Next, Watch } from './watch.ts';

/*
 * The time that a job may take.
 *
 * 1. A job that ended in time is not thrown away because nobody looked: past the limit it is looked at once more, and
 *    only where no look succeeds for a while it ends unseen.
 * 2. It was made, and may go on upstream: such a task is not tried again by itself.
 */

/** So long a provider may be silent when a job is found overdue: a blip, a restart or a machine that slept end no job. */
const LAST_LOOKS_MS = 120_000;

export function deadlineOf(watch: Watch, desk: Pick<DelegationPorts, 'ttl'>, task: LiveTask): number {
  return watch.started_at + desk.ttl(task);
}

export function isOverdue(watch: Watch, desk: Desk, task: LiveTask): boolean {
  return desk.clock.now() >= deadlineOf(watch, desk, task);
}

/** 1. Asked where no look succeeded. */
export function isOverdueUnseen(watch: Watch, desk: Desk, task: LiveTask): boolean {
  if (!isOverdue(watch, desk, task)) {
    delete watch.overdue_since;
    return false;
  }
  watch.overdue_since ??= desk.clock.now();
  return desk.clock.now() - watch.overdue_since >= LAST_LOOKS_MS;
}

export function describeLimit(ms: number): string {
  return `it took longer than its time limit of ${durationText(ms)}`;
}

export async function timeOut(watch: Watch, desk: Desk, task: LiveTask, job_id: string, also = ''): Promise<Next> {
  const stopped = await cancelUpstream(watch, desk, providerOf(watch, desk), job_id);
  if (desk.looks.aborted && !stopped) return { kind: 'again', at: desk.clock.now() }; // the next start does it properly
  const goesOn = stopped || watch.transient ? '' : ` (job ${job_id} may go on upstream)`;
  const reason = `${describeLimit(desk.ttl(task))}${also === '' ? '' : `: ${also}`}${goesOn}`;
  return failed(watch, desk, task, { class: 'timeout', reason, job_id, ...(!watch.transient && { final: true }) }); // 2
}
