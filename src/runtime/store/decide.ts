import type { Event } from '../model/event.ts';
import { type HoldScope, holdOn } from '../model/hold.ts';
import { keyOf, type TaskId, type TaskKey, type TaskRef } from '../model/ids.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { RunRoute } from '../model/route.ts';
import { isLive, type Lease, type LiveTask, type OpenTask, Outcome, type OutcomeInput } from '../model/task.ts';
import { type Used, usedOf } from '../model/usage.ts';
import type { TaskState } from '../model/view.ts';
import type { AttemptEnd } from '../ports.ts';
import type { Decision } from './commit.ts';
import type { State } from './state.ts';

/* What the queue answers to each request: pure functions of the state. Nothing here waits, reads or writes. */

const none = <T>(reply: T): Decision<T> => ({ events: [], reply });

export function decideClaim(
  state: State,
  ref: TaskRef,
  given: { route: RunRoute; token: string; sha: string; now: number },
): Decision<Refusal | { attempt: number }> {
  const task = state.open.get(keyOf(ref));
  if (!task) return none(gone(ref));
  if (task.state !== 'queued')
    return none(refuse('stale', `task ${ref.id} is ${task.state}, not queued`, 'look again with job_status'));
  const obstacle = obstacleToRun(state, task, given.now);
  if (obstacle)
    return none(refuse('stale', `task ${ref.id} can't run yet: ${obstacle}`, 'it will be looked at again by itself'));
  const attempt = task.attempt + 1;
  const { route, token, sha } = given;
  return { events: [{ type: 'task_claimed', ...ref, attempt, token, route, sha }], reply: { attempt } };
}

function ofProject({ project }: OpenTask): HoldScope {
  return { of: 'project', project };
}

function obstacleToRun(state: State, task: OpenTask & { state: 'queued' }, now: number): string | undefined {
  const held = holdOn(state.holds, { of: 'fleet' }, now) ?? holdOn(state.holds, ofProject(task), now);
  if (held) return 'paused';
  if (task.waits_for.length > 0) return `it waits for ${task.waits_for.join(', ')}`;
  if ((task.not_before ?? 0) > now) return 'its time has not come';
  return undefined;
}

/** The live attempt that a lease names, or why the lease counts for nothing (laws 2 and 3). */
export function leased(state: State, lease: Lease, epoch: string): LiveTask | string {
  const task = state.open.get(keyOf(lease.task));
  if (lease.epoch !== epoch) return 'it belongs to another epoch';
  if (!task) return 'the task has ended';
  if (!isLive(task)) return `the task is ${task.state}`;
  if (task.attempt !== lease.attempt) return `attempt ${task.attempt} is the live one`;
  if (task.token !== lease.token) return 'its token is not the one of this attempt';
  return task;
}

/** A report that counts for nothing is recorded and changes nothing. */
export function refuseReport(lease: Lease, report: string, why: string): Decision<Refusal> {
  return {
    events: [{ type: 'report_refused', ...lease.task, attempt: lease.attempt, report, why }],
    reply: refuse(
      'stale',
      `the report '${report}' of attempt ${lease.attempt} of ${lease.task.id} changes nothing: ${why}`,
      'stop working on it',
    ),
  };
}

export function decideEnd(state: State, lease: Lease, epoch: string, end: AttemptEnd): Decision<Refusal | undefined> {
  const task = leased(state, lease, epoch);
  if (typeof task === 'string') return refuseReport(lease, end.kind, task);
  const { attempt } = lease;
  switch (end.kind) {
    case 'void':
      if (task.cancel === undefined)
        return { events: [{ type: 'claim_void', ...lease.task, attempt, reason: end.reason }], reply: undefined };
      break;
    case 'requeue':
      if (task.cancel === undefined) {
        const { kind: _, class: error_class, ...facts } = end;
        return {
          events: [{ type: 'task_requeued', ...lease.task, attempt, error_class, ...facts }],
          reply: undefined,
        };
      }
      break;
    case 'finished':
      if (task.cancel === undefined) return { events: finishEvents(state, task, end.outcome), reply: undefined };
      break;
  }
  const used = usedUntil(end);
  const never = end.kind === 'void' ? { never_began: true as const } : {};
  const outcome = { state: 'cancelled', reason: task.cancel, ...never, ...(used && { used }) } as const;
  return { events: finishEvents(state, task, outcome), reply: undefined };
}

/** What an attempt took that is cancelled: its end would have told it. */
function usedUntil(end: AttemptEnd): Used | undefined {
  switch (end.kind) {
    case 'void':
      return undefined;
    case 'requeue':
      return end.used;
    case 'finished':
      return end.outcome.state === 'done' ? usedOf(end.outcome) : end.outcome.used;
  }
}

export function decideCancel(
  state: State,
  ref: TaskRef,
  reason: string,
): Decision<{ state: TaskState; note: string } | Refusal> {
  const task = state.open.get(keyOf(ref));
  if (!task) {
    const ended = state.finished.get(keyOf(ref));
    if (ended?.state === 'cancelled') return none({ state: 'cancelled', note: 'it was cancelled already' });
    return none(
      ended ? refuse('not_possible', `task ${ref.id} is ${ended.state} already`, 'nothing was changed') : gone(ref),
    );
  }
  if (!isLive(task)) {
    return {
      events: finishEvents(state, task, { state: 'cancelled', reason }),
      reply: { state: 'cancelled', note: 'it had not started' },
    };
  }
  const reply = { state: task.state, note: 'its agent is being stopped; wait with job_status for it to be cancelled' };
  return task.cancel === undefined ? { events: [{ type: 'cancel_requested', ...ref, reason }], reply } : none(reply);
}

/** The end of a task and of all that can't run without it. */
export function finishEvents(state: State, task: OpenTask, outcome: OutcomeInput): Event[] {
  const events: Event[] = [
    {
      type: 'task_finished',
      project: task.project,
      id: task.id,
      attempt: task.attempt,
      outcome: Outcome.parse(outcome),
    },
  ];
  if (outcome.state === 'done') return events;
  const seen = new Set<TaskKey>([keyOf(task)]);
  const cascade = (failed: OpenTask) => {
    for (const key of state.dependants.get(keyOf(failed)) ?? []) {
      const dependant = state.open.get(key);
      if (!dependant || seen.has(key) || dependant.spec.on_dependency_failure === 'hold') continue;
      seen.add(key);
      events.push(dependencyFailed(dependant, failed.id));
      cascade(dependant);
    }
  };
  cascade(task);
  return events;
}

export function dependencyFailed(task: Pick<OpenTask, 'project' | 'id' | 'attempt'>, on: TaskId): Event {
  const reason = `it depends on ${on}, which was not done`;
  return {
    type: 'task_finished',
    project: task.project,
    id: task.id,
    attempt: task.attempt,
    outcome: { state: 'failed', error_class: 'dependency', reason },
  };
}

function gone(ref: TaskRef): Refusal {
  return refuse('not_found', `there is no open task ${ref.id} in this project`, 'list_tasks shows what there is');
}
