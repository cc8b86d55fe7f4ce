import type { LiveTask } from '../model/task.ts';
import type { JobLook, Provider } from '../ports.ts';
import { cancelUpstream } from './cancel.ts';
import { cancelled, failed } from './conclude.ts';
import { type Desk, providerOf, report, tryAgain, whyNobody } from './desk.ts';
import { findingOf, findingOfOwn } from './finding.ts';
import { isOverdue, isOverdueUnseen, timeOut } from './limit.ts';
import { lost, outcomeOf } from './own.ts';
import { nextLook, recordJob } from './submit.ts';
import { absentAgain, believed, type Next, type Phase, type Watch, waitAtGate } from './watch.ts';

type Accepted = Phase & { kind: 'accepted' };

const LOST = 'the runtime ended while it answered';

/** One look at a job, and what follows from it. */
export async function reap(watch: Watch, desk: Desk, task: LiveTask, phase: Accepted): Promise<Next> {
  if (!phase.journalled) return recordJob(watch, desk, phase.job_id);
  const provider = providerOf(watch, desk);
  if (task.cancel !== undefined) return callOff(watch, desk, provider, phase.job_id, task.cancel);
  if (!provider) {
    if (watch.transient) return lost(watch, desk, task, LOST, phase.job_id);
    const why = whyNobody(watch, desk);
    if (isOverdueUnseen(watch, desk, task)) return timeOut(watch, desk, task, phase.job_id, why);
    watch.trouble = why;
    report(desk, watch, `job ${phase.job_id} can't be followed: ${why}`);
    return tryAgain(desk, watch, desk.settings().interval_ms);
  }
  const look = await (watch.transient ? lookAtOwn(desk, provider, phase) : lookThrough(desk, provider, phase));
  if (look.kind !== 'shut') return follow(watch, desk, task, phase, look);
  if (isOverdueUnseen(watch, desk, task)) return timeOut(watch, desk, task, phase.job_id, look.why);
  return waitAtGate(watch, look);
}

async function lookThrough(desk: Desk, provider: Provider, { job_id }: Accepted) {
  const pass = desk.gate.enter();
  if (pass.kind === 'shut') return pass;
  try {
    desk.tally.polled();
    const look = await provider.look(job_id, desk.looks);
    const finding = findingOf(desk, look, desk.looks.aborted);
    if (finding) pass.found(finding);
    return look;
  } finally {
    pass.leave();
  }
}

/** No other machine is asked. */
async function lookAtOwn(desk: Desk, provider: Provider, { job_id }: Accepted): Promise<JobLook> {
  desk.tally.polled();
  const look = await provider.look(job_id, desk.looks);
  const finding = findingOfOwn(look);
  if (finding) desk.gate.heard(finding);
  return look;
}

function follow(watch: Watch, desk: Desk, task: LiveTask, phase: Accepted, look: JobLook): Next | Promise<Next> {
  const { job_id, journalled } = phase;
  const now = desk.clock.now();
  switch (look.kind) {
    case 'active':
      watch.failures = 0;
      delete watch.trouble;
      watch.phase = { kind: 'accepted', job_id, journalled, status: look.status, heard_at: now };
      if (isOverdue(watch, desk, task)) return timeOut(watch, desk, task, job_id);
      return nextLook(watch, desk, job_id);
    case 'completed':
      watch.failures = 0;
      watch.phase = { kind: 'answered', job_id, outcome: outcomeOf(watch, look, job_id) };
      return { kind: 'again', at: now };
    case 'failed': {
      const { kind: _, reason, class: error_class = 'upstream', ...facts } = look;
      return failed(watch, desk, task, { class: error_class, reason, job_id, ...facts });
    }
    case 'unknown_job':
      if (watch.transient) return lost(watch, desk, task, LOST, job_id);
      return missing(watch, desk, task, phase);
    case 'later':
      return unheard(watch, desk, task, phase, look);
  }
}

function unheard(watch: Watch, desk: Desk, task: LiveTask, phase: Accepted, look: JobLook & { kind: 'later' }) {
  const now = desk.clock.now();
  const { interval_ms, silence_ms, absence } = desk.settings();
  if (desk.looks.aborted) return { kind: 'again' as const, at: now }; // we hung up, not the provider
  const { job_id } = phase;
  watch.trouble = look.reason;
  if (isOverdueUnseen(watch, desk, task)) return timeOut(watch, desk, task, job_id, look.reason);
  // One look that fails says nothing where nobody looked before: the machine may have slept.
  if (now - phase.heard_at >= silence_ms && watch.failures + 1 >= absence.times) {
    const reason = `no usable answer for too long: ${look.reason}`;
    return failed(watch, desk, task, { class: 'upstream', reason, job_id });
  }
  return tryAgain(desk, watch, interval_ms, look.retry_after_ms);
}

/** A service that restarts or reads from a copy may miss a job for a moment. */
function missing(watch: Watch, desk: Desk, task: LiveTask, phase: Accepted): Next | Promise<Next> {
  const now = desk.clock.now();
  const { job_id } = phase;
  const absent = absentAgain(phase.absent, now);
  const { interval_ms, absence } = desk.settings();
  watch.trouble = 'the provider does not know the job (any more)';
  if (believed(absent, now, absence))
    return failed(watch, desk, task, { class: 'upstream', reason: watch.trouble, job_id });
  watch.phase = { ...phase, status: 'unknown', absent };
  return { kind: 'again', at: now + interval_ms };
}

async function callOff(watch: Watch, desk: Desk, provider: Provider | undefined, job_id: string, reason: string) {
  const stopped = await cancelUpstream(watch, desk, provider, job_id);
  if (desk.looks.aborted && !watch.transient) return { kind: 'again' as const, at: desk.clock.now() }; // the next start does it properly
  const goesOn = stopped || watch.transient ? '' : ` (job ${job_id} may go on upstream)`;
  return cancelled(watch, desk, `${reason}${goesOn}`);
}
