import type { DelegationPorts } from './desk.ts';
import type { Watch } from './watch.ts';

export interface Counters {
  readonly delegated_active: number;
  readonly delegated_completed_total: number;
  readonly delegated_failed_total: number;
}

export interface DelegatedJob {
  /** Null until the provider has named it. */
  readonly job_id: string | null;
  readonly project: string;
  readonly task_file: string;
  readonly provider: string;
  /** Seconds since the attempt began. */
  readonly duration: number;
  readonly attempt: number;
  /** The provider's word for it, or our own as long as there is no job. */
  readonly status: string;
}

export interface DelegationStatus extends Counters {
  readonly jobs: readonly DelegatedJob[];
}

export function describeJob(watch: Watch, ports: Pick<DelegationPorts, 'store' | 'clock'>): DelegatedJob {
  const { task, attempt } = watch.lease;
  const { phase } = watch;
  const project = ports.store.projects().find(({ id }) => id === task.project);
  return {
    job_id: phase.kind === 'accepted' ? phase.job_id : null,
    project: project?.name ?? task.project,
    task_file: `${task.id}.md`,
    provider: watch.provider,
    duration: Math.max(0, Math.round((ports.clock.now() - watch.started_at) / 1_000)),
    attempt,
    status: phase.kind === 'accepted' ? phase.status : phase.kind,
  };
}
