import { handOver } from '../../src/runtime/handover.ts';
import { holdViews } from '../../src/runtime/holds.ts';
import type { AllowanceView } from '../../src/runtime/model/allowance.ts';
import { Config } from '../../src/runtime/model/config.ts';
import type { Event, JournalRecord, Project } from '../../src/runtime/model/event.ts';
import type { Fleet, FleetAgent, FleetProvider } from '../../src/runtime/model/fleet.ts';
import { holdsAt } from '../../src/runtime/model/hold.ts';
import { type ProjectId, TaskId, type TaskRef } from '../../src/runtime/model/ids.ts';
import { type Refusal, refuse } from '../../src/runtime/model/refusal.ts';
import type { Route } from '../../src/runtime/model/route.ts';
import type { SinkView } from '../../src/runtime/model/sink.ts';
import { TaskSpec } from '../../src/runtime/model/spec.ts';
import { type Cause, type FinishedTask, isLive, type Lease, type OpenTask } from '../../src/runtime/model/task.ts';
import type { TaskSummary } from '../../src/runtime/model/view.ts';
import { askFor } from '../../src/runtime/policy/ask.ts';
import { decide } from '../../src/runtime/policy/decide.ts';
import type { Enqueued, NewTask } from '../../src/runtime/ports.ts';
import { sessionNeeds } from '../../src/runtime/session-needs.ts';
import type {
  AuditPage,
  Caller,
  HoldView,
  Need,
  NewTaskInput,
  Orphan,
  Pruned,
  RetentionView,
  RunStream,
  RunText,
  SlotView,
  Stopping,
  Yard,
} from '../../src/runtime/yard.ts';
import { MemorySessions } from './memory-sessions.ts';
import { MemoryStore } from './memory-store.ts';
import { MemoryWorkers } from './memory-workers.ts';
import { MemoryWorktrees } from './memory-worktrees.ts';
import { VirtualClock } from './virtual-clock.ts';

/** A yard in memory: one agent `worker`, one provider `gpu`, and nobody who works unless the test does. */
export class MemoryYard implements Yard {
  readonly clock = new VirtualClock(Date.UTC(2026, 11, 1, 8));
  readonly store = new MemoryStore(this.clock);
  readonly config: Config;
  readonly version = '0.0.0';
  readonly home = '/memory/home';
  readonly agents: FleetAgent[] = [
    { id: 'worker', kind: 'command', program: 'worker', capabilities: ['lint'], status: 'available', load: 0, max: 1 },
  ];
  readonly providers: FleetProvider[] = [{ id: 'gpu', ai: ['gemini'], status: 'available', load: 0, max: 0 }];
  readonly working: SlotView[] = [];
  /** Tasks that were handed over by name. */
  readonly sent: string[] = [];
  unpackable: Refusal | undefined;
  readonly needed: Need[] = [];
  readonly allowances: AllowanceView[] = [];
  ending: Stopping | undefined;
  left: readonly Orphan[] = [];
  readonly sessions = new MemorySessions(this.clock);
  readonly worktrees = new MemoryWorktrees();
  readonly workers = new MemoryWorkers();
  readonly #followers = new Set<(record: JournalRecord) => void>();
  /** What runs wrote, by `<task id>/<attempt>/<stream>`. */
  readonly written = new Map<string, string>();

  constructor(config: unknown = {}) {
    this.config = Config.parse(config);
  }

  async project(nameOrPath: string, { adopt }: { adopt: boolean; cause: Cause }): Promise<Project | Refusal> {
    const known = this.store.projects().find(({ id, name, path }) => [id, name, path].includes(nameOrPath));
    if (known) return known;
    if (adopt) return this.store.adoptProject(`/memory/${nameOrPath}`, nameOrPath);
    const names = this.store.projects().map(({ name }) => name);
    return refuse('not_found', `no project "${nameOrPath}" is known`, `known: ${names.join(', ') || 'none'}`);
  }

  holds(): readonly HoldView[] {
    const { store, clock } = this;
    const busy = [...store.open().values()].filter(isLive);
    return holdViews({
      holds: holdsAt(store.holds(), clock.now()),
      load: {
        total: busy.length,
        running: (project) => busy.filter((task) => task.project === project).length,
        allowance: { at_work: new Map(), claims: { agent: new Map(), model: new Map(), project: new Map() } },
      },
      counts: store.counts(),
      waitingFor: () => new Map(),
      projectName: (id) => this.projectName(id),
    });
  }

  async audit(): Promise<AuditPage> {
    return { entries: [], newest: 0 };
  }

  sinks(): readonly SinkView[] {
    return [];
  }

  async orphans(): Promise<readonly Orphan[] | undefined> {
    return this.left;
  }

  async endOrphans(those: readonly { pid: number; start: string }[]): Promise<readonly Orphan[]> {
    const ended = this.left.filter((one) => those.some(({ pid, start }) => pid === one.pid && start === one.start));
    this.left = this.left.filter((one) => !ended.includes(one));
    return ended;
  }

  stopping(): Stopping | undefined {
    return this.ending;
  }

  configFor(): Config {
    return this.config;
  }

  async reload(): Promise<{ changed: string[]; restart: string[]; problems: string[] }> {
    return { changed: [], restart: [], problems: [] };
  }

  projectName(id: ProjectId): string {
    return this.store.projects().find((project) => project.id === id)?.name ?? id;
  }

  async enqueue(
    tasks: readonly { project: string; input: NewTaskInput }[],
    cause: Cause,
    caller: Caller,
  ): Promise<(Enqueued | Refusal)[]> {
    const adopted = await Promise.all(
      tasks.map(({ project }) => this.project(project, { adopt: true, cause }) as Promise<Project>),
    );
    const fresh = tasks.map(({ input }, at) => newTask(adopted[at]?.id as ProjectId, input, caller));
    return this.store.enqueue(fresh, cause);
  }

  async delegate(
    ref: TaskRef,
    provider: string | undefined,
    cause: Cause,
  ): Promise<{ ref: TaskRef; provider: string } | Refusal> {
    const { store, clock, sent } = this;
    const delegations = { submit: async ({ task: { id } }: Lease) => void sent.push(id) };
    const load = { reserve: () => undefined, release: () => undefined };
    const packing = { preview: () => this.packing() };
    return handOver({ store, clock, load, packing, delegations, fleet: () => this.fleet() }, ref, provider, cause);
  }

  async packing() {
    return this.unpackable ?? { files: 0, bytes: 0 };
  }

  fleet(): Fleet {
    const { agents, providers } = this;
    return {
      agents,
      providers,
      default_provider: 'gpu',
      paused: false,
      projects: new Map(),
      models: this.config.models,
    };
  }

  allowance() {
    return this.allowances;
  }

  async changeLimit() {
    return refuse('not_possible', 'this yard has no limits', 'ask another one');
  }

  async restoreLimit() {
    return refuse('not_possible', 'this yard has no limits', 'ask another one');
  }

  route({ spec, project }: { spec: TaskSpec; project?: ProjectId }): Route {
    if (spec.preferred_ai !== undefined) return decide(askFor(spec, project), this.fleet(), this.clock.now());
    const agent = this.agents.find(({ capabilities }) => spec.requires.every((one) => capabilities.includes(one)));
    const rules = [{ rule: 'requires', says: agent ? 'worker can do it' : 'nobody can do it' }];
    if (agent === undefined) return { to: 'wait', reason: 'no_eligible_agent', rules };
    return { to: 'agent', agent: agent.id, kind: agent.kind, rules };
  }

  summary(task: OpenTask | FinishedTask): TaskSummary {
    const { id, state, title } = task;
    const common = { id, state, title, project: this.projectName(task.project), queued_at: iso(task.queued_at) };
    if ('finished_at' in task) {
      const { priority, group, attempts, reason } = task;
      return {
        ...common,
        priority,
        attempts,
        finished_at: iso(task.finished_at),
        ...(group && { group }),
        ...(reason && { reason }),
      };
    }
    const route = isLive(task) ? undefined : this.route(task);
    return {
      ...common,
      ...{ priority: task.spec.priority, attempts: task.attempt },
      ...(task.spec.group && { group: task.spec.group }),
      ...(route?.to === 'wait' && { waiting: { reason: route.reason } }),
    };
  }

  slots(): readonly SlotView[] {
    return this.working;
  }

  runDir(ref: TaskRef, attempt: number): string {
    return `${this.home}/runs/${ref.project}/${ref.id}/${attempt}`;
  }

  async readRun(
    ref: TaskRef,
    attempt: number,
    { stream, tail }: { stream: RunStream; tail: number },
  ): Promise<RunText | undefined> {
    const text = this.written.get(`${ref.id}/${attempt}/${stream}`);
    if (text === undefined) return undefined;
    return { text: text.slice(-tail), size: Buffer.byteLength(text), path: `${this.runDir(ref, attempt)}/${stream}` };
  }

  async readRunPage(
    ref: TaskRef,
    attempt: number,
    { stream, offset }: { stream: RunStream; offset: number },
  ): Promise<{ text: string; next: number }> {
    const text = this.written.get(`${ref.id}/${attempt}/${stream}`)?.slice(offset) ?? '';
    return { text, next: offset + text.length };
  }

  needs(): readonly Need[] {
    const ofSessions = sessionNeeds({
      sessions: this.sessions.list(),
      profiles: this.sessions.profiles(),
      projectName: (id) => this.projectName(id),
      now: this.clock.now(),
      stalledAfter: this.config.lifecycle.stalled_after,
    });
    return [...ofSessions, ...this.needed];
  }

  converged(): boolean {
    return true;
  }

  async events(): Promise<readonly []> {
    return [];
  }

  follow(listener: (record: JournalRecord) => void): () => void {
    this.#followers.add(listener);
    return () => this.#followers.delete(listener);
  }

  /** Something happened: those who follow are told. */
  happen(...events: Event[]): void {
    const record = {
      seq: 1,
      at: this.clock.now(),
      type: events[0]?.type ?? '',
      cause: { by: 'runner' as const },
      events,
    };
    for (const listener of this.#followers) listener(record);
  }

  span(): { oldest: number; newest: number } {
    return { oldest: 1, newest: 0 };
  }

  async *records(): AsyncGenerator<never> {}

  delegatedJob() {
    return undefined;
  }

  delegated() {
    const counters = { delegated_active: 0, delegated_completed_total: 0, delegated_failed_total: 0 };
    return { ...counters, delegated_polls_total: 0, jobs: [], providers: {} };
  }

  async prune(): Promise<Pruned> {
    return { runs: 0, named: [], events_files: 0 };
  }

  async retention(): Promise<RetentionView> {
    const { runs, events, events_bytes } = this.config.retention;
    return { runs, events, events_bytes, past_events: { files: 0, bytes: 0 } };
  }

  async scan(): Promise<{ taken: number; released: number; rejected: number }> {
    return { taken: 0, released: 0, rejected: 0 };
  }
}

function newTask(project: ProjectId, { id, body, ...front }: NewTaskInput, caller: Caller): NewTask {
  return {
    project,
    ...(id !== undefined && { id: TaskId.parse(id) }),
    spec: TaskSpec.parse(front),
    title: front.title ?? id ?? 'task',
    bytes: Buffer.from(`---\n${JSON.stringify(front)}\n---\n\n${body}\n`),
    source: 'call',
    enqueued_by: caller.name,
    ...(caller.principal === 'attempt' && { parent: caller.task, depth: caller.depth + 1 }),
  };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
