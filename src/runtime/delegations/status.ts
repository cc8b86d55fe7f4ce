import type { DelegatedCounters, DelegatedJob, DelegatedProvider } from '../model/delegated.ts';
import type { AttemptEnd } from '../ports.ts';
import type { Need } from '../yard.ts';
import type { DelegationPorts } from './desk.ts';
import type { GateFacts } from './gate.ts';
import type { Watch } from './watch.ts';

/** What happened at one provider since the start. */
export class Tally {
  #completed = 0;
  #failed = 0;
  #polls = 0;

  ended(end: AttemptEnd): void {
    if (end.kind !== 'finished') return;
    if (end.outcome.state === 'done') this.#completed++;
    if (end.outcome.state === 'failed') this.#failed++;
  }

  polled(): void {
    this.#polls++;
  }

  with(active: number): DelegatedCounters {
    return {
      delegated_active: active,
      delegated_completed_total: this.#completed,
      delegated_failed_total: this.#failed,
      delegated_polls_total: this.#polls,
    };
  }
}

export function describeJob(watch: Watch, ports: Pick<DelegationPorts, 'store' | 'clock'>): DelegatedJob {
  const { task, attempt } = watch.lease;
  const { phase } = watch;
  const project = ports.store.projects().find(({ id }) => id === task.project);
  const trouble = watch.trouble ?? (phase.kind === 'unconfirmed' ? phase.reason : undefined);
  return {
    job_id: 'job_id' in phase ? phase.job_id : null,
    project: project?.name ?? task.project,
    task_file: `${task.id}.md`,
    provider: watch.provider,
    duration: Math.max(0, Math.round((ports.clock.now() - watch.started_at) / 1_000)),
    attempt,
    status: phase.kind === 'accepted' ? phase.status : phase.kind,
    ...(phase.kind === 'accepted' && { heard_at: iso(phase.heard_at) }),
    ...(isLookedAt(watch) && { next_look_at: iso(watch.next_at) }),
    ...(trouble !== undefined && { trouble }),
  };
}

/** A request of our own tells its end by itself: what comes next without it is its time limit, and no look. */
function isLookedAt({ working, next_at, transient, phase }: Watch): boolean {
  return !working && Number.isFinite(next_at) && !(transient && phase.kind === 'accepted');
}

type GateView = Omit<DelegatedProvider, keyof DelegatedCounters>;

export function describeGate({ state, until, last_trouble }: GateFacts): GateView {
  return {
    state,
    ...(until !== undefined && { until: iso(until) }),
    ...(last_trouble !== undefined && { last_trouble }),
  };
}

/** A provider that was tried again, and failed again. */
export function stuckNeed(
  provider: string,
  { since, until, reason }: { readonly since: number; readonly until: number; readonly reason: string },
  jobs: number,
): Need {
  const waits = jobs === 0 ? 'tasks for it wait' : `${jobs} of its jobs and what is queued for it wait`;
  return {
    what: `provider ${provider} fails since ${iso(since)}: ${reason}; ${waits}, it is tried again at ${iso(until)}`,
    where: provider,
    next: `mend it, or delegation.providers.${provider} in yardmaster.yaml; what waits goes on by itself`,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
