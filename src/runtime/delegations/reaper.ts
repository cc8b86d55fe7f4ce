import type { LiveTask } from '../model/task.ts';
import { costFacts } from '../model/usage.ts';
import type { JobLook, Provider } from '../ports.ts';
import type { DoneOutcome } from '../work.ts';
import { cancelled, conclude, fail } from './conclude.ts';
import { cancelUpstream } from './confirm.ts';
import { type Desk, report, tryAgain } from './desk.ts';
import { recordJob } from './submit.ts';
import { absentAgain, believed, type Next, type Phase, type Watch } from './watch.ts';

type Accepted = Phase & { kind: 'accepted' };

/** One look at a job, and what follows from it. */
export async function reap(watch: Watch, desk: Desk, task: LiveTask, phase: Accepted): Promise<Next> {
  if (!phase.journalled) return recordJob(watch, desk, phase.job_id);
  const provider = desk.providers().get(watch.provider);
  if (task.cancel !== undefined) return callOff(watch, desk, provider, phase.job_id, task.cancel);
  if (!provider) {
    report(desk, watch, `job ${phase.job_id} can't be followed: its provider is not configured any more`);
    return tryAgain(desk, watch, desk.settings().interval_ms);
  }
  const { held_until } = desk.lane;
  if (held_until > desk.clock.now()) return { kind: 'again', at: held_until };
  desk.tally.polled();
  return follow(watch, desk, task, phase, await provider.look(phase.job_id, desk.looks));
}

function follow(watch: Watch, desk: Desk, task: LiveTask, phase: Accepted, look: JobLook): Next | Promise<Next> {
  const { job_id, journalled } = phase;
  const now = desk.clock.now();
  const { interval_ms, silence_ms } = desk.settings();
  switch (look.kind) {
    case 'active':
      watch.failures = 0;
      watch.phase = { kind: 'accepted', job_id, journalled, status: look.status, heard_at: now };
      return { kind: 'again', at: now + interval_ms };
    case 'completed': {
      const { kind: _kind, response: result, cost, ...facts } = look;
      const outcome = {
        state: 'done' as const,
        result,
        provider: watch.provider,
        ...facts,
        ...costFacts(cost),
        job_id,
      };
      return judge(watch, desk, task, outcome);
    }
    case 'failed':
      return fail(watch, desk, 'upstream', look.reason, job_id);
    case 'unknown_job':
      return missing(watch, desk, phase);
    case 'later':
      if (desk.looks.aborted) return { kind: 'again', at: now }; // we hung up, not the provider
      if (now - phase.heard_at >= silence_ms)
        return fail(watch, desk, 'upstream', `no usable answer for too long: ${look.reason}`, job_id);
      return tryAgain(desk, watch, interval_ms, look.retry_after_ms);
  }
}

async function judge(watch: Watch, desk: Desk, task: LiveTask, outcome: DoneOutcome): Promise<Next> {
  const checked = await desk.answers.judge({ task, lease: watch.lease, outcome });
  switch (checked.kind) {
    case 'done':
      return conclude(watch, desk, { kind: 'finished', outcome: checked.outcome });
    case 'failed':
      return conclude(watch, desk, desk.afterFailure(task, checked.failure));
    case 'stopped':
      return tryAgain(desk, watch, 0);
  }
}

/** A service that restarts or reads from a copy may miss a job for a moment. */
function missing(watch: Watch, desk: Desk, phase: Accepted): Next | Promise<Next> {
  const now = desk.clock.now();
  const absent = absentAgain(phase.absent, now);
  const { interval_ms, absence } = desk.settings();
  if (believed(absent, now, absence))
    return fail(watch, desk, 'upstream', 'the provider does not know the job (any more)', phase.job_id);
  watch.phase = { ...phase, status: 'unknown', absent };
  return { kind: 'again', at: now + interval_ms };
}

async function callOff(watch: Watch, desk: Desk, provider: Provider | undefined, job_id: string, reason: string) {
  const stopped = await cancelUpstream(watch, desk, provider, job_id);
  if (desk.looks.aborted) return { kind: 'again' as const, at: desk.clock.now() }; // the next start does it properly
  return cancelled(watch, desk, stopped ? reason : `${reason} (job ${job_id} may go on upstream)`);
}
