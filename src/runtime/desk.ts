import { audit } from './audit/audit.ts';
import { newestVerify } from './checks/records.ts';
import { describeProblem } from './config/problem.ts';
import type { Settings } from './config/settings.ts';
import type { Packing } from './context/packing.ts';
import type { Delegations } from './delegations/delegations.ts';
import type { Dispatcher } from './dispatcher/dispatcher.ts';
import { handOver } from './handover.ts';
import type { RunProgress } from './headless/progress.ts';
import { holdNeeds, holdViews } from './holds.ts';
import type { Inboxes } from './inbox/inboxes.ts';
import { Intake } from './intake.ts';
import type { Load } from './load.ts';
import type { AllowanceView } from './model/allowance.ts';
import type { Config } from './model/config.ts';
import type { DelegatedJob, DelegatedStatus } from './model/delegated.ts';
import type { JournalRecord, Project } from './model/event.ts';
import type { Fleet } from './model/fleet.ts';
import { holdsAt } from './model/hold.ts';
import type { ProjectId, TaskRef } from './model/ids.ts';
import { type Refusal, refuse } from './model/refusal.ts';
import type { Route } from './model/route.ts';
import type { SinkView } from './model/sink.ts';
import type { TaskSpec } from './model/spec.ts';
import type { Cause, FinishedTask, OpenTask, QueuedTask } from './model/task.ts';
import type { TaskSummary } from './model/view.ts';
import { type NeedsView, needsOf } from './needs.ts';
import type { Orphans } from './orphans/orphans.ts';
import { askFor, askOf, signatureOf } from './policy/ask.ts';
import type { Gauge } from './policy/backpressure.ts';
import { decide } from './policy/decide.ts';
import type { LimitAsked, LimitWanted } from './policy/limit-order.ts';
import type { Clock, Enqueued, Files } from './ports.ts';
import type { Projects } from './projects.ts';
import type { ChangedLimit, Quota } from './quota/quota.ts';
import { beginnings, eventsFrom, readEvents } from './retention/events.ts';
import type { PastEvents } from './retention/past-events.ts';
import type { Retention } from './retention/retention.ts';
import { runDirOf, runFiles } from './runs/order.ts';
import { readPage, readTail } from './runs/reader.ts';
import type { SessionDesk } from './session-desk.ts';
import { sessionNeeds } from './session-needs.ts';
import { slotsOf } from './slots.ts';
import type { FileStore } from './store/file-store.ts';
import { summarize } from './summary.ts';
import type { WorkerDesk } from './worker-desk.ts';
import type { WorktreeDesk } from './worktree-desk.ts';
import type {
  AuditPage,
  AuditQuery,
  Caller,
  HoldView,
  Need,
  NewTaskInput,
  Orphan,
  Packed,
  Pruned,
  Reloaded,
  RetentionView,
  RunStream,
  RunText,
  SlotView,
  Stopping,
  Yard,
} from './yard.ts';

const LOG_PAGE = 64 * 1024;
const HELD_LOOKED_AT = 20_000; // as with needs: of a longer queue the oldest ones speak for the rest
const FAILED_SHOWN_MS = 24 * 3_600_000;

export interface DeskPorts {
  readonly config: Config;
  readonly clock: Clock;
  readonly files: Files;
  readonly store: FileStore;
  readonly version: string;
  readonly home: string;
  readonly gauge: (dir: string) => Promise<Gauge>;
  readonly projects: Projects;
  readonly dispatcher: Dispatcher;
  readonly delegations: Delegations;
  readonly load: Load;
  readonly packing: Packing;
  readonly inboxes: Inboxes;
  readonly fleet: () => Fleet;
  readonly offline: ReadonlyMap<string, string>;
  readonly settings: Settings;
  readonly reload: () => Promise<Reloaded>;
  readonly past: PastEvents;
  readonly retention: Retention;
  readonly quota: Quota;
  readonly sessions: SessionDesk;
  readonly worktrees: WorktreeDesk;
  readonly workers: WorkerDesk;
  readonly progress: RunProgress;
  readonly moreNeeds: () => readonly Need[];
  /** No file that somebody left for us waits to be looked at. */
  readonly settled: () => boolean;
  readonly stopping: () => Stopping | undefined;
  readonly orphans: Orphans;
  readonly sinks: () => readonly SinkView[];
}

/** The runtime's front: what tools, command line and resources ask goes from here to the service that knows. */
export class Desk implements Yard {
  readonly config: Config;
  readonly clock: Clock;
  readonly store: FileStore;
  readonly version: string;
  readonly home: string;
  readonly sessions: SessionDesk;
  readonly worktrees: WorktreeDesk;
  readonly workers: WorkerDesk;
  readonly #ports: DeskPorts;
  readonly #intake: Intake;

  constructor(ports: DeskPorts) {
    this.#ports = ports;
    this.config = ports.config;
    this.clock = ports.clock;
    this.store = ports.store;
    this.version = ports.version;
    this.home = ports.home;
    this.sessions = ports.sessions;
    this.worktrees = ports.worktrees;
    this.workers = ports.workers;
    this.#intake = new Intake({ ...ports, route: ({ project, spec }) => this.route({ project, spec }) });
  }

  project(nameOrPath: string, options: { adopt: boolean; cause: Cause }): Promise<Project | Refusal> {
    return this.#ports.projects.resolve(nameOrPath, options);
  }

  configFor(project: ProjectId): Config {
    return this.#ports.settings.of(project);
  }

  reload(): Promise<Reloaded> {
    return this.#ports.reload();
  }

  projectName(id: ProjectId): string {
    return this.store.projects().find((project) => project.id === id)?.name ?? id;
  }

  enqueue(
    tasks: readonly { project: string; input: NewTaskInput }[],
    cause: Cause,
    caller: Caller,
  ): Promise<(Enqueued | Refusal)[]> {
    return this.#intake.enqueue(tasks, cause, caller);
  }

  async delegate(ref: TaskRef, provider: string | undefined, cause: Cause) {
    if (this.stopping()) {
      const what = 'the runtime is being stopped and starts nothing any more; nothing was changed';
      return refuse('not_possible', what, 'delegate it when the next one has started: yardmaster start');
    }
    return handOver(this.#ports, ref, provider, cause);
  }

  packing(project: ProjectId, spec: TaskSpec): Promise<Packed | Refusal> {
    return this.#ports.packing.preview(project, spec);
  }

  fleet(): Fleet {
    return this.#ports.fleet();
  }

  holds(): readonly HoldView[] {
    return holdViews({
      ...{ holds: holdsAt(this.store.holds(), this.clock.now()), load: this.#ports.load, counts: this.store.counts() },
      waitingFor: () => this.#waitingForHeld(),
      projectName: (id) => this.projectName(id),
    });
  }

  #waitingForHeld(): ReadonlyMap<string, number> {
    const waiting = new Map<string, number>();
    const routeOf = this.#routes();
    for (const task of firstOf(this.store.open().values(), HELD_LOOKED_AT)) {
      const route = task.state === 'queued' ? routeOf(task) : undefined;
      const held = route?.to === 'wait' ? (route.held ?? []) : [];
      for (const name of held) waiting.set(name, (waiting.get(name) ?? 0) + 1);
    }
    return waiting;
  }

  allowance(): readonly AllowanceView[] {
    return this.#ports.quota.allowance();
  }

  changeLimit(wanted: LimitWanted, cause: Cause): Promise<ChangedLimit | Refusal> {
    return this.#ports.quota.change(wanted, cause);
  }

  restoreLimit(asked: LimitAsked & { readonly reason: string }, cause: Cause): Promise<ChangedLimit | Refusal> {
    return this.#ports.quota.restore(asked, cause);
  }

  route({ project, spec, task }: { project?: ProjectId; spec: TaskSpec; task?: OpenTask }): Route {
    const ask = task?.state === 'queued' ? askOf(task) : askFor(spec, project);
    return decide(ask, this.fleet(), this.clock.now());
  }

  summary(task: OpenTask | FinishedTask): TaskSummary {
    return summarize(
      task,
      (id) => this.projectName(id),
      (open) => this.#waiting(open),
    );
  }

  #waiting(task: OpenTask) {
    return task.state === 'queued' ? this.#ports.dispatcher.waiting(task) : undefined;
  }

  slots(): readonly SlotView[] {
    return slotsOf(this.config, this.store.open().values(), this.home);
  }

  runDir(ref: TaskRef, attempt: number): string {
    return runDirOf(this.home, ref, attempt);
  }

  async readRun(
    ref: TaskRef,
    attempt: number,
    { stream, tail }: { stream: RunStream; tail: number },
  ): Promise<RunText | undefined> {
    const dir = this.runDir(ref, attempt);
    const shown = stream === 'stdout' ? await this.#ports.progress.tail(dir, tail) : undefined;
    if (shown) return shown;
    const path = await this.#streamOf(dir, stream);
    const stat = await this.#ports.files.stat(path);
    if (stat === undefined) return undefined;
    const { text } = await readTail(this.#ports.files, path, tail);
    return { text, size: stat.size, path };
  }

  async readRunPage(
    ref: TaskRef,
    attempt: number,
    { stream, offset }: { stream: RunStream; offset: number },
  ): Promise<{ text: string; next: number }> {
    const dir = this.runDir(ref, attempt);
    const shown = stream === 'stdout' ? await this.#ports.progress.page(dir, offset, LOG_PAGE) : undefined;
    if (shown) return shown;
    const path = await this.#streamOf(dir, stream);
    const { text, next_offset } = await readPage(this.#ports.files, path, offset, LOG_PAGE);
    return { text, next: next_offset };
  }

  async #streamOf(dir: string, stream: RunStream): Promise<string> {
    if (stream === 'stdout' || stream === 'stderr') return runFiles(dir)[stream];
    const checked = await newestVerify(this.#ports.files, dir);
    return runFiles(checked)[stream === 'verify' ? 'stdout' : 'stderr'];
  }

  needs(): readonly Need[] {
    const { quota } = this.#ports;
    return [
      ...this.#sessionNeeds(),
      ...this.#ports.moreNeeds(),
      ...holdNeeds(this.holds()),
      ...this.#otherNeeds(),
      ...quota.needs(),
    ];
  }

  #sessionNeeds(): readonly Need[] {
    return sessionNeeds({
      sessions: this.sessions.list(),
      profiles: this.sessions.profiles(),
      projectName: (id) => this.projectName(id),
      now: this.clock.now(),
      stalledAfter: this.config.lifecycle.stalled_after,
    });
  }

  #otherNeeds(): readonly Need[] {
    const { store } = this;
    const since = this.clock.now() - FAILED_SHOWN_MS;
    return needsOf({
      open: store.open(),
      recentlyFailed: store.recentlyFinished().filter((task) => task.finished_at >= since),
      ...this.#stuck(),
      projectName: (id) => this.projectName(id),
      offline: this.#ports.offline,
      undelivered: store.undelivered().filter(({ at }) => at >= since),
      heldDrops: store
        .projects()
        .flatMap(({ name, held }) => (held?.length ? [{ project: name, count: held.length }] : [])),
      refused: [...this.#ports.projects.refused].map(([path, { message, hint }]) => ({ path, message, hint })),
      troubles: store.troubles(),
      wrongConfig: this.#ports.settings
        .problems()
        .map((problem) => ({ file: problem.from, says: describeProblem(problem) })),
      awaitingRestart: this.#ports.settings.awaitingRestart(),
    });
  }

  /** Why no agent can ever take a task, or what is spent that it waits for. */
  #stuck(): Pick<NeedsView, 'hopeless' | 'spent'> {
    const routeOf = this.#routes();
    return {
      hopeless: (task) => (task.state === 'queued' ? hopeless(routeOf(task)) : undefined),
      spent: (task) => (task.state === 'queued' ? spentFor(routeOf(task)) : undefined),
    };
  }

  /** Tasks that are alike to the router are asked for once. */
  #routes(): (task: QueuedTask) => Route {
    const fleet = this.fleet();
    const now = this.clock.now();
    const known = new Map<ProjectId, Map<string, Route>>();
    return (task) => {
      const alike = signatureOf(task.spec);
      const answers = known.get(task.project) ?? new Map<string, Route>();
      known.set(task.project, answers);
      const { waits_for: _, not_before: __, ...ask } = askOf(task);
      const route = answers.get(alike) ?? decide(ask, fleet, now);
      answers.set(alike, route);
      return route;
    };
  }

  sinks(): readonly SinkView[] {
    return this.#ports.sinks();
  }

  orphans(): Promise<readonly Orphan[] | undefined> {
    return this.#ports.orphans.look();
  }

  endOrphans(those: readonly { readonly pid: number; readonly start: string }[]): Promise<readonly Orphan[]> {
    return this.#ports.orphans.end(those);
  }

  stopping(): Stopping | undefined {
    return this.#ports.stopping();
  }

  converged(): boolean {
    return this.store.converged() && this.#ports.settled();
  }

  events(options: { after?: number; limit: number }): Promise<readonly JournalRecord[]> {
    return readEvents(this.store, this.#ports.past, options);
  }

  audit(query: AuditQuery): Promise<AuditPage> {
    const { past } = this.#ports;
    const history = {
      from: (seq: number) => eventsFrom(this.store, past, seq),
      beginnings: () => beginnings(this.store, past),
      newest: () => this.store.span().newest,
    };
    return audit(history, query, (id) => this.projectName(id));
  }

  prune(options: { dry: boolean }): Promise<Pruned> {
    return this.#ports.retention.prune(options);
  }

  retention(): Promise<RetentionView> {
    return this.#ports.retention.view();
  }

  follow(listener: (record: JournalRecord) => void): () => void {
    return this.store.follow(listener);
  }

  span(): { oldest: number; newest: number } {
    return this.store.span();
  }

  records(after: number): AsyncIterable<JournalRecord> {
    return this.store.records(after);
  }

  delegated(): DelegatedStatus {
    return this.#ports.delegations.status();
  }

  delegatedJob(ref: TaskRef): DelegatedJob | undefined {
    return this.#ports.delegations.job(ref);
  }

  async scan(project: ProjectId, { takeOver, cause }: { takeOver: boolean; cause: Cause }) {
    let released = 0;
    if (takeOver) {
      await this.store.releaseHeld(project, cause);
      released = await this.#release(project, cause);
    }
    const seen = await this.#ports.inboxes.scan(project, { takeOver });
    return { taken: seen?.taken ?? 0, rejected: seen?.rejected ?? 0, released };
  }

  /** The owner names the project: what was found there, started by somebody, may run. */
  async #release(project: ProjectId, { by }: Cause): Promise<number> {
    const unknown = [...this.store.open().values()].filter(
      (task) => task.project === project && task.state === 'unknown',
    );
    for (const task of unknown) await this.store.retry({ project, id: task.id }, { by });
    return unknown.length;
  }
}

function* firstOf<T>(all: Iterable<T>, most: number): Generator<T> {
  let n = 0;
  for (const one of all) {
    if (n++ >= most) return;
    yield one;
  }
}

function hopeless(route: Route): string | undefined {
  if (route.to === 'refuse') return route.reason;
  return route.to === 'wait' && route.reason === 'no_eligible_agent' ? route.detail : undefined;
}

/** What the end of a task gives back is nobody's concern. */
function spentFor(route: Route): string | undefined {
  return route.to === 'wait' && route.reason === 'allowance' && route.until !== undefined ? route.detail : undefined;
}
