import type { Event } from './event.ts';
import type { TaskId } from './ids.ts';
import type { FinishedTask, LiveTask, OpenTask, Outcome, QueuedTask, RunningTask } from './task.ts';
import { isLive } from './task.ts';
import { remember, triesAtEnd } from './tries.ts';

/*
 * The one lifecycle of a task:
 *
 *   queued → claimed → running → done | failed | cancelled        (and back to queued with the next attempt)
 *   unknown → queued                                               (a person named it)
 *
 * T1. Terminal states absorb: a finished task is no longer here, so nothing can change it.
 * T2. An event of another attempt than the live one changes nothing (`stale`).
 * T3. Attempt numbers only grow. `spent` counts at the claim and is given back only by `claim_void` or an unspent requeue.
 */

/** The events that change one open task. */
export type TaskEvent = Extract<
  Event,
  {
    type:
      | 'task_edited'
      | 'task_claimed'
      | 'claim_void'
      | 'attempt_started'
      | 'job_accepted'
      | 'verify_started'
      | 'task_requeued'
      | 'task_released'
      | 'cancel_requested'
      | 'task_finished';
  }
>;

export interface Moment {
  readonly seq: number;
  readonly at: number;
}

export type Transition =
  | { kind: 'open'; task: OpenTask }
  | { kind: 'finished'; task: FinishedTask }
  | { kind: 'stale' };

const KEPT_TEXTS = 5; // each is there until the next claim
const STALE: Transition = { kind: 'stale' };

export function transition(task: OpenTask, event: TaskEvent, when: Moment): Transition {
  const stamp = { changed_at: when.at, changed_seq: when.seq };
  switch (event.type) {
    case 'task_edited':
      return task.state === 'queued' ? open({ ...edited(task, event), ...stamp }) : STALE;
    case 'task_claimed':
      return task.state === 'queued' && event.attempt === task.attempt + 1 ? open(claimed(task, event, when)) : STALE;
    case 'claim_void':
      return liveAttempt(task, event.attempt)
        ? open({ ...queued(task), ...stamp, spent: task.spent - 1, voided: (task.voided ?? 0) + 1 }) // T3
        : STALE;
    case 'attempt_started':
      return task.state === 'claimed' && event.attempt === task.attempt
        ? open({ ...running(task, when.at), ...stamp, ...(event.handed && { handed: event.handed }) })
        : STALE;
    case 'job_accepted':
      return task.state === 'running' && event.attempt === task.attempt
        ? open({ ...task, ...stamp, job_id: event.job_id })
        : STALE;
    case 'verify_started':
      return task.state === 'running' && event.attempt === task.attempt
        ? open({ ...task, ...stamp, verifying_since: when.at })
        : STALE;
    case 'task_requeued':
      return liveAttempt(task, event.attempt) ? open({ ...requeued(task, event, when.at), ...stamp }) : STALE;
    case 'task_released':
      return released(task, stamp);
    case 'cancel_requested':
      return isLive(task) ? open({ ...task, ...stamp, cancel: event.reason }) : STALE;
    case 'task_finished':
      return event.attempt === task.attempt ? { kind: 'finished', task: finished(task, event.outcome, when) } : STALE; // T2
  }
}

function open(task: OpenTask): Transition {
  return { kind: 'open', task };
}

function liveAttempt(task: OpenTask, attempt: number): task is LiveTask {
  return isLive(task) && task.attempt === attempt; // T2
}

function claimed(task: QueuedTask, event: Extract<TaskEvent, { type: 'task_claimed' }>, when: Moment): OpenTask {
  const { not_before: _, backoff: __, replaces: ___, ...core } = task; // its file was read: it says what is claimed
  return {
    ...core,
    state: 'claimed',
    attempt: event.attempt,
    spent: task.spent + 1,
    sha: event.sha,
    token: event.token,
    route: event.route,
    claimed_at: when.at,
    changed_at: when.at,
    changed_seq: when.seq,
  };
}

/** A pause after a failed attempt goes on, unless the edit speaks of the time. */
function edited(task: QueuedTask, event: Extract<TaskEvent, { type: 'task_edited' }>): QueuedTask {
  const { replaces, ...before } = task;
  const now: QueuedTask = {
    ...before,
    ...event.task,
    ...(event.replaces !== undefined && { replaces: [...(replaces ?? []), event.replaces].slice(-KEPT_TEXTS) }),
    ...(task.attempt > 0 && event.task.sha !== task.sha && { told_before: task.attempt }),
    ...(task.attempt > 0 && event.fresh && { apart_from: task.attempt }),
  };
  const { not_before } = event.task.spec;
  if (not_before === task.spec.not_before) return now;
  const { not_before: _, backoff: __, ...rest } = now;
  return not_before === undefined ? rest : { ...rest, not_before: Date.parse(not_before) };
}

function running(task: Extract<OpenTask, { state: 'claimed' }>, at: number): RunningTask {
  return { ...task, state: 'running', started_at: at };
}

function queued(task: LiveTask): QueuedTask {
  const { token: _, route: __, claimed_at: ___, cancel: ____, ...core } = task;
  const { started_at: _____, job_id: ______, verifying_since: _______, ...more } = core as RunningTask;
  const { handed: ________, ...rest } = more;
  return { ...rest, state: 'queued' };
}

function requeued(task: LiveTask, event: Extract<TaskEvent, { type: 'task_requeued' }>, at: number): QueuedTask {
  const { in_vain: _, ...waiting } = queued(task);
  const { error_class, reason, spent, not_before: next_at, used, profile, session_id, exit_code } = event;
  const end = { ended: 'again', error_class, reason, spent, next_at, used, profile, session_id, exit_code } as const;
  return {
    ...waiting,
    ...remember(task, end, at),
    spent: event.spent ? task.spent : task.spent - 1, // T3
    not_before: event.not_before,
    backoff: true,
    last_error: { class: event.error_class, reason: event.reason, attempt: task.attempt },
    ...(event.error_class === 'verify' && { rejected: (task.rejected ?? 0) + 1 }),
  };
}

function released(task: OpenTask, stamp: { changed_at: number; changed_seq: number }): Transition {
  if (task.state === 'unknown') {
    const { found: _, detail: __, run_dir: ___, ...core } = task;
    return open({ ...core, ...stamp, state: 'queued' });
  }
  if (task.state !== 'queued') return STALE;
  const { not_before: _, backoff: __, ...core } = task;
  return open({ ...core, ...stamp });
}

function finished(task: OpenTask, outcome: Outcome, when: Moment): FinishedTask {
  const place = isLive(task)
    ? task.route.to === 'agent'
      ? { agent: task.route.agent, model: task.route.model }
      : { provider: task.route.provider }
    : {};
  return strip({
    project: task.project,
    id: task.id,
    state: outcome.state,
    title: task.title,
    priority: task.spec.priority,
    tags: task.spec.tags.length > 0 ? task.spec.tags : undefined,
    group: task.spec.group,
    sha: task.sha,
    queued_at: task.queued_at,
    started_at: task.state === 'running' ? task.started_at : undefined,
    job_id: task.state === 'running' ? task.job_id : undefined, // of a cancelled one, too: somebody may look for it upstream
    finished_at: when.at,
    finished_seq: when.seq,
    attempts: task.attempt,
    retry_of: task.retry_of,
    ...place,
    ...ending(outcome),
    ...tookInAll(task, outcome, when.at),
    // The one that was asked, under the name that it has here; what it calls itself stands in the result.
    ...(isLive(task) && task.route.to === 'provider' && { provider: task.route.provider }),
  });
}

/** Of what is done at once, its own figures say it already. */
function tookInAll(task: OpenTask, outcome: Outcome, at: number): Pick<FinishedTask, 'took'> {
  const { tries, took } = triesAtEnd(task, outcome, at);
  return took && (outcome.state !== 'done' || tries.length > 1) ? { took } : {};
}

function ending(outcome: Outcome) {
  switch (outcome.state) {
    case 'done': {
      const { agent, provider, model, job_id, cost_usd, cost_cad, cost } = outcome;
      const verified = outcome.verified === 'passed' ? ('passed' as const) : undefined;
      return strip({ agent, provider, model, job_id, cost_usd, cost_cad, cost, verified });
    }
    case 'failed': {
      const { agent, provider, job_id, reason, error_class } = outcome;
      return strip({ agent, provider, job_id, reason: reason.slice(0, 500), error_class });
    }
    case 'cancelled':
      return { reason: outcome.reason.slice(0, 500) };
  }
}

/** Drops what is undefined, so that a later spread can't erase a value with it. */
function strip<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as never;
}

/** The dependencies that remain once `id` is done, or once `as` stands for it. */
export function withoutDependency<T extends OpenTask>(task: T, id: TaskId, as?: TaskId): T {
  const waits_for = task.waits_for.filter((other) => other !== id);
  return { ...task, waits_for: as ? [...waits_for, as] : waits_for };
}
