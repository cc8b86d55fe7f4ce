import type { AgentFailure, SessionAgent } from '../../agents/agent.ts';
import type { Allowance } from '../../model/allowance.ts';
import type { CodingAgentName, Config } from '../../model/config.ts';
import type { ToldEvent } from '../../model/event.ts';
import type { ProjectId, TaskRef } from '../../model/ids.ts';
import type { AccountWindow } from '../../model/profile.ts';
import type { Refusal } from '../../model/refusal.ts';
import type { AgentQuestion, SessionRequest, SessionView } from '../../model/session.ts';
import type { Cause } from '../../model/task.ts';
import type { Chance, Clock, Files, Runner, TaskStore, Watcher } from '../../ports.ts';
import type { Environment } from '../../runs/environment.ts';
import type { Checks, Workspaces } from '../../work.ts';
import type { ChosenProfile, ProfileWait } from '../accounts/accounts.ts';
import type { Seats } from '../seats.ts';

/* What the attempts in sessions need of the others. */

/** A tool or a question of an agent that waits for somebody. */
export interface AgentRequest {
  /** The same after a restart. */
  readonly id: string;
  readonly kind: SessionRequest['kind'];
  readonly seat: string;
  readonly program: CodingAgentName;
  readonly task: TaskRef;
  readonly attempt: number;
  readonly run_dir: string;
  /** Its report in the spool; the hook that waits reads `answers/<report>` of the run directory. */
  readonly report: string;
  readonly tool: string;
  readonly input: unknown;
  readonly questions?: readonly AgentQuestion[];
  readonly asked_at: number;
  /** Then the attempts deny it. */
  readonly expires_at: number;
}

/** Who keeps the requests that are open. `SessionAttempts.answered` is to be called when one has got its answer. */
export interface Requests {
  /** Called once for each by every runtime: after a restart again. */
  opened(request: AgentRequest): void;
  /** It was answered at the terminal, or its turn is over: a hook that still waits is to be released. */
  closed(request: AgentRequest, how: string): void;
  /** Nobody has answered in time. `gone`: nobody waits for the answer any more. */
  deny(request: AgentRequest, reason: string): Promise<'denied' | 'gone'>;
  /** The reports of this run are read, or the run is over: whoever still waits for nothing is let go. */
  recovered(run_dir: string): Promise<void>;
}

/** Attempts without a terminal, as far as those in sessions meet them. */
export interface OtherAttempts {
  /** Who has this conversation at the moment. */
  writerOf(conversation: string): string | undefined;
}

/** Part of `Profiles`. */
export interface ProfileChooser {
  /** `prefer`: the account of the conversation that goes on. */
  choose(agent: CodingAgentName, options?: { readonly prefer?: string }): ChosenProfile | ProfileWait;
  /** What an account has met. `rests`: the next attempt may start as soon as any account is ready. */
  failed(agent: CodingAgentName, profile: string, failure: AgentFailure): Promise<{ readonly rests: boolean }>;
  /** How full its windows are. Never fails. */
  used(agent: CodingAgentName, profile: string, windows: readonly AccountWindow[]): Promise<void>;
}

export interface SessionAttemptPorts {
  readonly home: string;
  /** The person's own: where agents keep what no profile says otherwise. */
  readonly userHome: string;
  readonly store: TaskStore;
  readonly runner: Runner;
  readonly files: Files;
  readonly watcher: Watcher;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly seats: Seats;
  readonly agent: (program: CodingAgentName) => SessionAgent;
  readonly profiles: ProfileChooser;
  readonly requests: Requests;
  readonly workspaces: Workspaces;
  readonly checks: Checks;
  readonly headless: OtherAttempts;
  /** As it counts for one project's tasks. */
  readonly config: (project: ProjectId) => Config;
  /** What agents may take now. */
  readonly limits: () => Pick<Allowance, 'agents'>;
  readonly env: Environment;
  /** Through the guard. `unconfirmed`: it may be there; it is not to be sent again. */
  readonly message: (seat: string, text: string) => Promise<'delivered' | 'unconfirmed' | Refusal>;
  /** What its pane shows now; undefined where that can't be seen. */
  readonly screen: (seat: string) => Promise<string | undefined>;
  /** The script by which hooks report, in this home. */
  readonly reporter: () => Promise<string>;
  readonly record: (event: ToldEvent, cause: Cause) => Promise<void>;
  /** The agent of this task has ended, or is free for the next one, and its end is on its way into the journal. */
  readonly freed: (task: TaskRef) => void;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** What is known of the agent in a seat: of its attempt, or of what one that is over has left there. */
export interface AttemptView
  extends Pick<
    SessionView,
    | 'state'
    | 'blocked_on'
    | 'detail'
    | 'evidence'
    | 'task'
    | 'conversation'
    | 'model'
    | 'profile'
    | 'context_tokens'
    | 'usage'
    | 'next'
    | 'until'
  > {
  readonly requests: readonly AgentRequest[];
  readonly run_dir: string;
  readonly pid?: number;
  readonly config_dir?: string;
  /** Where its conversation is kept. */
  readonly transcript: string;
  /** Its attempt is over; the agent stays open for a while. */
  readonly lingering: boolean;
}
