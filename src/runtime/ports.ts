import type { ReadonlyBooks } from './model/books.ts';
import type { Owed, Project, ToldEvent } from './model/event.ts';
import type { Hold, HoldKey, HoldKind, HoldScope } from './model/hold.ts';
import type { ProjectId, TaskId, TaskRef } from './model/ids.ts';
import type { Outgoing, Undelivered } from './model/outgoing.ts';
import type { ProfileRecord } from './model/profile.ts';
import type { LimitChange, QuotaTold } from './model/quota.ts';
import type { Refusal } from './model/refusal.ts';
import type { RunRoute } from './model/route.ts';
import type { Dispatch, ErrorClass, TaskSpec } from './model/spec.ts';
import type { Cause, FinishedTask, Handed, Lease, LiveTask, OpenTask, OutcomeInput, QueuedTask } from './model/task.ts';
import type { Cost, Tokens, Used } from './model/usage.ts';
import type { TaskState } from './model/view.ts';
import type { Worker } from './model/worker.ts';

/* Every effect the runtime has on the world goes through one of these. `io/` implements them. */

// ── time and chance ─────────────────────────────────────────────────────────

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Calls once after `ms`; the returned function cancels. Never keeps the process alive by itself. */
  after(ms: number, run: () => void): () => void;
}

export interface Chance {
  /** Hex digits from the system's random source. */
  hex(bytes: number): string;
  /** 0 ≤ x < 1, for jitter. */
  fraction(): number;
}

// ── files ───────────────────────────────────────────────────────────────────

export interface FileStat {
  readonly kind: 'file' | 'dir' | 'link' | 'other';
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
  readonly nlink: number;
}

export interface AppendFile {
  readonly size: number;
  /** Appends all of it or throws; after a throw the caller truncates. */
  write(bytes: Uint8Array): Promise<void>;
  /** Data on disk when it returns (fdatasync). */
  sync(): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * The file system. Nothing is durable until it is synced: bytes by `sync`, names by `syncDir` of the folder.
 * No method follows a symbolic link at the last component.
 */
export interface Files {
  /** Undefined where nothing is. Throws `NotARegularFile`, and `FileTooLarge` past `limit` (model/file-error.ts). */
  read(path: string, limit?: number): Promise<Uint8Array | undefined>;
  /** At most `length` bytes from `offset`; fewer where the file ends, undefined where nothing is. */
  readAt(path: string, offset: number, length: number): Promise<Uint8Array | undefined>;
  stat(path: string): Promise<FileStat | undefined>;
  /** Names and kinds, undefined where the folder is not. */
  list(dir: string): Promise<{ name: string; kind: FileStat['kind'] }[] | undefined>;
  /** Where a symbolic link points, as it is written; undefined for anything else. */
  readLink(path: string): Promise<string | undefined>;
  makeDir(dir: string): Promise<void>;
  /** One that must not be there yet: the lock of programs that lock by a folder. */
  makeNewDir(dir: string): Promise<'created' | 'exists'>;
  /** An empty one. */
  removeDir(dir: string): Promise<void>;
  /**
   * Whole file by temp in the same folder + rename: readers see the old or the new. `same_mode`: as readable as the one
   * that it replaces, for a file that is not ours.
   */
  replace(path: string, bytes: Uint8Array, mode?: 'same_mode'): Promise<void>;
  /** Like `replace`, but never over something that exists. */
  create(path: string, bytes: Uint8Array): Promise<'created' | 'exists'>;
  /** rename(2): replaces the target. */
  move(from: string, to: string): Promise<'moved' | 'missing'>;
  /** Like `move`, but never over something that exists. */
  moveNew(from: string, to: string): Promise<'moved' | 'missing' | 'exists'>;
  /** Header, then the bytes of `from`, streamed to a new file at `to`; `from` stays. */
  copyBehind(header: Uint8Array, from: string, to: string): Promise<'created' | 'exists' | 'missing'>;
  remove(path: string): Promise<'removed' | 'missing'>;
  sync(path: string): Promise<void>;
  syncDir(dir: string): Promise<void>;
  /** Opens for appending, creates when missing. */
  append(path: string): Promise<AppendFile>;
}

/** What of a folder lies in git's hands. */
export interface Git {
  /** Is anything below this folder in the index of the repository around it? */
  tracks(folder: string): Promise<boolean>;
  /**
   * A command of git in a folder, without a shell, hooks, pagers or prompts. Always answers: `code` is undefined where git
   * is missing or took too long, and `stderr` says so. What it prints is bounded.
   */
  run(
    folder: string,
    args: readonly string[],
    /** `index`: another file than the folder's own index. */
    options?: { readonly timeoutMs?: number; readonly index?: string },
  ): Promise<{ code: number | undefined; stdout: string; stderr: string }>;
}

/** Regular expressions of strangers. */
export interface Patterns {
  /** Whether a text has a match; undefined where all looks of this matcher together take too long. */
  matcher(): (pattern: string, text: string) => boolean | undefined;
}

/** A hint that something in a folder changed. Scans are the truth; hints may be lost. */
export interface Watcher {
  watch(dir: string, changed: (name: string | null) => void): { close(): void };
}

/** Who is still writing: a file that was created in place and is held open for writing is not complete. */
export interface OpenWriters {
  /** Those of the files that some process holds open for writing, as far as this system lets us see. */
  among(paths: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Named pipes at whose other end somebody may wait for an answer. */
export interface Pipes {
  /**
   * Writes the whole text to whoever waits at this pipe, then closes it; an empty text is an answer too. `nobody`: there is
   * no pipe of ours, or nobody reads it (any more); then nothing was answered.
   */
  answer(path: string, text: string): Promise<'taken' | 'nobody'>;
  /**
   * Makes the pipe and keeps it open for a reader that is still to come. The reader sees its end when it is closed, or when
   * we are no more.
   */
  hold(path: string): Promise<HeldPipe>;
}

export interface HeldPipe {
  /** Settles when all of it is in the pipe; `closed`: the reader is gone, or it was closed here. */
  write(text: string): Promise<'written' | 'closed'>;
  close(): Promise<void>;
}

/** A lock that dies with its owner. */
export interface Locks {
  /** Undefined when somebody else holds it. */
  acquire(path: string): Promise<{ release(): Promise<void> } | undefined>;
}

// ── processes of agents ─────────────────────────────────────────────────────

export interface RunOrder {
  /** The attempt's run directory; exists, holds `prompt.md`. */
  readonly dir: string;
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string;
  /** The whole environment of the agent: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** A file that becomes standard input; without it `/dev/null`. */
  readonly stdin?: string;
}

export type RunEnd =
  | {
      readonly kind: 'exited';
      readonly code: number;
      readonly signal?: string;
      readonly started_at: number;
      readonly ended_at: number;
    }
  /** Proof of death without an exit record; what survived of it has been ended. */
  | { readonly kind: 'lost'; readonly reason: string };

export type Recovered =
  | { readonly kind: 'never_started' } // fenced: it can't start any more
  /** `pid`: of the agent itself, where nobody supervises it. */
  | { readonly kind: 'running'; readonly pid?: number }
  | RunEnd;

/** Runs one process per run directory, at most once; the process outlives the runtime. */
export interface Runner {
  start(order: RunOrder): Promise<{ kind: 'started' } | { kind: 'refused'; reason: string }>;
  /**
   * For a program that a terminal starts: the command that makes it the run of this directory, at most once. Later, or
   * after a fence, it ends at once. `run` is its mark, `YARDMASTER_RUN` in its environment.
   */
  enclose(dir: string, run: string, argv: readonly [string, ...string[]]): [string, ...string[]];
  /** What is to be seen of it now; whoever waits for its end hears of it. Decides nothing: `not_begun` may still begin. */
  look(dir: string): Promise<Recovered | { readonly kind: 'not_begun' }>;
  /** After a restart: what became of it. Fences a run that never began. */
  recover(dir: string): Promise<Recovered>;
  /** Settles when the run has ended, whoever started it. */
  ended(dir: string): Promise<RunEnd>;
  /** SIGTERM to the agent's group, SIGKILL after `graceMs`; settles when it has ended. */
  stop(dir: string, graceMs: number): Promise<RunEnd>;
  /** Ends what is left of a run that has ended: its agent may have said that all was well. */
  clear(dir: string): Promise<void>;
  /** Ends an agent that nobody supervises and that is done; what it has started may stay. */
  dismiss(dir: string, graceMs: number): Promise<void>;
  /** The end of this run is in the journal: nobody will ask for its record. */
  journalled(dir: string): void;
  /** Stops watching; runs go on. */
  close(): Promise<void>;
}

/** One that carries the mark of a run in its environment: an agent, or what one has started. */
export interface MarkedProcess {
  readonly pid: number;
  /** With the pid it names one process for ever. */
  readonly start: string;
  readonly begun_at: number;
  readonly command: string;
  readonly run_dir: string;
}

export interface MarkedProcesses {
  /** Those whose run directory lies in this folder; undefined where this system does not tell. */
  within(folder: string): Promise<readonly MarkedProcess[] | undefined>;
  /** SIGTERM, SIGKILL after the grace, to those very processes; answers with those that are gone. */
  end(those: readonly MarkedProcess[], graceMs: number): Promise<readonly MarkedProcess[]>;
}

// ── commands of the person's own ────────────────────────────────────────────

export interface CommandOrder {
  readonly argv: readonly [string, ...string[]];
  /** What it reads. */
  readonly input: string;
  readonly cwd: string;
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** Then it is killed, with what it has started. */
  readonly timeoutMs: number;
}

export type CommandEnd =
  | { readonly kind: 'exited'; readonly code: number; readonly signal?: string; readonly stderr: string }
  | { readonly kind: 'not_started'; readonly reason: string }
  | { readonly kind: 'timed_out'; readonly stderr: string }
  | { readonly kind: 'aborted' };

/** Small programs beside the work, without a shell. What they print is of no use, what they complain about is kept. */
export interface Commands {
  /** Always answers; the signal kills it. */
  run(order: CommandOrder, signal: AbortSignal): Promise<CommandEnd>;
}

// ── remote job services ─────────────────────────────────────────────────────

export interface JobOrder {
  readonly key: string; // idempotency key
  readonly type: string;
  readonly priority: string;
  readonly prompt: string;
  readonly preferred_ai?: string;
  /** Where the task itself names one. */
  readonly model?: string;
  readonly source: string;
}

export type Submitted =
  | { readonly kind: 'accepted'; readonly job_id: string }
  /** This attempt is over: there is no job of it, or (`transient`) none that goes on. */
  | {
      readonly kind: 'refused';
      readonly class: ErrorClass;
      readonly reason: string;
      readonly used?: Used;
      /** Not the provider's word: nothing was asked. */
      readonly unsent?: true;
    }
  /** Certainly not taken. `busy`: it has too much to do, and is well otherwise. */
  | { readonly kind: 'later'; readonly reason: string; readonly retry_after_ms?: number; readonly busy?: true }
  | { readonly kind: 'unconfirmed'; readonly reason: string }; // it may have been taken

export type JobLook =
  | { readonly kind: 'active'; readonly status: string }
  | {
      readonly kind: 'completed';
      readonly response: string;
      readonly provider?: string;
      readonly model?: string;
      readonly cost?: Cost;
      readonly tokens?: number;
      readonly usage?: Tokens;
      /** It was cut off at a limit: not all of the answer. */
      readonly truncated?: boolean;
    }
  /** `class`: what kind of failure it was, where that is known; else `upstream`. */
  | { readonly kind: 'failed'; readonly reason: string; readonly class?: ErrorClass; readonly used?: Used }
  | { readonly kind: 'unknown_job' }
  | { readonly kind: 'later'; readonly reason: string; readonly retry_after_ms?: number; readonly busy?: true };

export interface Provider {
  readonly id: string;
  /** Where it is. What was sent to another address is not known to be there, nor can its key be trusted there. */
  readonly address: string;
  readonly ai: readonly string[];
  /** A second submit with the same key makes no second job. */
  readonly idempotent: boolean;
  /**
   * Its jobs are this process's own requests: one that is lost with the process has done nothing but cost, so that the next
   * attempt may ask again. Nothing of it is ever `unconfirmed`, and an `unknown_job` was such a one.
   */
  readonly transient: boolean;
  submit(order: JobOrder, signal: AbortSignal): Promise<Submitted>;
  look(job_id: string, signal: AbortSignal): Promise<JobLook>;
  /** Looks a job up by its key, where the service can. */
  find?(key: string, signal: AbortSignal): Promise<string | undefined>;
  cancel?(job_id: string, signal: AbortSignal): Promise<void>;
  /** Settles when a look at the job would tell of its end, where the provider knows that without being asked. */
  ended?(job_id: string): Promise<void>;
  close(): Promise<void>;
}

// ── calls to the outside ────────────────────────────────────────────────────

export interface PostOrder {
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** May its host be this machine or one of a private network? */
  readonly private: boolean;
  /** For all of it together. */
  readonly timeout_ms: number;
}

export type PostEnd =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly retry_after_ms?: number;
      /** Where a redirect would have led. */
      readonly location?: string;
    }
  /** Nothing was sent: the host is at an address that may not be called. */
  | { readonly kind: 'forbidden'; readonly reason: string }
  | { readonly kind: 'broken'; readonly reason: string };

/** One POST, once, to the address that was checked and to no other. */
export interface Poster {
  /** Always answers. */
  post(order: PostOrder, signal: AbortSignal): Promise<PostEnd>;
}

// ── the queue ───────────────────────────────────────────────────────────────

/** A task to be stored: its file's bytes and what they say. */
export interface NewTask {
  readonly project: ProjectId;
  readonly id?: TaskId; // made from the title when absent
  readonly spec: TaskSpec;
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly source: OpenTask['source'];
  readonly enqueued_by: string;
  readonly parent?: TaskRef;
  readonly depth?: number;
  readonly retry_of?: TaskId;
  readonly dispatch?: Dispatch;
}

export type Enqueued = { readonly ref: TaskRef; readonly state: TaskState; readonly created: boolean };

/** What an attempt ended with. */
export type AttemptEnd =
  | { readonly kind: 'finished'; readonly outcome: OutcomeInput }
  /** Back to the queue; `spent: false` where the failure was not the task's own. */
  | {
      readonly kind: 'requeue';
      readonly class: ErrorClass;
      readonly reason: string;
      readonly not_before: number;
      readonly spent: boolean;
      /** What the attempt took all the same. */
      readonly used?: Used;
      readonly profile?: string;
      readonly session_id?: string;
      readonly exit_code?: number;
    }
  /** It provably never began: nothing is counted. */
  | { readonly kind: 'void'; readonly reason: string };

/** Keys of a task's front matter with their new values (`undefined` takes a key away), and words for the end of its body. */
export interface Amendment {
  readonly keys: ReadonlyMap<string, string | number | undefined>;
  readonly instructions?: string;
}

/** What is to be different when a task is tried again. */
export interface RetryOrder {
  /** Asked with the task as it is then, and what its text asks for; `fresh`: its next attempt begins a conversation. */
  readonly amend: (
    task: QueuedTask | FinishedTask,
    spec: TaskSpec,
  ) => Promise<(Amendment & { readonly fresh?: true }) | Refusal>;
  /** Why what it would become may not be. */
  readonly refuses: (project: ProjectId, spec: TaskSpec) => Refusal | undefined;
}

export interface HoldOrder {
  readonly kind: HoldKind;
  readonly reason: string;
  readonly until?: number;
}

export interface TaskQuery {
  readonly states?: readonly TaskState[];
  readonly project?: ProjectId;
  readonly group?: string;
  /** Only tasks that changed at or after this time (ms). */
  readonly changed_since?: number;
  readonly limit: number;
  /** From an earlier answer's `next`. */
  readonly cursor?: string;
}

export interface TaskPage {
  readonly tasks: readonly (OpenTask | FinishedTask)[];
  readonly next?: string;
}

export interface TaskText {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** After a commit: what a task was and what it is. `before` is absent for a new one; `after` is a FinishedTask at its end. */
export interface Change {
  readonly seq: number;
  readonly at: number;
  readonly type: string;
  readonly before?: OpenTask;
  readonly after?: OpenTask | FinishedTask;
}

/**
 * The queue: everything that stores, claims, finishes and lists tasks. A second engine implements this and passes
 * the same conformance suite. Every promise that changes something settles after the change is durable.
 */
export interface TaskStore {
  readonly epoch: string;

  /** Takes the queue in a project's folder; what lay in an unconfigured one's inbox before is held. */
  adoptProject(path: string, name: string, configured: boolean, cause: Cause): Promise<Project | Refusal>;
  projects(): readonly Project[];
  /** False for a project whose queue another home holds. */
  owns(project: ProjectId): boolean;
  /** The drops that lay there before the project's first use may be taken. */
  releaseHeld(project: ProjectId, cause: Cause): Promise<void>;

  /**
   * One answer per task, in order; all accepted ones are committed together. `noRoom`: why nothing new is taken now; what
   * an earlier call has made is answered all the same.
   */
  enqueue(tasks: readonly NewTask[], cause: Cause, noRoom?: Refusal): Promise<(Enqueued | Refusal)[]>;
  /** The journalled claim and the renamed file, or why not. Nothing may start without it. */
  claim(
    ref: TaskRef,
    route: RunRoute,
    cause: Cause,
  ): Promise<{ lease: Lease; task: LiveTask; bytes: Uint8Array } | Refusal>;
  /** `handed`: where it was given to an outside worker. */
  started(lease: Lease, handed?: Handed): Promise<Refusal | undefined>;
  jobAccepted(lease: Lease, job_id: string): Promise<Refusal | undefined>;
  /** Its agent says that it is done; that is being checked. */
  verifying(lease: Lease): Promise<Refusal | undefined>;
  /** Ends the attempt. A stale lease is recorded and changes nothing. */
  end(lease: Lease, end: AttemptEnd, cause: Cause): Promise<Refusal | undefined>;
  /** Queued: cancelled at once. Running: asked to end; the runner's report makes it cancelled. */
  cancel(ref: TaskRef, reason: string, cause: Cause): Promise<{ state: TaskState; note: string } | Refusal>;
  /**
   * A failed or cancelled task becomes a new one; a waiting or unknown one is freed to run now. With an order the new text
   * is the old one with that changed; a waiting task is changed and freed in one step, or not at all.
   */
  retry(ref: TaskRef, cause: Cause, order?: RetryOrder): Promise<{ ref: TaskRef; state: TaskState } | Refusal>;
  /** A drop that can't be a task now lies in failed/; recorded before its source is removed. */
  rejected(
    project: ProjectId,
    drop: { name: string; failed_as: string; reason: string; size: number },
    cause: Cause,
  ): Promise<void>;
  /** Writes a queued task's file again where it is missing. */
  restore(ref: TaskRef): void;
  /** Records something that a person may want to know. */
  note(code: string, message: string, about?: { project?: ProjectId; id?: TaskId }): Promise<void>;
  /** Records what happened beside the tasks: to a session, an account, a worker, a limit, a sink. */
  record(event: ToldEvent, cause: Cause): Promise<void>;
  /** Nothing new begins there until it is resumed, or its time is over; another one takes its place. A person's is a person's. */
  hold(scope: HoldScope, hold: HoldOrder, cause: Cause): Promise<Refusal | undefined>;
  resume(scope: HoldScope, cause: Cause, reason?: string): Promise<Refusal | undefined>;
  /** Records of each hold whose time is over that it has ended, once; one that was made anew meanwhile stays. */
  endHolds(cause: Cause): Promise<void>;

  /** A change was made for this very call: sent again, it makes none. */
  answered(call: string): boolean;

  /** The open tasks in memory. */
  open(): ReadonlyMap<string, OpenTask>;
  get(ref: TaskRef): Promise<OpenTask | FinishedTask | undefined>;
  /** A task's own file while it is open, its done/ or failed/ file afterwards. */
  text(ref: TaskRef): Promise<TaskText | undefined>;
  list(query: TaskQuery): Promise<TaskPage>;
  counts(): ReadonlyMap<ProjectId, Readonly<Record<TaskState, number>>>;
  /** What keeps work from beginning, by `holdKey`; ask `holdOn` whether one is in force. */
  holds(): ReadonlyMap<HoldKey, Hold>;
  /** Outside workers that are registered, by name. */
  workers(): ReadonlyMap<string, Worker>;
  /** By `limitKey`: limits that were changed at run time, and what was told of limits last. */
  quota(): { readonly changes: ReadonlyMap<string, LimitChange>; readonly told: ReadonlyMap<string, QuotaTold> };
  /** What the outside is still to be told of tasks that have ended: kept until it is `delivered`. */
  outbox(): ReadonlyMap<string, Outgoing>;
  /** The newest of what was given up, oldest first. */
  undelivered(): readonly Undelivered[];
  /** `ok: false`: it was given up, with the reason. */
  delivered(ref: TaskRef, what: Owed, end: { readonly ok: boolean; readonly detail: string }): Promise<void>;
  /** What is remembered of agents' accounts, by `profileKey` (model/profile.ts); one that is not here is ready. */
  profiles(): ReadonlyMap<string, ProfileRecord>;
  /** What was spent of each allowance. */
  books(): ReadonlyBooks;

  /** Called after each commit, in order. Returns the way to stop. */
  subscribe(listener: (changes: readonly Change[]) => void): () => void;
  /** True when files say what the journal says. */
  converged(): boolean;
  close(): Promise<void>;
}
