import { emptyBooks, foldBooks } from '../../src/runtime/model/books.ts';
import type { Owed, Project, ToldEvent } from '../../src/runtime/model/event.ts';
import { type Hold, type HoldKey, type HoldScope, holdKey, holdOn } from '../../src/runtime/model/hold.ts';
import { keyOf, ProjectId, TaskId, type TaskKey, type TaskRef } from '../../src/runtime/model/ids.ts';
import { type Outgoing, owedBy, type Undelivered, without } from '../../src/runtime/model/outgoing.ts';
import { foldProfile, type ProfileRecord } from '../../src/runtime/model/profile.ts';
import { foldQuota, type LimitChange, type QuotaTold } from '../../src/runtime/model/quota.ts';
import { isRefusal, type Refusal, refuse } from '../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../src/runtime/model/route.ts';
import {
  type Cause,
  type FinishedTask,
  type Handed,
  isLive,
  type Lease,
  type LiveTask,
  type OpenTask,
  Outcome,
  type QueuedTask,
} from '../../src/runtime/model/task.ts';
import type { TaskEvent } from '../../src/runtime/model/transition.ts';
import { usedOf } from '../../src/runtime/model/usage.ts';
import { type TaskState, TERMINAL } from '../../src/runtime/model/view.ts';
import { foldWorker, type Worker } from '../../src/runtime/model/worker.ts';
import type {
  AttemptEnd,
  Change,
  Clock,
  Enqueued,
  HoldOrder,
  NewTask,
  RetryOrder,
  TaskPage,
  TaskQuery,
  TaskStore,
  TaskText,
} from '../../src/runtime/ports.ts';

import { amendTask } from '../../src/runtime/taskfile/amend.ts';
import { parseTask } from '../../src/runtime/taskfile/parse.ts';
import { dependencyFailure, finished, matches, queuedAgain, sha } from './memory-task.ts';

/** A report that came with a stale lease. */
export interface RefusedReport {
  readonly task: TaskRef;
  readonly attempt: number;
  readonly report: string;
}

/** The queue as a few maps: what the words of the interface mean, without files, journal or crashes. */
export class MemoryStore implements TaskStore {
  readonly epoch = 'memory';
  readonly refused: RefusedReport[] = [];
  /** What sessions and profiles told, oldest first. */
  readonly recorded: ToldEvent[] = [];
  readonly #clock: Clock;
  readonly #projects = new Map<ProjectId, Project>();
  readonly #open = new Map<TaskKey, OpenTask>();
  readonly #finished = new Map<TaskKey, FinishedTask>();
  readonly #given = new Map<TaskKey, { task: NewTask; result?: string }>();
  readonly #idempotency = new Map<string, TaskRef>();
  readonly #replies = new Map<string, unknown>();
  readonly #holds = new Map<HoldKey, Hold>();
  readonly #workers = new Map<string, Worker>();
  readonly #quota = { changes: new Map<string, LimitChange>(), told: new Map<string, QuotaTold>() };
  readonly #profiles = new Map<string, ProfileRecord>();
  readonly #books = emptyBooks();
  readonly #outbox = new Map<TaskKey, Outgoing>();
  readonly #undelivered: Undelivered[] = [];
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #seq = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async adoptProject(path: string, name: string): Promise<Project> {
    const known = this.projects().find((project) => project.path === path);
    if (known) return known;
    const id = ProjectId.parse(`p_${sha(path).slice(0, 12)}`);
    const project: Project = { id, path, name, adopted_at: this.#clock.now() };
    this.#projects.set(id, project);
    return project;
  }

  projects(): readonly Project[] {
    return [...this.#projects.values()];
  }

  owns(): boolean {
    return true;
  }

  /** Nothing is held here and nothing lies in files: what follows has nothing to do. */
  async releaseHeld(): Promise<void> {}
  async rejected(): Promise<void> {}
  async note(): Promise<void> {}
  restore(): void {}

  async record(event: ToldEvent, cause?: Cause): Promise<void> {
    if (cause?.call !== undefined) {
      if (this.#replies.has(cause.call)) return;
      this.#replies.set(cause.call, null);
    }
    this.recorded.push(event);
    this.#commit(event.type, (changes) => {
      this.#fold(event);
      changes.push(this.#told(event.type));
    });
  }

  #fold(event: ToldEvent): void {
    switch (event.type) {
      case 'profile_paused':
      case 'profile_resumed':
      case 'profile_chosen':
      case 'profile_used':
        foldProfile(this.#profiles, event, this.#clock.now());
        return;
      case 'worker_registered':
      case 'worker_left':
        foldWorker(this.#workers, event);
        return;
      case 'limit_changed':
      case 'limit_restored':
      case 'quota_warning':
      case 'quota_exceeded':
        foldQuota(this.#quota, event, this.#clock.now(), 'owner');
    }
  }

  profiles(): ReadonlyMap<string, ProfileRecord> {
    return this.#profiles;
  }

  books() {
    return this.#books;
  }

  async enqueue(tasks: readonly NewTask[], cause: Cause): Promise<(Enqueued | Refusal)[]> {
    return this.#once(cause, () =>
      this.#commit('task_queued', (changes) => tasks.map((task) => this.#admit(task, changes))),
    );
  }

  answered(call: string): boolean {
    return this.#replies.has(call);
  }

  async claim(
    ref: TaskRef,
    route: RunRoute,
    cause?: Cause,
  ): Promise<{ lease: Lease; task: LiveTask; bytes: Uint8Array } | Refusal> {
    const task = this.#open.get(keyOf(ref));
    const given = this.#given.get(keyOf(ref));
    if (!task || !given) return refuse('not_found', `there is no open task ${ref.id}`, 'list_tasks');
    if (task.state !== 'queued') return refuse('stale', `it is ${task.state}`, 'job_status');
    const obstacle = this.#obstacle(task, route);
    if (obstacle !== undefined) return refuse('stale', obstacle, 'wait');
    const attempt = task.attempt + 1;
    const lease: Lease = { task: ref, attempt, epoch: this.epoch, token: sha(`${keyOf(ref)} ${attempt} ${this.#seq}`) };
    const { not_before: _, backoff: __, ...rest } = task;
    const claimed: LiveTask = {
      ...rest,
      ...{ state: 'claimed', attempt, spent: task.spent + 1, token: lease.token, route, claimed_at: this.#clock.now() },
    };
    this.#commit('task_claimed', (changes) => {
      this.#book(task, { type: 'task_claimed', ...ref, attempt, token: lease.token, route, sha: '' });
      this.#put(claimed, changes);
    });
    if (cause?.call !== undefined) this.#replies.set(cause.call, { attempt });
    return { lease, task: this.#open.get(keyOf(ref)) as LiveTask, bytes: given.task.bytes };
  }

  async started(lease: Lease, handed?: Handed): Promise<Refusal | undefined> {
    const task = this.#leased(lease, 'started');
    if (!('state' in task)) return task;
    if (task.state === 'running') return undefined;
    return this.#commit('attempt_started', (changes) =>
      this.#put({ ...task, state: 'running', started_at: this.#clock.now(), ...(handed && { handed }) }, changes),
    );
  }

  async jobAccepted(lease: Lease, job_id: string): Promise<Refusal | undefined> {
    const task = this.#leased(lease, 'job_accepted');
    if (!('state' in task)) return task;
    if (task.state === 'running') this.#commit('job_accepted', (changes) => this.#put({ ...task, job_id }, changes));
    return undefined;
  }

  async verifying(lease: Lease): Promise<Refusal | undefined> {
    const task = this.#leased(lease, 'verifying');
    if (!('state' in task)) return task;
    if (task.state === 'running')
      this.#commit('verify_started', (changes) => this.#put({ ...task, verifying_since: this.#clock.now() }, changes));
    return undefined;
  }

  async end(lease: Lease, end: AttemptEnd): Promise<Refusal | undefined> {
    const task = this.#leased(lease, end.kind);
    if (!('state' in task)) return task;
    return this.#commit(end.kind, (changes) => {
      if (task.cancel !== undefined) {
        const used = end.kind === 'finished' ? usedOf(end.outcome as object) : undefined;
        const never = end.kind === 'void' ? { never_began: true as const } : {};
        const outcome = { state: 'cancelled', reason: task.cancel, ...never, ...(used && { used }) } as const;
        return this.#finish(task, outcome, changes);
      }
      const of = { ...lease.task, attempt: lease.attempt };
      switch (end.kind) {
        case 'finished':
          return this.#finish(task, Outcome.parse(end.outcome), changes);
        case 'void':
          this.#book(task, { type: 'claim_void', ...of, reason: end.reason });
          return this.#put({ ...queuedAgain(task), spent: task.spent - 1, voided: (task.voided ?? 0) + 1 }, changes);
        case 'requeue': {
          const { kind: _, class: error_class, ...facts } = end;
          this.#book(task, { type: 'task_requeued', ...of, error_class, ...facts });
          const last_error = { class: end.class, reason: end.reason, attempt: task.attempt };
          const spent = end.spent ? task.spent : task.spent - 1;
          const rejected = end.class === 'verify' ? { rejected: (task.rejected ?? 0) + 1 } : {};
          return this.#put(
            { ...queuedAgain(task), spent, last_error, ...rejected, not_before: end.not_before, backoff: true },
            changes,
          );
        }
      }
    });
  }

  async cancel(ref: TaskRef, reason: string, cause: Cause): Promise<{ state: TaskState; note: string } | Refusal> {
    return this.#once(cause, () => {
      const task = this.#open.get(keyOf(ref));
      if (!task) return this.#gone(ref);
      if (isLive(task)) {
        this.#commit('cancel_requested', (changes) => this.#put({ ...task, cancel: task.cancel ?? reason }, changes));
        return { state: task.state, note: 'it is asked to end' };
      }
      this.#commit('task_finished', (changes) => this.#finish(task, { state: 'cancelled', reason }, changes));
      return { state: 'cancelled' as const, note: 'it had not started' };
    });
  }

  async retry(ref: TaskRef, cause: Cause, order?: RetryOrder): Promise<{ ref: TaskRef; state: TaskState } | Refusal> {
    const known = this.#open.get(keyOf(ref)) ?? this.#finished.get(keyOf(ref));
    const amended = order && known && (await this.#amended(ref, known, order));
    return this.#once(cause, () => {
      const task = this.#open.get(keyOf(ref));
      if (task && isLive(task)) return refuse('not_possible', `it is ${task.state}`, 'cancel_task');
      if (isRefusal(amended)) return amended;
      if (amended && task?.state === 'queued') {
        const { not_before: _, backoff: __, ...rest } = task;
        const told = { ...(task.attempt > 0 && { told_before: task.attempt }) };
        const apart = { ...(amended.fresh && task.attempt > 0 && { apart_from: task.attempt }) };
        const given = this.#given.get(keyOf(ref));
        if (given) this.#given.set(keyOf(ref), { ...given, task: { ...given.task, ...amended.task } });
        const { spec, title } = amended.task;
        this.#commit('task_edited', (changes) => this.#put({ ...rest, ...told, ...apart, spec, title }, changes));
        return { ref, state: 'queued' as const };
      }
      if (task) {
        const {
          found: _,
          detail: __,
          not_before: ___,
          backoff: ____,
          ...rest
        } = task as OpenTask & Record<string, unknown>;
        this.#commit('task_released', (changes) => this.#put({ ...rest, state: 'queued' } as QueuedTask, changes));
        return { ref, state: 'queued' as const };
      }
      return this.#again(ref, amended?.task);
    });
  }

  async #amended(ref: TaskRef, task: OpenTask | FinishedTask, order: RetryOrder) {
    const given = this.#given.get(keyOf(ref));
    if (!given || !('finished_seq' in task || task.state === 'queued')) return undefined;
    const amendment = await order.amend(task, given.task.spec);
    if (isRefusal(amendment)) return amendment;
    const bytes = amendTask(given.task.bytes, amendment);
    if (isRefusal(bytes)) return bytes;
    const parsed = parseTask(bytes);
    if (isRefusal(parsed)) return parsed;
    const refused = order.refuses(ref.project, parsed.spec);
    return refused ?? { task: { bytes, spec: parsed.spec, title: parsed.title }, fresh: amendment.fresh };
  }

  async hold(scope: HoldScope, order: HoldOrder, { by }: Cause): Promise<Refusal | undefined> {
    const theirs = this.#personsHold(scope, by);
    if (theirs) return theirs;
    const known = holdOn(this.#holds, scope, this.#clock.now());
    const { kind, reason, until } = order;
    if (known?.kind === kind && known.reason === reason && known.until === until && known.by === by) return undefined;
    this.#holds.set(holdKey(scope), { scope, ...order, at: this.#clock.now(), by });
    this.#commit('paused', (changes) => changes.push(this.#told('paused')));
    return undefined;
  }

  async resume(scope: HoldScope, { by }: Cause): Promise<Refusal | undefined> {
    const theirs = this.#personsHold(scope, by);
    if (theirs) return theirs;
    if (!this.#holds.delete(holdKey(scope))) return undefined;
    this.#commit('resumed', (changes) => changes.push(this.#told('resumed')));
    return undefined;
  }

  async endHolds(): Promise<void> {
    const over = [...this.#holds].filter(([, { scope }]) => !holdOn(this.#holds, scope, this.#clock.now()));
    if (over.length === 0) return;
    for (const [key] of over) this.#holds.delete(key);
    this.#commit('resumed', (changes) => changes.push(...over.map(() => this.#told('resumed'))));
  }

  #personsHold(scope: HoldScope, by: Cause['by']): Refusal | undefined {
    const held = holdOn(this.#holds, scope, this.#clock.now());
    if (held?.by !== 'person' || by === 'person') return undefined;
    return refuse('not_allowed', `it is held by a person: ${held.reason}`, 'a person resumes it');
  }

  #told(type: string): Change {
    return { seq: this.#seq, at: this.#clock.now(), type };
  }

  open(): ReadonlyMap<string, OpenTask> {
    return this.#open;
  }

  async get(ref: TaskRef): Promise<OpenTask | FinishedTask | undefined> {
    return this.#open.get(keyOf(ref)) ?? this.#finished.get(keyOf(ref));
  }

  async text(ref: TaskRef): Promise<TaskText | undefined> {
    const given = this.#given.get(keyOf(ref));
    if (!given) return undefined;
    const ended = this.#finished.get(keyOf(ref));
    const folder = ended === undefined ? 'inbox' : ended.state === 'done' ? 'done' : 'failed';
    const path = `/memory/${ref.project}/.agent-queue/${folder}/${ref.id}.md`;
    if (given.result === undefined) return { bytes: given.task.bytes, path };
    return { bytes: Buffer.from(`---\nstatus: ${ended?.state}\n---\n\n${given.result}\n`), path };
  }

  async list(query: TaskQuery): Promise<TaskPage> {
    const open = [...this.#open.values()].sort((a, b) => a.seq - b.seq);
    const finished = [...this.#finished.values()].sort((a, b) => b.finished_seq - a.finished_seq);
    const all = [...open, ...finished].filter((task) => matches(task, query));
    const from = query.cursor === undefined ? 0 : all.findIndex((task) => keyOf(task) === query.cursor) + 1;
    const tasks = all.slice(from, from + query.limit);
    const last = tasks.at(-1);
    return { tasks, ...(last && from + tasks.length < all.length && { next: keyOf(last) }) };
  }

  counts(): ReadonlyMap<ProjectId, Readonly<Record<TaskState, number>>> {
    const counts = new Map<ProjectId, Record<TaskState, number>>();
    for (const id of this.#projects.keys()) {
      counts.set(id, { queued: 0, claimed: 0, running: 0, unknown: 0, done: 0, failed: 0, cancelled: 0 });
    }
    for (const { project, state } of [...this.#open.values(), ...this.#finished.values()]) {
      const own = counts.get(project);
      if (own) own[state] += 1;
    }
    return counts;
  }

  holds(): ReadonlyMap<HoldKey, Hold> {
    return this.#holds;
  }

  workers(): ReadonlyMap<string, Worker> {
    return this.#workers;
  }

  quota() {
    return this.#quota;
  }

  outbox(): ReadonlyMap<string, Outgoing> {
    return this.#outbox;
  }

  undelivered(): readonly Undelivered[] {
    return this.#undelivered;
  }

  async delivered(ref: TaskRef, what: Owed, { ok, detail }: { ok: boolean; detail: string }): Promise<void> {
    const outgoing = this.#outbox.get(keyOf(ref));
    if (!outgoing?.owed.includes(what)) return;
    this.#commit('delivered', () => {
      const rest = without(outgoing, what);
      if (rest) this.#outbox.set(keyOf(ref), rest);
      else this.#outbox.delete(keyOf(ref));
      if (!ok) this.#undelivered.push({ ref, what, detail, at: this.#clock.now() });
    });
  }

  subscribe(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How many listen now. */
  get listeners(): number {
    return this.#listeners.size;
  }

  converged(): boolean {
    return true;
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  // ── what happens inside one commit ────────────────────────────────────────

  #commit<T>(type: string, change: (changes: Change[]) => T): T {
    this.#seq += 1;
    const changes: Change[] = [];
    const reply = change(changes);
    const stamped = changes.map((one) => ({ ...one, type }));
    for (const listener of this.#listeners) listener(stamped);
    return reply;
  }

  #once<T>({ call }: Cause, answer: () => T): T {
    if (call === undefined) return answer();
    if (!this.#replies.has(call)) this.#replies.set(call, answer());
    return this.#replies.get(call) as T;
  }

  #put(task: OpenTask, changes: Change[]): undefined {
    const before = this.#open.get(keyOf(task));
    const after: OpenTask = { ...task, changed_at: this.#clock.now(), changed_seq: this.#seq };
    this.#open.set(keyOf(task), after);
    changes.push({ seq: this.#seq, at: this.#clock.now(), type: '', ...(before && { before }), after });
  }

  #admit(task: NewTask, changes: Change[]): Enqueued | Refusal {
    const { project, spec } = task;
    const key = spec.idempotency_key === undefined ? undefined : `${project}\n${spec.idempotency_key}`;
    const earlier = key === undefined ? undefined : this.#idempotency.get(key);
    if (earlier) return { ref: earlier, state: this.#stateOf(earlier), created: false };
    const id = task.id ?? this.#freeId(project, spec.title ?? 'task');
    const ref: TaskRef = { project, id };
    if (this.#given.has(keyOf(ref))) return refuse('id_taken', `there is a task ${id} already`, 'leave id out');
    const cycle = this.#cycle(project, [id], spec.depends_on);
    if (cycle) return refuse('cycle', `its dependencies form a cycle: ${cycle.join(' → ')}`, 'remove one');
    const depends = spec.depends_on.map((on) => ({ on, state: this.#stateOf({ project, id: on }) }));
    if (key !== undefined) this.#idempotency.set(key, ref);
    this.#given.set(keyOf(ref), { task });
    const queued: QueuedTask = {
      ...ref,
      state: 'queued',
      seq: this.#seq * 10_000 + changes.length,
      queued_at: this.#clock.now(),
      changed_at: this.#clock.now(),
      changed_seq: this.#seq,
      spec,
      title: task.title,
      sha: sha(task.bytes),
      size: task.bytes.length,
      body: { segment: 'memory', offset: 0, length: task.bytes.length },
      source: task.source,
      enqueued_by: task.enqueued_by,
      ...(task.parent && { parent: task.parent }),
      depth: task.depth ?? 0,
      ...(task.retry_of && { retry_of: task.retry_of }),
      ...(task.dispatch && { dispatch: task.dispatch }),
      attempt: 0,
      spent: 0,
      waits_for: depends.filter(({ state }) => state !== 'done').map(({ on }) => on),
    };
    this.#put(queued, changes);
    const dead = depends.find(
      ({ on, state }) => TERMINAL.includes(state) && state !== 'done' && this.#given.has(keyOf({ project, id: on })),
    );
    if (!dead || spec.on_dependency_failure === 'hold') return { ref, state: 'queued', created: true };
    this.#finish(queued, dependencyFailure(dead.on), changes);
    return { ref, state: 'failed', created: true };
  }

  #stateOf(ref: TaskRef): TaskState {
    return this.#open.get(keyOf(ref))?.state ?? this.#finished.get(keyOf(ref))?.state ?? 'queued';
  }

  #freeId(project: ProjectId, title: string): TaskId {
    const stem =
      title
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .replace(/^-|-$/g, '') || 'task';
    for (let n = 1; ; n++) {
      const id = TaskId.parse(n === 1 ? stem : `${stem}-${n}`);
      if (!this.#given.has(keyOf({ project, id }))) return id;
    }
  }

  #cycle(project: ProjectId, path: readonly TaskId[], depends_on: readonly TaskId[]): readonly TaskId[] | undefined {
    for (const on of depends_on) {
      if (on === path[0]) return [...path, on];
      const further = this.#cycle(project, [...path, on], this.#open.get(keyOf({ project, id: on }))?.waits_for ?? []);
      if (further) return further;
    }
    return undefined;
  }

  #obstacle(task: QueuedTask, route: RunRoute): string | undefined {
    const now = this.#clock.now();
    const places = route.to === 'provider' ? [route.provider] : [route.agent, route.program ?? route.agent];
    const agents = places.map((agent) => ({ of: 'agent', agent }) as const);
    for (const scope of [{ of: 'fleet' }, { of: 'project', project: task.project }, ...agents] as const) {
      const held = holdOn(this.#holds, scope, now);
      if (held) return `it is held: ${held.reason}`;
    }
    if (task.waits_for.length > 0) return `it waits for ${task.waits_for.join(', ')}`;
    const specified = task.spec.not_before === undefined ? 0 : Date.parse(task.spec.not_before);
    return Math.max(task.not_before ?? 0, specified) > this.#clock.now() ? 'its time has not come' : undefined;
  }

  #leased(lease: Lease, report: string): LiveTask | Refusal {
    const task = this.#open.get(keyOf(lease.task));
    const own = task && isLive(task) && task.attempt === lease.attempt && task.token === lease.token;
    if (own && lease.epoch === this.epoch) return task;
    this.refused.push({ task: lease.task, attempt: lease.attempt, report });
    return refuse('stale', `the report ${report} of attempt ${lease.attempt} changes nothing`, 'stop working on it');
  }

  #book(before: OpenTask, event: TaskEvent): void {
    foldBooks(this.#books, before, event, this.#clock.now());
  }

  #finish(task: OpenTask, outcome: Outcome, changes: Change[]): undefined {
    const key = keyOf(task);
    this.#book(task, { type: 'task_finished', project: task.project, id: task.id, attempt: task.attempt, outcome });
    const given = this.#given.get(key);
    if (given)
      given.result =
        outcome.state === 'done' ? outcome.result : `${outcome.reason}\n\n${Buffer.from(given.task.bytes)}`;
    const after = finished(task, outcome, this.#clock.now(), this.#seq);
    const before = this.#open.get(key);
    this.#open.delete(key);
    this.#finished.set(key, after);
    const outgoing = owedBy(task, after.finished_at);
    if (outgoing) this.#outbox.set(key, outgoing);
    changes.push({ seq: this.#seq, at: this.#clock.now(), type: '', ...(before && { before }), after });
    for (const other of [...this.#open.values()]) {
      if (other.project !== task.project || !other.waits_for.includes(task.id)) continue;
      if (outcome.state === 'done')
        this.#put({ ...other, waits_for: other.waits_for.filter((id) => id !== task.id) }, changes);
      else if (other.spec.on_dependency_failure === 'fail') this.#finish(other, dependencyFailure(task.id), changes);
    }
  }

  #again(
    ref: TaskRef,
    changed?: Pick<NewTask, 'bytes' | 'spec' | 'title'>,
  ): { ref: TaskRef; state: TaskState } | Refusal {
    const old = this.#finished.get(keyOf(ref));
    const given = this.#given.get(keyOf(ref));
    if (!old || !given) return refuse('not_found', `there is no task ${ref.id}`, 'list_tasks');
    if (old.state === 'done') return refuse('not_possible', 'it is done', 'enqueue_task');
    if (old.retried_as) return refuse('not_possible', `it was retried already as ${old.retried_as}`, 'job_status');
    const { id: __, ...task } = { ...given.task, ...changed };
    const { idempotency_key: _, ...spec } = task.spec;
    return this.#commit('task_queued', (changes) => {
      const made = this.#admit({ ...task, spec, source: 'retry', retry_of: old.retry_of ?? ref.id }, changes);
      if (!('ref' in made)) return made;
      this.#finished.set(keyOf(ref), { ...old, retried_as: made.ref.id });
      for (const other of [...this.#open.values()]) {
        if (other.project !== ref.project || !other.waits_for.includes(ref.id)) continue;
        this.#put({ ...other, waits_for: other.waits_for.map((id) => (id === ref.id ? made.ref.id : id)) }, changes);
      }
      return { ref: made.ref, state: made.state };
    });
  }

  #gone(ref: TaskRef): Refusal {
    const ended = this.#finished.get(keyOf(ref));
    if (ended) return refuse('not_possible', `task ${ref.id} is ${ended.state} already`, 'nothing was changed');
    return refuse('not_found', `there is no task ${ref.id}`, 'list_tasks');
  }
}
