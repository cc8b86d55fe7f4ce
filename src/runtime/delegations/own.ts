import type { LiveTask } from '../model/task.ts';
import { costFacts } from '../model/usage.ts';
import type { JobLook } from '../ports.ts';
import type { DoneOutcome } from '../work.ts';
import { cancelUpstream } from './cancel.ts';
import { cancelled, failed } from './conclude.ts';
import { type Desk, providerOf } from './desk.ts';
import { deadlineOf, describeLimit } from './limit.ts';
import type { Next, Watch } from './watch.ts';

/*
 * Attempts whose job is a request of this process. What ends it has undone all of it but the cost, so such an attempt is
 * never in doubt: whatever became of it, the retry policy says what follows.
 */

/** Its request is gone, and with it the answer. */
export function lost(watch: Watch, desk: Desk, task: LiveTask, why: string, job_id?: string): Promise<Next> {
  const facts = { reason: why, ...(job_id !== undefined && { job_id }) };
  return failed(watch, desk, task, { class: 'crash', ...facts });
}

/** The runtime ends, and the request with it: not the task's fault. An answer that is there already is not thrown away. */
export async function stopOwn(watch: Watch, desk: Desk, task: LiveTask, reason: string): Promise<Next> {
  const { phase } = watch;
  const look = phase.kind === 'accepted' && phase.journalled && (await lastLook(watch, desk, phase.job_id));
  if (look && phase.kind === 'accepted') {
    watch.phase = { kind: 'answered', job_id: phase.job_id, outcome: outcomeOf(watch, look, phase.job_id) };
    return { kind: 'again', at: desk.clock.now() };
  }
  if (phase.kind === 'accepted') await cancelUpstream(watch, desk, providerOf(watch, desk), phase.job_id);
  const facts = phase.kind === 'accepted' || phase.kind === 'answered' ? { job_id: phase.job_id } : {};
  return failed(watch, desk, task, { class: 'stopped', reason, ...facts });
}

/** A request that settled after we had ended it ourselves. */
export function endedByUs(watch: Watch, desk: Desk, task: LiveTask): Promise<Next> | undefined {
  if (task.cancel !== undefined) return cancelled(watch, desk, task.cancel);
  if (watch.stop !== undefined) return stopOwn(watch, desk, task, watch.stop);
  if (desk.clock.now() < deadlineOf(watch, desk, task)) return undefined;
  return failed(watch, desk, task, { class: 'timeout', reason: describeLimit(desk.ttl(task)) });
}

async function lastLook(watch: Watch, desk: Desk, job_id: string) {
  const look = await providerOf(watch, desk)
    ?.look(job_id, desk.looks)
    .catch(() => undefined);
  return look?.kind === 'completed' ? look : undefined;
}

export function outcomeOf(watch: Watch, look: JobLook & { kind: 'completed' }, job_id: string): DoneOutcome {
  const { kind: _, response: result, cost, ...facts } = look;
  return { state: 'done', result, provider: watch.provider, ...facts, ...costFacts(cost), job_id };
}
