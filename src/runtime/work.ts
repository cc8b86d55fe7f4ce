import type { ErrorClass } from './model/spec.ts';
import type { Lease, LiveTask, OutcomeInput, Workspace } from './model/task.ts';
import type { Failure } from './policy/retry.ts';

/*
 * What every attempt has around its agent, whoever runs it: on this machine a folder to work in and a look at its work, at
 * a provider what it is told and what becomes of its answer.
 */

export interface Workspaces {
  /** Where this attempt works, made where it is not there yet. The same for every attempt of a task. */
  open(task: LiveTask): Promise<OpenedWorkspace>;
  /** What the worktree of a task that is about to end holds; undefined for one that works in its project's folder. */
  describe(task: LiveTask): Promise<Workspace | undefined>;
}

export type OpenedWorkspace =
  | { readonly kind: 'ready'; readonly cwd: string }
  /** The task's own fault. */
  | { readonly kind: 'unfit'; readonly reason: string }
  /** It can't be had now. */
  | { readonly kind: 'wait'; readonly reason: string };

/** `done` is what the agent says. */
export type DoneOutcome = Extract<OutcomeInput, { state: 'done' }>;

export interface CheckOrder {
  readonly task: LiveTask;
  readonly lease: Lease;
  /** The attempt's run directory: a check is made once in it, and taken up there after a restart. */
  readonly dir: string;
  readonly cwd: string;
  /** The agent whose environment a check has; where it is left out, the one that the route names. */
  readonly program?: string;
  readonly outcome: DoneOutcome;
  /** Why it is believed only when `verify` passes. */
  readonly doubt?: Failure;
}

export type Checked =
  | { readonly kind: 'done'; readonly outcome: DoneOutcome }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** The runtime is stopping, or the attempt was stopped: nothing was found out. */
  | { readonly kind: 'stopped' };

export interface Checks {
  /** Before its agent begins: what the workspace was like. */
  before(task: LiveTask, dir: string, cwd: string): Promise<void>;
  check(order: CheckOrder): Promise<Checked>;
  /** What is being checked in this directory ends; settles when nothing of it runs. */
  stop(dir: string): Promise<void>;
  /** What the check of the attempt before this one complained about, for its agent to read. */
  complaint(task: LiveTask): Promise<string | undefined>;
}

/** What a provider is told: made once per attempt and kept in its run directory, so that a repeated request says the same. */
export interface Composer {
  compose(task: LiveTask, lease: Lease, bytes: Uint8Array): Promise<Composed>;
}

export type Composed =
  | { readonly kind: 'ready'; readonly prompt: string }
  /** The task's own fault, or what it names must not leave: another try would end in the same way. */
  | { readonly kind: 'unfit'; readonly class: ErrorClass; readonly reason: string };

export interface Answer {
  readonly task: LiveTask;
  readonly lease: Lease;
  readonly outcome: DoneOutcome;
}

/** What becomes of a provider's answer before anybody hears of it. */
export interface Answers {
  /** Made once per attempt: after a restart it is taken up where it is. */
  judge(answer: Answer): Promise<Checked>;
  /** The answer of this attempt, where it was kept before a runtime ended: it need not be asked for again. */
  kept?(lease: Lease): Promise<DoneOutcome | undefined>;
  /** What is being found out about this attempt ends; settles when nothing of it runs. */
  stop(lease: Lease): Promise<void>;
}
