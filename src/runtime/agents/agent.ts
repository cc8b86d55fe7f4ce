import type { CodingAgent } from '../model/config.ts';
import type { AccountWindow } from '../model/profile.ts';
import type { Refusal } from '../model/refusal.ts';
import type { AgentQuestion, Usage } from '../model/session.ts';
import type { ErrorClass, PermissionMode } from '../model/spec.ts';
import type { ModelTokens } from '../model/usage.ts';
import type { Clock, Files } from '../ports.ts';

/*
 * What the sessions need to know about one agent program: how it is started, what its reports mean, where it keeps its
 * conversations, what its screen shows. Everything that changes with a release of the program is behind this.
 *
 * A run directory of a session's attempt:
 *
 *   prompt.md  settings.json  session.json   written before the start
 *   owner  agent                             who was started there, at most once (by the launcher in the pane)
 *   hooks/<name>.json                        reports of the agent's hooks, one file each, written by temp + rename
 *   answers/<name>                           a FIFO: a hook that waits reads its answer from it
 *   hold                                     while it is there, the agent begins no tool
 */

export interface StartOrder {
  readonly agent: CodingAgent;
  readonly run_dir: string;
  readonly cwd: string;
  readonly prompt: string;
  /** The id that the conversation has or gets. */
  readonly conversation: string;
  /** The conversation's own file or id, when an earlier one goes on. */
  readonly resume?: string;
  readonly model?: string;
  readonly permission_mode: PermissionMode;
  readonly allowed_tools: readonly string[];
  readonly config_dir?: string;
  /** The reporter script of this home. */
  readonly reporter: string;
  /** How long a hook may wait for an answer. */
  readonly wait_seconds: number;
}

export interface Start {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** To be written into the run directory first, readable for the user alone. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
}

/** One report of a hook, as it lies in the spool. */
export interface Report {
  /** Names sort in the order in which the reports were written. */
  readonly name: string;
  readonly at: number;
  readonly text: string;
}

export type Heard =
  | { readonly kind: 'ready' }
  /** A prompt was submitted: ours, a person's, or the news of a background task. */
  | { readonly kind: 'prompt'; readonly prompt: string; readonly prompt_id?: string }
  | { readonly kind: 'tool_begins'; readonly tool: string }
  | {
      readonly kind: 'tool_ended';
      readonly tool: string;
      /** Tells which of several uses of one tool has ended. */
      readonly input?: unknown;
    }
  /** It waits for an answer, at the FIFO of this report. */
  | {
      readonly kind: 'asks';
      readonly tool: string;
      readonly input: unknown;
      readonly questions?: readonly AgentQuestion[];
    }
  /** Something only an attached person can answer. */
  | { readonly kind: 'dialog'; readonly what: string }
  | { readonly kind: 'turn_ended'; readonly message: string; readonly background: number; readonly prompt_id?: string }
  | { readonly kind: 'turn_failed'; readonly failure: AgentFailure }
  /** A person has stopped its turn. Not every agent tells of that. */
  | { readonly kind: 'interrupted' }
  | { readonly kind: 'left'; readonly reason: string }
  /** A sign of life, nothing more. */
  | { readonly kind: 'other'; readonly what: string };

export interface HeardReport {
  readonly report: string;
  readonly at: number;
  /** Whose report it is: another conversation's changes nothing. */
  readonly conversation: string;
  readonly transcript?: string;
  readonly heard: Heard;
}

export interface AgentFailure {
  readonly class: ErrorClass;
  readonly reason: string;
  /** When the limit ends, where that is known. */
  readonly reset_at?: number;
  /** The account is the reason: another one may go on. */
  readonly account?: 'limit' | 'login' | 'billing';
  /** Another try would end in the same way. */
  readonly final?: boolean;
  /** The conversation itself is the reason: the next attempt starts a new one. */
  readonly fresh?: boolean;
}

/** What the agent's own files say about a conversation. */
export interface Conversation {
  /** The last answer, and why it ended there. */
  readonly answer?: { readonly text: string; readonly stop_reason?: string; readonly model?: string };
  /** The last turn ended by it, where the agent's reports tell of such an end as of any other. */
  readonly failure?: AgentFailure;
  readonly context_tokens?: number;
  /** Since `from`. */
  readonly usage: Usage;
  /** The same by model: what it costs where its program tells no cost. */
  readonly spent: readonly ModelTokens[];
  /** Of its account, as its service told them last. */
  readonly windows?: readonly AccountWindow[];
  /** A prompt with this text was taken in. */
  holds(text: string): boolean;
}

/** What the agent says of itself, beside its hooks. */
export interface LiveState {
  readonly status: 'idle' | 'busy' | 'waiting' | 'unknown';
  readonly waiting_for?: string;
  readonly conversation: string;
  readonly at: number;
  /** Idle, since its turn has failed in this way. */
  readonly failed?: AgentFailure;
}

/** A session of this agent that somebody else started. */
export interface OtherSession {
  readonly name: string;
  readonly pid: number;
  readonly conversation: string;
  readonly cwd: string;
  readonly status: LiveState['status'];
  readonly at: number;
}

export type ScreenReading =
  /** Waits for a prompt; `box` is what stands in its input box. */
  | { readonly kind: 'ready'; readonly box: string }
  /** Works, and takes prompts; `box` as above. */
  | { readonly kind: 'busy'; readonly box: string }
  /** Anything that an Enter would answer. */
  | { readonly kind: 'dialog'; readonly what: string; readonly blocked: 'permission' | 'question' | 'login' | 'dialog' }
  | { readonly kind: 'error'; readonly what: string }
  /** Nothing that is known: to be treated as a dialog. */
  | { readonly kind: 'unknown' };

export type Answer =
  | { readonly decision: 'allow' }
  | { readonly decision: 'deny'; readonly reason: string }
  | { readonly answers: Readonly<Record<string, string>> };

export interface SessionAgent {
  readonly program: 'claude' | 'codex' | 'gemini';
  /** What a task may ask for that a session of this agent keeps, beside what is kept everywhere here (policy/abilities.ts). */
  readonly keeps: readonly string[];
  /** Its reports tell what happens; without them the screen decides. */
  readonly reports: boolean;
  /** Whether a new conversation gets the id that it is started with, or one that only its reports tell. */
  readonly names: 'as_told' | 'itself';
  compose(order: StartOrder): Start;
  /** Undefined for what is no report at all. */
  hear(report: Report): HeardReport | undefined;
  /** What the waiting hook of this report has to print. */
  answer(report: Report, answer: Answer): string;
  /**
   * Accepts, in the agent's own configuration, what it would ask at its first start in this folder: merged, nothing of
   * the person's replaced. Refused where that file can't be understood. Whoever calls it knows that the folder is one in
   * which the person lets agents work. `api_key`: of the environment that the agent gets, when there is one.
   */
  accept(
    io: { readonly files: Files; readonly clock: Clock },
    where: { readonly config_dir?: string; readonly home: string; readonly cwd: string; readonly api_key?: string },
  ): Promise<Refusal | undefined>;
  /** Where a conversation is kept, whether or not it is there. */
  transcript(where: {
    readonly config_dir?: string;
    readonly home: string;
    readonly cwd: string;
    readonly conversation: string;
  }): string;
  read(files: Files, transcript: string, from: number): Promise<Conversation | undefined>;
  /** What its subagents have taken since then, where that stands elsewhere. */
  subagents?(files: Files, transcript: string, since: number): Promise<readonly ModelTokens[]>;
  /** The newest messages of a conversation, oldest first, as text. */
  messages(
    files: Files,
    transcript: string,
    limits: { readonly count: number; readonly bytes: number },
  ): Promise<readonly { readonly by: 'user' | 'agent' | 'tool'; readonly text: string; readonly at: number }[]>;
  live(
    files: Files,
    where: {
      readonly config_dir?: string;
      readonly home: string;
      readonly pid: number;
      /** Its conversation's file, where that is known. */
      readonly transcript?: string;
    },
  ): Promise<LiveState | undefined>;
  /** All sessions of an account that its agent lists. */
  others(
    files: Files,
    where: { readonly config_dir?: string; readonly home: string },
  ): Promise<readonly OtherSession[]>;
  /** The folder whose changes hint at a change of `live`. */
  liveDir(where: { readonly config_dir?: string; readonly home: string }): string;
  screen(text: string): ScreenReading;
}
