import { emptyBooks, foldBooks, readBooks, writeBooks } from '../model/books.ts';
import type { Event, JournalRecord, Project } from '../model/event.ts';
import { type Hold, type HoldKey, type HoldScope, holdKey } from '../model/hold.ts';
import { keyOf, type ProjectId, type TaskId, type TaskKey } from '../model/ids.ts';
import { type Outgoing, owedBy, type Undelivered, without } from '../model/outgoing.ts';
import { foldProfile, type ProfileRecord, profileKey } from '../model/profile.ts';
import { foldQuota, type LimitChange, type QuotaTold } from '../model/quota.ts';
import type { BodyRef, FinishedTask, OpenTask } from '../model/task.ts';
import { transition, withoutDependency } from '../model/transition.ts';
import type { TaskState } from '../model/view.ts';
import { foldWorker, type Worker } from '../model/worker.ts';
import type { Change } from '../ports.ts';

/*
 * State is a fold over the journal and nothing else (law 7). It holds what is open, and of what is finished only the
 * newest few: its size follows the work at hand, not the history.
 */

/** Room for the events of one record in a task's arrival number. */
const PER_RECORD = 100_000;
const KEPT_FINISHED = 2_000; // answers about the recent past without a look at the disk
const KEPT_UNDELIVERED = 200;
const KEPT_REPLIES_MS = 24 * 3_600_000;
const KEPT_KEYS_MS = 30 * 24 * 3_600_000;

type EndState = 'done' | 'failed' | 'cancelled';
export type EndCounts = Record<EndState, number>;
type OpenCounts = Record<OpenTask['state'], number>;

/** Where a record lies, for reading a task's bytes again. */
export type Place = BodyRef;

export class State {
  seq = 0;
  readonly projects = new Map<ProjectId, Project>();
  readonly open = new Map<TaskKey, OpenTask>();
  readonly finished = new Map<TaskKey, FinishedTask>();
  readonly ended = new Map<ProjectId, EndCounts>();
  /** Follows from `open`. */
  readonly openCounts = new Map<ProjectId, OpenCounts>();
  /** Idempotency keys, `<project>\n<key>`. */
  readonly keys = new Map<string, { id: TaskId; at: number }>();
  /** What a call was answered. */
  readonly replies = new Map<string, { at: number; reply: unknown }>();
  /** What keeps work from beginning; one whose time is over may still be here. */
  readonly holds = new Map<HoldKey, Hold>();
  /** Outside workers that are registered, by name. */
  readonly workers = new Map<string, Worker>();
  /** What is known of limits beside the use of them, by `limitKey`. */
  readonly quota = { changes: new Map<string, LimitChange>(), told: new Map<string, QuotaTold>() };
  /** Accounts of agents that rest or were chosen, by `profileKey`. */
  readonly profiles = new Map<string, ProfileRecord>();
  /** What was spent of each allowance. */
  books = emptyBooks();
  /** What the outside is still to be told of tasks that have ended, oldest first. */
  readonly outbox = new Map<TaskKey, Outgoing>();
  /** The newest of what was given up, oldest first. */
  undelivered: readonly Undelivered[] = [];
  /** Open tasks by the task that they wait for. Follows from `open`. */
  readonly dependants = new Map<TaskKey, Set<TaskKey>>();

  clone(): State {
    return State.from(this.toJSON());
  }

  toJSON() {
    return {
      seq: this.seq,
      projects: [...this.projects.values()],
      open: [...this.open.values()],
      finished: [...this.finished.values()],
      ended: [...this.ended].map(([id, counts]) => [id, { ...counts }] as const), // these change in place
      keys: [...this.keys],
      replies: [...this.replies],
      holds: [...this.holds.values()],
      workers: [...this.workers.values()],
      quota: { changes: [...this.quota.changes], told: [...this.quota.told] },
      profiles: [...this.profiles.values()],
      allowance: writeBooks(this.books),
      outbox: [...this.outbox.values()],
      undelivered: [...this.undelivered],
    };
  }

  static from(json: StateJson): State {
    const state = new State();
    state.seq = json.seq;
    for (const project of json.projects) state.projects.set(project.id, project);
    for (const task of json.open) state.#put(task);
    for (const task of json.finished) state.finished.set(keyOf(task), task);
    for (const [id, counts] of json.ended) state.ended.set(id, { ...counts });
    for (const [key, value] of json.keys) state.keys.set(key, value);
    for (const [key, value] of json.replies) state.replies.set(key, value);
    for (const hold of json.holds ?? olderHolds(json)) state.holds.set(holdKey(hold.scope), hold);
    for (const worker of json.workers ?? []) state.workers.set(worker.name, worker);
    for (const [key, change] of json.quota?.changes ?? []) state.quota.changes.set(key, change);
    for (const [key, told] of json.quota?.told ?? []) state.quota.told.set(key, told);
    for (const one of json.profiles ?? []) state.profiles.set(profileKey(one.agent, one.name), one);
    state.books = readBooks(json.allowance);
    for (const one of json.outbox ?? []) state.outbox.set(keyOf(one.ref), one);
    state.undelivered = json.undelivered ?? [];
    return state;
  }

  /** Applies one committed record and says what changed. */
  apply(record: JournalRecord, place: Place): Change[] {
    this.seq = record.seq;
    const changes: Change[] = [];
    for (const event of record.events) this.#applyEvent(event, record, place, changes);
    if (record.cause.call !== undefined) this.replies.set(record.cause.call, { at: record.at, reply: record.reply });
    this.#forgetOld(record.at);
    return changes;
  }

  #applyEvent(event: Event, record: JournalRecord, place: Place, changes: Change[]): void {
    const { seq, at } = record;
    const changed = (before: OpenTask | undefined, after: OpenTask | FinishedTask | undefined) =>
      changes.push({ seq, at, type: event.type, ...(before && { before }), ...(after && { after }) });
    switch (event.type) {
      case 'project_adopted':
        this.projects.set(event.project.id, event.project);
        return;
      case 'held_released': {
        const project = this.projects.get(event.project);
        if (project) this.projects.set(project.id, { ...project, held: [] });
        return;
      }
      case 'history_counted': {
        const { done, failed, cancelled } = event;
        this.ended.set(event.project, { done, failed, cancelled });
        return;
      }
      case 'task_queued':
      case 'task_found': {
        const task = {
          ...event.task,
          seq: seq * PER_RECORD + changes.length,
          changed_at: at,
          changed_seq: seq,
          body: place,
        } as OpenTask;
        this.#put(task);
        if (task.spec.idempotency_key)
          this.keys.set(`${task.project}\n${task.spec.idempotency_key}`, { id: task.id, at });
        changed(undefined, task);
        return;
      }
      case 'task_carried': {
        const task = this.open.get(keyOf(event));
        if (task) this.open.set(keyOf(event), { ...task, body: place });
        return;
      }
      case 'task_retried':
        this.#retried(event.project, event.id, event.as, changed);
        return;
      case 'paused': {
        const { kind, reason, until } = event;
        const scope = scopeOf(event);
        const hold = { scope, kind, reason, at, by: record.cause.by, ...(until !== undefined && { until }) };
        this.holds.set(holdKey(scope), hold);
        changed(undefined, undefined);
        return;
      }
      case 'resumed':
        this.holds.delete(holdKey(scopeOf(event)));
        changed(undefined, undefined);
        return;
      case 'profile_paused':
      case 'profile_resumed':
      case 'profile_chosen':
      case 'profile_used':
        foldProfile(this.profiles, event, at);
        changed(undefined, undefined);
        return;
      case 'worker_registered':
      case 'worker_left':
        foldWorker(this.workers, event);
        changed(undefined, undefined);
        return;
      case 'limit_changed':
      case 'limit_restored':
      case 'quota_warning':
      case 'quota_exceeded':
        foldQuota(this.quota, event, at, record.cause.by);
        changed(undefined, undefined);
        return;
      case 'delivered':
        this.#delivered(event, at);
        changed(undefined, undefined);
        return;
      case 'report_refused':
      case 'drop_rejected':
      case 'session_changed':
      case 'task_blocked':
      case 'task_unblocked':
      case 'noted':
      case 'dispatch_failed_no_agent':
      case 'dispatch_failed_quota':
      case 'sink_gap':
        changed(undefined, undefined);
        return;
      default: {
        const before = this.open.get(keyOf(event));
        if (!before) return; // T1: finished tasks absorb
        const next = transition(before, event, { seq, at });
        if (next.kind === 'stale') return;
        foldBooks(this.books, before, event, at);
        if (next.kind === 'finished') this.#finish(before, next.task, changed);
        else {
          const task = event.type === 'task_edited' ? { ...next.task, body: place } : next.task;
          this.#put(task);
          changed(before, task);
        }
      }
    }
  }

  #finish(
    before: OpenTask,
    after: FinishedTask,
    changed: (b: OpenTask | undefined, a: OpenTask | FinishedTask) => void,
  ): void {
    const key = keyOf(before);
    this.#take(before);
    this.#remember(after);
    this.#owe(before, after);
    const counts = this.ended.get(after.project) ?? { done: 0, failed: 0, cancelled: 0 };
    counts[after.state] += 1;
    this.ended.set(after.project, counts);
    changed(before, after);
    if (after.state !== 'done') return;
    for (const waiting of [...(this.dependants.get(key) ?? [])]) {
      const task = this.open.get(waiting);
      if (!task) continue;
      const freed = withoutDependency(task, after.id);
      this.#put(freed);
      changed(task, freed);
    }
  }

  #owe(before: OpenTask, { finished_at }: FinishedTask): void {
    const outgoing = owedBy(before, finished_at);
    if (outgoing) this.outbox.set(keyOf(before), outgoing);
  }

  #delivered({ project, id, what, ok, detail }: Extract<Event, { type: 'delivered' }>, at: number): void {
    const ref = { project, id };
    const outgoing = this.outbox.get(keyOf(ref));
    const rest = outgoing && without(outgoing, what);
    if (rest) this.outbox.set(keyOf(ref), rest);
    else this.outbox.delete(keyOf(ref));
    if (!ok) this.undelivered = [...this.undelivered, { ref, what, detail, at }].slice(-KEPT_UNDELIVERED);
  }

  #retried(
    project: ProjectId,
    id: TaskId,
    as: TaskId,
    changed: (b: OpenTask | undefined, a: OpenTask | FinishedTask) => void,
  ): void {
    const key = keyOf({ project, id });
    const old = this.finished.get(key);
    if (old) this.finished.set(key, { ...old, retried_as: as });
    for (const waiting of [...(this.dependants.get(key) ?? [])]) {
      const task = this.open.get(waiting);
      if (!task) continue;
      const moved = withoutDependency(task, id, as);
      this.#put(moved);
      changed(task, moved);
    }
  }

  #put(task: OpenTask): void {
    const key = keyOf(task);
    const before = this.open.get(key);
    if (before?.waits_for !== task.waits_for) {
      if (before) this.#unlink(before);
      for (const id of task.waits_for) {
        const on = keyOf({ project: task.project, id });
        const set = this.dependants.get(on) ?? new Set();
        this.dependants.set(on, set.add(key));
      }
    }
    if (before) this.#count(before, -1);
    this.#count(task, 1);
    this.open.set(key, task);
  }

  #count({ project, state }: OpenTask, by: 1 | -1): void {
    const counts = this.openCounts.get(project) ?? { queued: 0, claimed: 0, running: 0, unknown: 0 };
    counts[state] += by;
    this.openCounts.set(project, counts);
  }

  #take(task: OpenTask): void {
    this.#count(task, -1);
    this.#unlink(task);
    this.open.delete(keyOf(task));
  }

  #unlink(task: OpenTask): void {
    for (const id of task.waits_for) {
      const on = keyOf({ project: task.project, id });
      const set = this.dependants.get(on);
      set?.delete(keyOf(task));
      if (set?.size === 0) this.dependants.delete(on);
    }
  }

  #remember(task: FinishedTask): void {
    this.finished.set(keyOf(task), task);
    while (this.finished.size > KEPT_FINISHED) this.finished.delete(this.finished.keys().next().value as TaskKey);
  }

  #forgetOld(now: number): void {
    for (const [call, { at }] of this.replies) {
      if (now - at < KEPT_REPLIES_MS) break; // insertion order is age
      this.replies.delete(call);
    }
    for (const [key, { at }] of this.keys) {
      if (now - at < KEPT_KEYS_MS) break;
      this.keys.delete(key);
    }
  }
}

type Written = ReturnType<State['toJSON']>;
/** As a snapshot has it; one that an older version wrote has less. */
type Later = 'profiles' | 'allowance' | 'outbox' | 'undelivered' | 'holds' | 'workers' | 'quota';
interface Earlier {
  readonly pausedAll?: string;
  readonly pausedProjects?: readonly (readonly [ProjectId, string])[];
}
type StateJson = Omit<Written, Later> & Partial<Pick<Written, Later>> & Earlier;

function olderHolds({ pausedAll, pausedProjects = [] }: Earlier): Hold[] {
  const hold = (scope: HoldScope, reason: string): Hold => ({ scope, kind: 'pause', reason, at: 0, by: 'owner' });
  const projects = pausedProjects.map(([project, reason]) => hold({ of: 'project', project }, reason));
  return pausedAll === undefined ? projects : [hold({ of: 'fleet' }, pausedAll), ...projects];
}

function scopeOf({ project, agent }: { project?: ProjectId | undefined; agent?: string | undefined }): HoldScope {
  if (project !== undefined) return { of: 'project', project };
  return agent === undefined ? { of: 'fleet' } : { of: 'agent', agent };
}

/** How many tasks of a project are in each state. */
export function countStates(state: State): Map<ProjectId, Record<TaskState, number>> {
  const counts = new Map<ProjectId, Record<TaskState, number>>();
  for (const id of state.projects.keys()) {
    const ended = state.ended.get(id) ?? { done: 0, failed: 0, cancelled: 0 };
    const open = state.openCounts.get(id) ?? { queued: 0, claimed: 0, running: 0, unknown: 0 };
    counts.set(id, { ...open, ...ended });
  }
  return counts;
}

/** The record that brought a task. */
export function arrivedWith(task: OpenTask): number {
  return Math.floor(task.seq / PER_RECORD);
}
