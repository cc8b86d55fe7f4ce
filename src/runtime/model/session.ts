import type { ProjectId, TaskRef } from './ids.ts';
import type { AccountWindow } from './profile.ts';

/* Sessions as everybody speaks of them. */

export const SESSION_STATES = [
  'blocked', // its agent waits for somebody; `needs` says for what
  'unknown', // the evidence is missing or disagrees; `detail` says how
  'dead', // its program ended by itself; it is about to be made again
  'foreign', // a tmux session of this name exists that is not ours
  'working',
  'starting', // the agent was started and has not confirmed its prompt yet
  'occupied', // a person uses the agent that was left in it
  'cooling', // no agent could be started in it; it rests
  'draining', // it takes no more work and is closed when it is done
  'idle',
  'absent', // not there; made when there is work for it
] as const;
export type SessionState = (typeof SESSION_STATES)[number];

export const BLOCKED_ON = [
  'permission', // a tool waits for an answer
  'question', // the agent has questions
  'login', // its account needs a person
  'limit', // its account has met a limit
  'dialog', // a dialog stands on its screen that only an attached person can answer
  'interrupted', // a person pressed Escape or refused a tool; the next word is theirs
] as const;
export type BlockedOn = (typeof BLOCKED_ON)[number];

/** What an agent asks: answered once, by whoever is first, for that one use of the tool. */
export interface SessionRequest {
  readonly id: string;
  readonly kind: 'permission' | 'question';
  readonly session: string;
  readonly task: TaskRef;
  readonly attempt: number;
  readonly tool: string;
  /** What the tool would do, clean and bounded. */
  readonly input: string;
  /** What it acts upon, exactly: its command, file or address. For rules only, since it is not clean; never shown. */
  readonly subject?: string;
  readonly questions?: readonly AgentQuestion[];
  readonly asked_at: number;
  /** Then it is denied. */
  readonly expires_at: number;
}

export interface AgentQuestion {
  readonly question: string;
  readonly options: readonly { readonly label: string; readonly description?: string }[];
  readonly multiple: boolean;
}

/** What was spent, as far as the agent itself has said. */
export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_read_tokens: number;
  readonly cache_write_tokens: number;
  readonly cost_usd?: number;
}

export interface SessionView {
  readonly name: string;
  /** `claude`, `codex` or `gemini`. */
  readonly agent: string;
  /** `headless`: a run without a terminal, there as long as its attempt is. */
  readonly kind: 'dedicated' | 'autonomous' | 'adopted' | 'unmanaged' | 'headless';
  /** False: somebody else's; it is shown and never written to. */
  readonly managed: boolean;
  readonly state: SessionState;
  readonly blocked_on?: BlockedOn;
  readonly detail?: string;
  /** On what the state rests, and since when that holds. */
  readonly evidence?: { readonly from: string; readonly at: number };
  readonly project?: ProjectId;
  readonly cwd?: string;
  readonly task?: {
    readonly ref: TaskRef;
    readonly title: string;
    readonly attempt: number;
    readonly since: number;
    readonly run_dir: string;
  };
  /** The agent's own id of the conversation. */
  readonly conversation?: string;
  readonly model?: string;
  readonly profile?: string;
  /** Of the model's window. */
  readonly context_tokens?: number;
  readonly usage?: Usage;
  readonly requests: readonly SessionRequest[];
  /** What a person should do, when somebody has to. */
  readonly next?: string;
  /** When it will be of use again: the end of a cooldown or a limit. */
  readonly until?: number;
  /** Clients of tmux that look at it. */
  readonly attached?: number;
}

export interface ProfileView {
  readonly agent: string;
  readonly name: string;
  readonly config_dir?: string;
  readonly state: 'in_use' | 'ready' | 'paused';
  readonly reason?: string;
  /** Absent for a pause that only a person ends. */
  readonly until?: number;
  /** Those that are not over, as its service told them last. */
  readonly windows?: readonly AccountWindow[];
}
