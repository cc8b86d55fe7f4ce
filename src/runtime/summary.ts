import type { ProjectId } from './model/ids.ts';
import type { WaitReason } from './model/route.ts';
import { type FinishedTask, isLive, type OpenTask, type RunningTask } from './model/task.ts';
import type { TaskSummary } from './model/view.ts';

const iso = (ms: number) => new Date(ms).toISOString();

export interface Waiting {
  readonly reason: WaitReason;
  readonly detail?: string | undefined;
  readonly until?: number | undefined;
}

/** A task as lists show it. */
export function summarize(
  task: OpenTask | FinishedTask,
  projectName: (id: ProjectId) => string,
  waiting: (task: OpenTask) => Waiting | undefined,
): TaskSummary {
  const project = projectName(task.project);
  return 'finished_seq' in task ? finishedSummary(task, project) : openSummary(task, project, waiting(task));
}

function openSummary(task: OpenTask, project: string, waiting: Waiting | undefined): TaskSummary {
  const place = isLive(task) ? (task.route.to === 'agent' ? task.route.agent : task.route.provider) : undefined;
  const running = task.state === 'running' ? task : undefined;
  return {
    id: task.id,
    project,
    state: task.state,
    title: task.title,
    priority: task.spec.priority,
    ...(task.spec.group !== undefined && { group: task.spec.group }),
    ...(task.spec.tags.length > 0 && { tags: task.spec.tags }),
    ...(waiting && {
      waiting: {
        reason: waiting.reason,
        ...(waiting.detail !== undefined && { detail: waiting.detail }),
        ...(waiting.until !== undefined && { until: iso(waiting.until) }),
      },
    }),
    attempts: task.attempt,
    ...(place !== undefined && { runs_on: place }),
    ...(running && runningFacts(running)),
    ...reasonOf(task),
    queued_at: iso(task.queued_at),
  };
}

function runningFacts(task: RunningTask): Pick<TaskSummary, 'started_at' | 'verifying_since' | 'job_id'> {
  const { started_at, verifying_since, job_id } = task;
  return {
    started_at: iso(started_at),
    ...(verifying_since !== undefined && { verifying_since: iso(verifying_since) }),
    ...(job_id !== undefined && { job_id }),
  };
}

function reasonOf(task: OpenTask): Pick<TaskSummary, 'reason' | 'error_class'> {
  if (task.state === 'unknown') return { reason: task.detail };
  if (isLive(task) && task.cancel !== undefined) return { reason: `being cancelled: ${task.cancel}` };
  if (!task.last_error) return {};
  return {
    reason: `attempt ${task.last_error.attempt}: ${task.last_error.reason}`,
    error_class: task.last_error.class,
  };
}

function finishedSummary(task: FinishedTask, project: string): TaskSummary {
  const place = task.agent ?? task.provider;
  return {
    id: task.id,
    project,
    state: task.state,
    title: task.title,
    priority: task.priority,
    ...(task.group !== undefined && { group: task.group }),
    ...(task.tags !== undefined && { tags: task.tags }),
    attempts: task.attempts,
    ...(place !== undefined && { runs_on: place }),
    ...(task.job_id !== undefined && { job_id: task.job_id }),
    ...(task.reason !== undefined && {
      reason: task.retried_as ? `${task.reason} (retried as ${task.retried_as})` : task.reason,
    }),
    ...(task.error_class !== undefined && { error_class: task.error_class }),
    ...(task.took && { took: task.took }),
    ...(task.retried_as !== undefined && { retried_as: task.retried_as }),
    queued_at: iso(task.queued_at),
    ...(task.started_at !== undefined && { started_at: iso(task.started_at) }),
    finished_at: iso(task.finished_at),
    ...(task.state === 'done' && { verified: task.verified ?? 'unverified' }),
  };
}
