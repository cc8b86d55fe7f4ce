import { createHash } from 'node:crypto';
import type { TaskId } from '../../src/runtime/model/ids.ts';
import {
  type FinishedTask,
  isLive,
  type LiveTask,
  type OpenTask,
  type Outcome,
  type QueuedTask,
} from '../../src/runtime/model/task.ts';
import type { TaskQuery } from '../../src/runtime/ports.ts';

/* What becomes of a task in the memory store, without the store. */

export function sha(of: string | Uint8Array): string {
  return createHash('sha256').update(of).digest('hex');
}

export function queuedAgain(task: LiveTask): QueuedTask {
  const {
    token: _,
    route: __,
    claimed_at: ___,
    cancel: ____,
    started_at: _____,
    job_id: ______,
    verifying_since: _______,
    ...core
  } = task as LiveTask & Record<string, unknown>;
  return { ...core, state: 'queued' } as QueuedTask;
}

export function dependencyFailure(on: TaskId): Outcome {
  return { state: 'failed', error_class: 'dependency', reason: `it depends on ${on}, which was not done` };
}

export function finished(task: OpenTask, outcome: Outcome, now: number, seq: number): FinishedTask {
  const { project, id, title, sha: hash, queued_at, retry_of, spec } = task;
  const { tags, group, priority } = spec;
  const base = {
    project,
    id,
    state: outcome.state,
    title,
    priority,
    sha: hash,
    queued_at,
    finished_at: now,
    finished_seq: seq,
  };
  const route = isLive(task)
    ? task.route.to === 'agent'
      ? { agent: task.route.agent }
      : { provider: task.route.provider }
    : {};
  const {
    result: _,
    verified,
    output: ___,
    exit_code: ____,
    session_id: _____,
    tokens: ______,
    truncated: _______,
    ...said
  } = {
    ...outcome,
  } as Outcome & Record<string, unknown>;
  return {
    ...base,
    ...(tags.length > 0 && { tags }),
    ...(group !== undefined && { group }),
    ...(task.state === 'running' && { started_at: task.started_at }),
    attempts: task.attempt,
    ...(retry_of && { retry_of }),
    ...route,
    ...said,
    ...(verified === 'passed' && { verified }),
  };
}

export function matches(task: OpenTask | FinishedTask, { states, project, group, changed_since }: TaskQuery): boolean {
  const own =
    'spec' in task
      ? { group: task.spec.group, changed: task.changed_at }
      : { group: task.group, changed: task.finished_at };
  if (states && !states.includes(task.state)) return false;
  if (project !== undefined && task.project !== project) return false;
  if (group !== undefined && own.group !== group) return false;
  return changed_since === undefined || own.changed >= changed_since;
}
