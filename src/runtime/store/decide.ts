import type { Event } from '../model/event.ts';
import { type HoldScope, holdKey, holdOn, isPersons } from '../model/hold.ts';
import { keyOf, type ProjectId, type TaskId, type TaskKey, type TaskRef } from '../model/ids.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import { placeOf, type RunRoute } from '../model/route.ts';
import {
  type Cause,
  isLive,
  type Lease,
  type LiveTask,
  type OpenTask,
  Outcome,
  type OutcomeInput,
} from '../model/task.ts';
import { type Used, usedOf } from '../model/usage.ts';
import type { TaskState } from '../model/view.ts';
import { heldText, resumeCommand } from '../policy/held.ts';
import type { AttemptEnd, HoldOrder } from '../ports.ts';
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
  const obstacle = obstacleToRun(state, task, given.route, given.now);
  if (obstacle)
    return none(refuse('stale', `task ${ref.id} can't run yet: ${obstacle}`, 'it will be looked at again by itself'));
  const attempt = task.attempt + 1;
  const { route, token, sha } = given;
  return { events: [{ type: 'task_claimed', ...ref, attempt, token, route, sha }], reply: { attempt } };
}

/** Everything of which a hold keeps this task from this place. */
function scopesOf({ project }: OpenTask, route: RunRoute): HoldScope[] {
  const names = route.to === 'provider' ? [route.provider] : [route.agent, ...(route.program ? [route.program] : [])];
  return [{ of: 'fleet' }, { of: 'project', project }, ...names.map((agent) => ({ of: 'agent' as const, agent }))];
}

function obstacleToRun(
  state: State,
  task: OpenTask & { state: 'queued' },
  route: RunRoute,
  now: number,
): string | undefined {
  for (const scope of scopesOf(task, route)) {
    const held = holdOn(state.holds, scope, now);
    if (held) return `${nameOfScope(state, scope)} is ${heldText(held)}`;
  }
  if (task.waits_for.length > 0) return `it waits for ${task.waits_for.join(', ')}`;
  if ((task.not_before ?? 0) > now) return 'its time has not come';
  return undefined;
}

function nameOfScope(state: State, scope: HoldScope): string {
  switch (scope.of) {
    case 'fleet':
      return 'everything';
    case 'project':
      return `project ${projectName(state, scope)}`;
    case 'agent':
      return scope.agent;
  }
}

function projectName(state: State, scope: HoldScope): string {
  return scope.of === 'project' ? (state.projects.get(scope.project)?.name ?? scope.project) : '';
}

type Held = Decision<Refusal | undefined>;

/** Another hold takes the place of the one that is there; the same one again changes nothing. */
export function decideHold(state: State, scope: HoldScope, order: HoldOrder, by: Cause['by'], now: number): Held {
  const theirs = refuseTheirs(state, scope, by, now);
  if (theirs) return none(theirs);
  const known = holdOn(state.holds, scope, now);
  const { kind, reason, until } = order;
  if (known?.kind === kind && known.reason === reason && known.until === until && known.by === by)
    return none(undefined);
  const event: Event = { type: 'paused', ...named(scope), kind, reason, ...(until !== undefined && { until }) };
  return { events: [event], reply: undefined };
}

export function decideResume(
  state: State,
  scope: HoldScope,
  reason: string | undefined,
  by: Cause['by'],
  now: number,
): Held {
  const theirs = refuseTheirs(state, scope, by, now);
  if (theirs) return none(theirs);
  if (!state.holds.has(holdKey(scope))) return none(undefined);
  return { events: [{ type: 'resumed', ...named(scope), ...(reason !== undefined && { reason }) }], reply: undefined };
}

/** A clock has ended them: no word is needed for that, whoever made them. */
export function decideOver(state: State, now: number): Decision<void> {
  const over = [...state.holds.values()].filter((hold) => !holdOn(state.holds, hold.scope, now));
  const events = over.map(({ scope }): Event => ({ type: 'resumed', ...named(scope), reason: TIME_OVER }));
  return { events, reply: undefined };
}

const TIME_OVER = 'its time is over';

/** What a person holds, a person lets go. */
function refuseTheirs(state: State, scope: HoldScope, by: Cause['by'], now: number): Refusal | undefined {
  const held = holdOn(state.holds, scope, now);
  if (!held || !isPersons(held) || by === 'person') return undefined;
  const message = `${nameOfScope(state, scope)} is ${heldText(held)}; that is for a person to change, and nothing was changed`;
  return refuse('not_allowed', message, `a person lets it go on: ${resumeCommand(scope, projectName(state, scope))}`);
}

function named(scope: HoldScope): { project?: ProjectId; agent?: string } {
  const { of: _, ...what } = scope;
  return what;
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
        const { kind: _, class: error_class, ...ran } = end;
        const facts = { ...ran, place: placeOf(task.route) };
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
      ...(isLive(task) && { place: placeOf(task.route) }),
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
