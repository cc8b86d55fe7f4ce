import type { Claimed } from '../dispatcher/launch.ts';
import type { AgentRoute } from '../model/route.ts';
import type { Lease, LiveTask } from '../model/task.ts';
import type { Used } from '../model/usage.ts';
import type { Failure } from '../policy/retry.ts';
import type { RunEnd, RunOrder } from '../ports.ts';
import type { DoneOutcome } from '../work.ts';
import type { Stop } from './stop.ts';

/** A kind of process that does a task: a command of the person's own, or a coding agent without a terminal. */
export interface Program {
  /** Writes what it is to find in its run directory, and says what is to be started there. Starts nothing. */
  prepare(claimed: Claimed<AgentRoute>, place: RunPlace): Promise<Prepared>;
  /** What a run came to that has ended, from what it left in its directory. */
  judge(run: EndedAttempt): Promise<RunVerdict>;
  /** Looks on while it is at work: also after a restart, at a run that an earlier runtime has begun. */
  follow?(run: RunningRun): Following;
  /** How long one run may take, where the agent's configuration says so. */
  ttl(task: LiveTask): number | undefined;
}

export interface RunPlace {
  readonly dir: string;
  readonly cwd: string;
  /** What the check of the attempt before said. */
  readonly complaint?: string;
}

export type Prepared =
  | { readonly kind: 'ready'; readonly order: RunOrder }
  /** The task's own fault: another start would end in the same way. */
  | { readonly kind: 'unfit'; readonly reason: string }
  /** The agent can't be started at the moment. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It can be started later: its account rests, or somebody else works in its conversation. */
  | { readonly kind: 'wait'; readonly reason: string; readonly until?: number };

export interface RunningRun {
  readonly task: LiveTask;
  readonly lease: Lease;
  readonly dir: string;
  /** Ends it for this reason; later ones change nothing. */
  readonly stop: (stop: Stop) => void;
}

export interface Following {
  /** Time that does not count against the agent: it waited for somebody. `since`: it does now. */
  blocked(): { readonly ms: number; readonly since?: number };
  /** Nothing is watched any more; the run may go on. */
  close(): Promise<void>;
}

/** A run that has ended, and whether we ended it. */
export interface EndedAttempt {
  readonly task: LiveTask;
  readonly dir: string;
  readonly end: RunEnd;
  /** Why we stopped it, if we did. What the agent made of the signal, even exit code 0, is not an answer then. */
  readonly stopped?: Stop;
}

export type RunVerdict =
  /** `doubt`: it is only believed when the work is verified. */
  | { readonly kind: 'done'; readonly outcome: DoneOutcome; readonly doubt?: Failure }
  | { readonly kind: 'cancelled'; readonly reason: string; readonly used?: Used }
  /** `gated`: an account of the agent is the reason, and rests. */
  | { readonly kind: 'failed'; readonly failure: Failure; readonly gated?: boolean };
