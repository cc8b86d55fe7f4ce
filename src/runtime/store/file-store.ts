import type { ReadonlyBooks } from '../model/books.ts';
import type { JournalRecord, Owed, Project, ToldEvent } from '../model/event.ts';
import type { Hold, HoldKey, HoldScope } from '../model/hold.ts';
import { keyOf, type ProjectId, type TaskId, type TaskRef } from '../model/ids.ts';
import type { Outgoing, Undelivered } from '../model/outgoing.ts';
import type { ProfileRecord } from '../model/profile.ts';
import type { LimitChange, QuotaTold } from '../model/quota.ts';
import { isRefusal, type Refusal } from '../model/refusal.ts';
import { placeOf, type RunRoute } from '../model/route.ts';
import type { Cause, FinishedTask, Handed, Lease, LiveTask, OpenTask } from '../model/task.ts';
import type { TaskState } from '../model/view.ts';
import type { Worker } from '../model/worker.ts';
import type {
  AttemptEnd,
  Change,
  Enqueued,
  HoldOrder,
  NewTask,
  RetryOrder,
  TaskPage,
  TaskQuery,
  TaskStore,
  TaskText,
} from '../ports.ts';
import { Adoption } from './adoption.ts';
import { Arrivals } from './arrivals.ts';
import { Bodies } from './bodies.ts';
import { Checkpoints } from './checkpoint.ts';
import { Claims } from './claims.ts';
import { Commits, type Decision } from './commit.ts';
import { decideCancel, decideEnd, decideHold, decideOver, decideResume, leased, refuseReport } from './decide.ts';
import { Edits } from './edits.ts';
import type { Ground } from './ground.ts';
import { History } from './history.ts';
import { firstOf } from './journal/segment.ts';
import { Lists } from './lists.ts';
import { Projections } from './projections.ts';
import { Reconcile } from './reconcile.ts';
import { Retries } from './retries.ts';
import { countStates, type State } from './state.ts';

/*
 * The queue on plain files.
 *
 * S1. The journal commits, files are projections: nothing is acknowledged before its record is durable (laws 1 and 7).
 * S2. A claim is durable before the file is renamed, and the file is renamed before anything starts (law 2).
 * S3. Every report shows its lease; a stale one is recorded and changes nothing (laws 2 and 3).
 */
export class FileStore implements TaskStore {
  readonly epoch: string;
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #adoption: Adoption;
  readonly #projections: Projections;
  readonly #arrivals: Arrivals;
  readonly #edits: Edits;
  readonly #claims: Claims;
  readonly #retries: Retries;
  readonly #lists: Lists;
  readonly #checkpoints: Checkpoints;
  readonly #reconcile: Reconcile;
  readonly #underWay = new Map<string, Promise<unknown>>();
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  readonly #followers = new Set<(record: JournalRecord) => void>();

  constructor(ground: Ground, state: State) {
    this.#ground = ground;
    this.epoch = ground.journal.epoch;
    this.#commits = new Commits(ground.journal, state, (record, changes) => this.#committed(record, changes));
    const bodies = new Bodies(ground, () => this.#commits.committed);
    this.#adoption = new Adoption(ground, this.#commits);
    this.#projections = new Projections(ground, this.#commits, this.#adoption, bodies);
    this.#arrivals = new Arrivals(ground, this.#commits, this.#adoption);
    this.#edits = new Edits(ground, this.#commits, this.#adoption, this.#projections);
    this.#claims = new Claims(ground, this.#commits, this.#adoption, this.#projections, this.#edits);
    const history = new History(ground, this.#commits);
    this.#lists = new Lists(ground, this.#commits, this.#adoption, bodies, history);
    this.#retries = new Retries({
      ...{
        config: ground.config,
        files: ground.files,
        commits: this.#commits,
        arrivals: this.#arrivals,
        lists: this.#lists,
      },
      ...{ projections: this.#projections, edits: this.#edits },
    });
    this.#checkpoints = new Checkpoints(ground, this.#commits, this.#projections, bodies);
    this.#reconcile = new Reconcile(ground, this.#commits, this.#adoption, this.#projections, history);
  }

  async adoptProject(path: string, name: string, configured: boolean, cause: Cause): Promise<Project | Refusal> {
    const project = await this.#adoption.adopt(path, name, configured, cause);
    if (isRefusal(project)) return project;
    await this.#reconcile.once(project.id);
    this.#adoption.compared(project.id);
    await this.#mark();
    return project;
  }

  projects(): readonly Project[] {
    return [...this.#commits.committed.projects.values()];
  }

  owns(id: ProjectId): boolean {
    return this.#adoption.folder(id) !== undefined;
  }

  enqueue(tasks: readonly NewTask[], cause: Cause, noRoom?: Refusal): Promise<(Enqueued | Refusal)[]> {
    return this.#joined(cause, () => this.#arrivals.enqueue(tasks, cause, { ...(noRoom && { noRoom }) }));
  }

  answered(call: string): boolean {
    return this.#commits.committed.replies.has(call);
  }

  claim(
    ref: TaskRef,
    route: RunRoute,
    cause: Cause,
  ): Promise<{ lease: Lease; task: LiveTask; bytes: Uint8Array } | Refusal> {
    return this.#claims.claim(ref, route, cause);
  }

  /** The file of a waiting task was edited. */
  reread(ref: TaskRef): Promise<void> {
    return this.#edits.reread(ref);
  }

  started(lease: Lease, handed?: Handed): Promise<Refusal | undefined> {
    const of = { ...lease.task, attempt: lease.attempt, ...(handed && { handed }) };
    return this.#report(lease, 'started', ({ state, route }) =>
      state === 'claimed'
        ? { events: [{ type: 'attempt_started', ...of, place: placeOf(route) }], reply: undefined }
        : { events: [], reply: undefined },
    );
  }

  jobAccepted(lease: Lease, job_id: string): Promise<Refusal | undefined> {
    return this.#report(lease, 'job_accepted', () => ({
      events: [{ type: 'job_accepted', ...lease.task, attempt: lease.attempt, job_id }],
      reply: undefined,
    }));
  }

  verifying(lease: Lease): Promise<Refusal | undefined> {
    return this.#report(lease, 'verifying', () => ({
      events: [{ type: 'verify_started', ...lease.task, attempt: lease.attempt }],
      reply: undefined,
    }));
  }

  end(lease: Lease, end: AttemptEnd, cause: Cause): Promise<Refusal | undefined> {
    return this.#commits.commit(cause, (state) => decideEnd(state, lease, this.epoch, end)); // S3
  }

  cancel(ref: TaskRef, reason: string, cause: Cause): Promise<{ state: TaskState; note: string } | Refusal> {
    return this.#commits.commit(cause, (state) => decideCancel(state, ref, reason));
  }

  retry(ref: TaskRef, cause: Cause, order?: RetryOrder): Promise<{ ref: TaskRef; state: TaskState } | Refusal> {
    return this.#joined(cause, () => this.#retries.retry(ref, cause, order));
  }

  hold(scope: HoldScope, order: HoldOrder, cause: Cause): Promise<Refusal | undefined> {
    const { clock } = this.#ground;
    return this.#commits.commit(cause, (state) => decideHold(state, scope, order, cause.by, clock.now()));
  }

  resume(scope: HoldScope, cause: Cause, reason?: string): Promise<Refusal | undefined> {
    const { clock } = this.#ground;
    return this.#commits.commit(cause, (state) => decideResume(state, scope, reason, cause.by, clock.now()));
  }

  endHolds(cause: Cause): Promise<void> {
    return this.#commits.commit(cause, (state) => decideOver(state, this.#ground.clock.now()));
  }

  async rejected(
    project: ProjectId,
    drop: { name: string; failed_as: string; reason: string; size: number },
    cause: Cause,
  ): Promise<void> {
    await this.#commits.commit(cause, () => ({ events: [{ type: 'drop_rejected', project, ...drop }], reply: null }));
  }

  async note(code: string, message: string, about: { project?: ProjectId; id?: TaskId } = {}): Promise<void> {
    await this.#commits.commit({ by: 'recovery' }, () => ({
      events: [{ type: 'noted', code, message, ...about }],
      reply: null,
    }));
  }

  async record(event: ToldEvent, cause: Cause): Promise<void> {
    await this.#commits.commit(cause, () => ({ events: [event], reply: null }));
  }

  async releaseHeld(project: ProjectId, cause: Cause): Promise<void> {
    await this.#commits.commit(cause, (state) => ({
      events: state.projects.get(project)?.held?.length ? [{ type: 'held_released', project }] : [],
      reply: null,
    }));
  }

  /** Writes a queued task's file again where it is missing. */
  restore(ref: TaskRef): void {
    this.#projections.restore(keyOf(ref));
  }

  open(): ReadonlyMap<string, OpenTask> {
    return this.#commits.committed.open;
  }

  get(ref: TaskRef): Promise<OpenTask | FinishedTask | undefined> {
    return this.#lists.get(ref);
  }

  async text(ref: TaskRef): Promise<TaskText | undefined> {
    await this.#projections.settled(keyOf(ref));
    return this.#lists.text(ref);
  }

  list(query: TaskQuery): Promise<TaskPage> {
    return this.#lists.list(query);
  }

  counts(): ReadonlyMap<ProjectId, Readonly<Record<TaskState, number>>> {
    return countStates(this.#commits.committed);
  }

  holds(): ReadonlyMap<HoldKey, Hold> {
    return this.#commits.committed.holds;
  }

  workers(): ReadonlyMap<string, Worker> {
    return this.#commits.committed.workers;
  }

  quota(): { readonly changes: ReadonlyMap<string, LimitChange>; readonly told: ReadonlyMap<string, QuotaTold> } {
    return this.#commits.committed.quota;
  }

  profiles(): ReadonlyMap<string, ProfileRecord> {
    return this.#commits.committed.profiles;
  }

  books(): ReadonlyBooks {
    return this.#commits.committed.books;
  }

  outbox(): ReadonlyMap<string, Outgoing> {
    return this.#commits.committed.outbox;
  }

  undelivered(): readonly Undelivered[] {
    return this.#commits.committed.undelivered;
  }

  async delivered(ref: TaskRef, what: Owed, end: { ok: boolean; detail: string }): Promise<void> {
    await this.#commits.commit({ by: 'runner' }, (state) => ({
      events: state.outbox.get(keyOf(ref))?.owed.includes(what) ? [{ type: 'delivered', ...ref, what, ...end }] : [],
      reply: null,
    }));
  }

  subscribe(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Every record from now on, once the state holds it. Returns the way to stop. */
  follow(listener: (record: JournalRecord) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  /** The oldest record that is kept, and the newest that the state holds. */
  span(): { oldest: number; newest: number } {
    const [first] = this.#ground.journal.segments();
    return { oldest: (first && firstOf(first)) || 1, newest: this.#commits.committed.seq };
  }

  converged(): boolean {
    return this.#projections.pending === 0;
  }

  /** The newest finished tasks in memory, oldest first. */
  recentlyFinished(): readonly FinishedTask[] {
    return [...this.#commits.committed.finished.values()];
  }

  /** Records after a number, or the newest ones; oldest first. */
  async events({ after, limit }: { after?: number; limit: number }): Promise<JournalRecord[]> {
    const from = after === undefined ? Math.max(1, this.#ground.journal.lastSeq - limit + 1) : after + 1;
    const records: JournalRecord[] = [];
    for await (const { record } of this.#ground.journal.replay(from)) {
      if (records.length >= limit) break;
      records.push(record);
    }
    return records;
  }

  /** The kept records after a number, oldest first. */
  async *records(after: number): AsyncGenerator<JournalRecord> {
    for await (const { record } of this.#ground.journal.replay(after + 1)) yield record;
  }

  /** The number at which each segment begins. */
  beginnings(): number[] {
    return this.#ground.journal.segments().flatMap((name) => firstOf(name) ?? []);
  }

  troubles(): readonly { key: string; message: string }[] {
    return this.#projections.troubles();
  }

  checkpoint(): Promise<void> {
    return this.#checkpoints.run();
  }

  /** What replay found since the snapshot: its files may not be there yet. */
  replayed(record: JournalRecord, changes: readonly Change[]): void {
    this.#projections.follow(record, changes, 'replay');
  }

  /** The journal has taken back what was not durable. */
  fallBack(): void {
    this.#commits.fallBack();
  }

  async close(): Promise<void> {
    await this.#commits.settled().catch(() => undefined);
    await this.#projections.reached(CLOSING_PATIENCE_MS);
    await this.#checkpoints
      .last()
      .catch((error) =>
        this.#ground.say('warn', 'no snapshot at the end; the next start replays more', { error: String(error) }),
      );
    await this.#mark();
    await this.#projections.stop();
    await this.#ground.index.close();
    await this.#ground.journal.close();
    await this.#adoption.release();
  }

  /** The same call that comes again while the first is under way gets its answer too. */
  #joined<T>({ call }: Cause, act: () => Promise<T>): Promise<T> {
    if (call === undefined) return act();
    const running = this.#underWay.get(call);
    if (running) return running as Promise<T>;
    const acting = act().finally(() => this.#underWay.delete(call));
    this.#underWay.set(call, acting);
    return acting;
  }

  #mark(): Promise<void> {
    return this.#adoption.mark((project) => this.#projections.isConverged(project));
  }

  #report(lease: Lease, report: string, decide: (task: LiveTask) => Decision<undefined>): Promise<Refusal | undefined> {
    return this.#commits.commit<Refusal | undefined>({ by: 'runner' }, (state) => {
      const task = leased(state, lease, this.epoch);
      return typeof task === 'string' ? refuseReport(lease, report, task) : decide(task); // S3
    });
  }

  #committed(record: JournalRecord, changes: readonly Change[]): void {
    this.#projections.follow(record, changes, 'live');
    for (const listener of this.#listeners) this.#tell(() => listener(changes));
    for (const follower of this.#followers) this.#tell(() => follower(record));
    this.#checkpoints.soon();
  }

  #tell(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      this.#ground.say('error', 'a listener of the queue failed', { error: String(error) });
    }
  }
}

const CLOSING_PATIENCE_MS = 10_000;
