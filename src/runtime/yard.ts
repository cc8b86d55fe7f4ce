import type { AllowanceView } from './model/allowance.ts';
import type { Config } from './model/config.ts';
import type { DelegatedJob, DelegatedStatus } from './model/delegated.ts';
import type { JournalRecord, Project } from './model/event.ts';
import type { Fleet } from './model/fleet.ts';
import type { Hold } from './model/hold.ts';
import type { ProjectId, TaskId, TaskRef } from './model/ids.ts';
import type { Refusal } from './model/refusal.ts';
import type { Route } from './model/route.ts';
import type { ShownEvent } from './model/shown-event.ts';
import type { SinkView } from './model/sink.ts';
import type { TaskSpec, TaskSpecInput } from './model/spec.ts';
import type { Cause, FinishedTask, OpenTask } from './model/task.ts';
import type { EventName } from './model/told/table.ts';
import type { TaskSummary } from './model/view.ts';
import type { LimitAsked, LimitWanted } from './policy/limit-order.ts';
import type { Clock, Enqueued, MarkedProcess, TaskStore } from './ports.ts';
import type { ChangedLimit } from './quota/quota.ts';
import type { SessionDesk } from './session-desk.ts';
import type { WorkerDesk } from './worker-desk.ts';
import type { WorktreeDesk } from './worktree-desk.ts';

/** Who calls: the owner, or an attempt known by its token (section 12 of the design). */
export type Caller =
  | {
      readonly principal: 'owner';
      readonly name: string;
      readonly bridge?: string;
      /** At the command line: a person in a terminal, or (false) an agent that runs it. Absent for every other client. */
      readonly person?: boolean;
    }
  | {
      readonly principal: 'attempt';
      readonly name: string;
      readonly bridge?: string;
      readonly task: TaskRef;
      readonly depth: number;
    };

/** One slot of a command agent, as `list_sessions` shows it. */
export interface SlotView {
  readonly name: string; // `<agent>-<n>`
  readonly agent: string;
  readonly kind: 'command';
  readonly state: 'idle' | 'working';
  readonly task?: {
    readonly ref: TaskRef;
    readonly title: string;
    readonly attempt: number;
    readonly since: number;
    readonly run_dir: string;
  };
}

export interface NewTaskInput extends TaskSpecInput {
  readonly id?: string;
  readonly body: string;
}

/** What a run writes, and what the check of its work does. */
export const RUN_STREAMS = ['stdout', 'stderr', 'verify', 'verify-stderr'] as const;
export type RunStream = (typeof RUN_STREAMS)[number];

/** The end of what a run wrote to one of its streams. */
export interface RunText {
  readonly text: string;
  readonly size: number; // of the whole file, in bytes
  readonly path: string;
}

/** How the runtime is to be stopped. */
export interface StopOrder {
  /** Without waiting for what is at work. */
  readonly now?: boolean;
  /** What is at work then is ended, and goes back to the queue; else it goes on, and the next runtime takes it up. */
  readonly kill?: boolean;
}

/** A run that is a process, and whose end the runtime records. */
export interface RunAtWork {
  readonly name: string; // `<project>/<task>`
  readonly agent: string;
  readonly attempt: number;
  readonly since: number;
  /** Ends with the runtime: the answer of a chat, which the next one asks for again. */
  readonly begins_again?: true;
}

/** The runtime is being stopped: it takes no drops and starts nothing any more. */
export interface Stopping {
  /** How long it waits for what is at work. */
  readonly until: number;
  readonly kill: boolean;
  /** What is at work is being ended. */
  readonly ending: boolean;
  /** Nothing is waited for any more. */
  readonly over: boolean;
  readonly runs: readonly RunAtWork[];
}

/** A process with the mark of an attempt that is over. */
export interface Orphan extends MarkedProcess {
  readonly project: string;
  readonly task: string;
  readonly attempt: number;
  readonly why: string;
  /** Its task is done: it may have been left open on purpose. */
  readonly kept: boolean;
}

/** Which of the events that are kept. */
export interface AuditQuery {
  readonly project?: ProjectId;
  readonly task?: TaskId;
  readonly since?: number;
  readonly until?: number;
  readonly types?: readonly EventName[];
  readonly by?: readonly string[];
  readonly order: 'newest' | 'oldest';
  /** With `oldest`: only later ones; with `newest`: only earlier ones. A sequence number. */
  readonly from?: number;
  readonly limit: number;
}

/** One event, and nothing that is secret. */
export interface AuditEntry {
  readonly seq: number;
  readonly call?: string;
  /** The task whose attempt made the call. */
  readonly parent?: string;
  readonly event: ShownEvent;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Where the next page begins; absent where there is none. */
  readonly next?: number;
  /** The newest number there was. */
  readonly newest: number;
}

/** What keeps work from beginning somewhere, and how far that has come. */
export interface HoldView extends Hold {
  /** Of the project or the agent. */
  readonly name?: string;
  readonly state: 'paused' | 'draining' | 'drained';
  /** Attempts of the scope that are at work. */
  readonly running: number;
  /** Tasks that wait for its end. */
  readonly waiting: number;
}

/** What a person should look at, most urgent first. */
export interface Need {
  readonly what: string;
  readonly where: string;
  readonly next: string;
}

/** What goes to a provider beside a task's own words: files of its project, and results of tasks that it depends on. */
export interface Packed {
  readonly files: number;
  readonly bytes: number;
}

/** What a pass of the retention took away, or would. */
export interface Pruned {
  /** Run directories of tasks that have ended. */
  readonly runs: number;
  /** The first of those tasks. */
  readonly named: readonly string[];
  /** Files of events that the journal needs no more. */
  readonly events_files: number;
}

export interface RetentionView {
  readonly runs: number | 'forever'; // milliseconds, as configured
  readonly events: number | 'forever';
  readonly events_bytes: number;
  readonly past_events: { readonly files: number; readonly bytes: number };
  /** The last pass that took something away. */
  readonly last?: { readonly at: number; readonly runs: number; readonly events_files: number };
}

/** What `config reload` answers. */
export interface Reloaded {
  readonly changed: readonly string[];
  /** Keys that were changed since the start and count only from the next one on. */
  readonly restart: readonly string[];
  readonly problems: readonly string[];
}

/**
 * The runtime as the tools see it: the one interface between the surfaces (MCP, CLI, HTTP) and the services.
 * Everything that changes the queue goes on to `store`; what is here adds names, text and routing.
 */
export interface Yard {
  /** As it is at the moment of asking. */
  readonly config: Config;
  readonly clock: Clock;
  readonly store: TaskStore;
  readonly version: string;
  readonly home: string;

  /** A configured name, a project's id, or a path inside an allowed root; adopts it when it is new and `adopt` is set. */
  project(nameOrPath: string, options: { adopt: boolean; cause: Cause }): Promise<Project | Refusal>;
  projectName(id: ProjectId): string;
  /** The configuration as it counts for one project's tasks. */
  configFor(project: ProjectId): Config;
  /** Reads the configuration again, now; a wrong one changes nothing. */
  reload(): Promise<Reloaded>;

  /** Front matter and body become a file's bytes; checks projects, dependencies, bounds and rights. */
  enqueue(
    tasks: readonly { project: string; input: NewTaskInput }[],
    cause: Cause,
    caller: Caller,
  ): Promise<(Enqueued | Refusal)[]>;
  delegate(
    ref: TaskRef,
    provider: string | undefined,
    cause: Cause,
  ): Promise<{ ref: TaskRef; provider: string } | Refusal>;

  /** What this task would show a provider besides itself, or why it can't: the same look as before it is sent. */
  packing(project: ProjectId, spec: TaskSpec): Promise<Packed | Refusal>;

  fleet(): Fleet;
  /** Every hold in force. */
  holds(): readonly HoldView[];
  /** What may be spent and what was, and what of it was changed at run time; the worst first. */
  allowance(): readonly AllowanceView[];
  /** Counts at once, for what begins next, and for how long a running attempt may take. */
  changeLimit(wanted: LimitWanted, cause: Cause): Promise<ChangedLimit | Refusal>;
  /** The configuration counts again. */
  restoreLimit(asked: LimitAsked & { readonly reason: string }, cause: Cause): Promise<ChangedLimit | Refusal>;
  /** What the dispatcher would do with it now. */
  route(task: { project?: ProjectId; spec: TaskSpec; task?: OpenTask }): Route;
  summary(task: OpenTask | FinishedTask): TaskSummary;

  slots(): readonly SlotView[];
  readonly sessions: SessionDesk;
  readonly worktrees: WorktreeDesk;
  readonly workers: WorkerDesk;
  /** The run directory of a task's newest attempt. */
  runDir(ref: TaskRef, attempt: number): string;
  /**
   * The last `tail` bytes that an attempt wrote, the stream of an agent without a terminal as people read it; undefined
   * where it wrote no such file (a remote job, a pruned run).
   */
  readRun(ref: TaskRef, attempt: number, options: { stream: RunStream; tail: number }): Promise<RunText | undefined>;
  /** What an attempt wrote from `offset` on; `next` is where the next page begins. */
  readRunPage(
    ref: TaskRef,
    attempt: number,
    options: { stream: RunStream; offset: number },
  ): Promise<{ text: string; next: number }>;
  needs(): readonly Need[];
  /** Who else is told what happens, and how that goes. */
  sinks(): readonly SinkView[];
  /** Processes of attempts that are over; undefined where this system does not tell. */
  orphans(): Promise<readonly Orphan[] | undefined>;
  /** Ends those that are still the same processes, and orphans; answers with those that have ended. */
  endOrphans(those: readonly { readonly pid: number; readonly start: string }[]): Promise<readonly Orphan[]>;
  /** Undefined unless it is being stopped. */
  stopping(): Stopping | undefined;
  /** Files match the journal and no drop waits to be looked at. */
  converged(): boolean;
  /** The newest events, oldest first; `after` is a sequence number. */
  events(options: { after?: number; limit: number }): Promise<readonly JournalRecord[]>;
  /** Events that match, a page of them; a page may be short, or empty, where few match. */
  audit(query: AuditQuery): Promise<AuditPage>;
  /** Every record from now on, in order, once the state holds it. Returns the way to stop. */
  follow(listener: (record: JournalRecord) => void): () => void;
  /** The oldest record that is kept, and the newest that the state holds. */
  span(): { readonly oldest: number; readonly newest: number };
  /** The kept records after a number, oldest first; a reader that takes its time is waited for. */
  records(after: number): AsyncIterable<JournalRecord>;
  /** Jobs at providers, and what became of those that ended since the start. */
  delegated(): DelegatedStatus;
  /** The remote job of a task, as long as it is followed. */
  delegatedJob(ref: TaskRef): DelegatedJob | undefined;
  /** Takes away what is older than the configuration wants; with `dry`, only says what that would be. */
  prune(options: { dry: boolean }): Promise<Pruned>;
  retention(): Promise<RetentionView>;
  /** Scans a project's inbox now and takes what is there; also what a seed's queue left behind, when `takeOver` is set. */
  scan(
    project: ProjectId,
    options: { takeOver: boolean; cause: Cause },
  ): Promise<{ taken: number; released: number; rejected: number }>;
}
