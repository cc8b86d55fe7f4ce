import type { AccountWindow } from '../model/profile.ts';
import type { Refusal } from '../model/refusal.ts';
import type { AgentQuestion, Usage } from '../model/session.ts';
import type { ModelTokens } from '../model/usage.ts';
import type { Files, RunEnd } from '../ports.ts';
import type { AgentFailure, Answer, Report, StartOrder } from './agent.ts';

/*
 * What headless runs need to know about one agent program: how it is started without a terminal, and what the lines that
 * it prints mean. Everything that changes with a release of the program is behind this.
 *
 * A run directory of a headless attempt:
 *
 *   prompt.md  headless.json  settings.json …   written before the start
 *   owner  agent  exit                          its supervisor's
 *   stdout  stderr                              the stream of its events, a line of JSON each; what it complains about
 *   input                                       a pipe, for agents that hear more than their prompt (`input: 'stream'`)
 *   hooks/  answers/                            as in sessions: requests that wait for an answer
 */

export interface HeadlessOrder extends Omit<StartOrder, 'reporter' | 'wait_seconds'> {
  /** For agents that ask before they use a tool: the reporter of this home, and how long it may wait. */
  readonly asks?: { readonly reporter: string; readonly wait_seconds: number };
  readonly budget_usd?: number;
  readonly max_turns?: number;
  readonly result_schema?: Readonly<Record<string, unknown>>;
}

export interface HeadlessStart {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** To be written into the run directory first, readable for the user alone. */
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** `prompt`: what is to be read from standard input, once. `stream`: the first message, then more of them. */
  readonly input: { readonly kind: 'none' } | { readonly kind: 'once' | 'stream'; readonly text: string };
}

/** One thing that a run shows, as people read it. */
export interface Progress {
  readonly by: 'agent' | 'tool' | 'user' | 'system';
  readonly text: string;
}

/** What the lines so far say. */
export interface RunState {
  /** The agent's own id of the conversation, once it has said so. */
  readonly conversation?: string;
  readonly model?: string;
  /** It has an answer to all that it was told: with nothing more to hear it ends. */
  readonly idle: boolean;
  readonly answer?: { readonly text: string; readonly structured?: unknown };
  /** How it ended by its own words, where that is no success. */
  readonly failure?: AgentFailure;
  /** Tools that it wanted and was refused. */
  readonly denials: readonly { readonly tool: string; readonly input: string }[];
  readonly usage?: Usage;
  readonly turns?: number;
  /** Tokens that `usage` does not hold yet: of a turn that is not over. */
  readonly underway?: readonly ModelTokens[];
  /** Of its account, as its service told them last. */
  readonly windows?: readonly AccountWindow[];
  /** Ends of turns that were told. */
  readonly results: number;
  /** `usage` counts what earlier runs have spent in this conversation, too. */
  readonly usage_of_conversation?: boolean;
}

/** Reads the stream: whole lines in order, whatever they are. What it does not know it passes over. */
export interface StreamReader {
  /** Undefined where there is nothing to show. */
  take(line: string): readonly Progress[];
  readonly now: RunState;
}

export interface HeadlessAgent {
  readonly program: 'claude' | 'codex' | 'gemini';
  /** What a task may ask for that a headless run of this agent keeps, beside what is kept everywhere here (policy/abilities.ts). */
  readonly keeps: readonly string[];
  compose(order: HeadlessOrder): HeadlessStart;
  /** Why it is not to be started in this folder: a person has said no in the agent's own configuration. Writes nothing. */
  refuses?(
    files: Files,
    where: { readonly config_dir?: string; readonly home: string; readonly cwd: string },
  ): Promise<Refusal | undefined>;
  reader(): StreamReader;
  /**
   * What a conversation has taken since then, and how full its account's windows are, where that stands in the
   * conversation's own file and not in the stream. Undefined while there is no such file.
   */
  spent?(
    files: Files,
    where: {
      readonly config_dir?: string;
      readonly home: string;
      readonly conversation: string;
      readonly since: number;
    },
  ): Promise<{ readonly spent: readonly ModelTokens[]; readonly windows?: readonly AccountWindow[] } | undefined>;
  /**
   * What came of a run, in this order: what its stream says, what it complained about, its exit code. A success without an
   * answer is none; an end by a signal is none, whatever its code says.
   */
  judge(run: {
    readonly state: RunState;
    readonly end: RunEnd;
    /** The end of it, clean. */
    readonly stderr: string;
    readonly wants_structured: boolean;
    readonly now: number;
  }):
    | {
        readonly kind: 'done';
        /** Refused tools that its stream does not tell of, beside those of the state. */
        readonly denials?: RunState['denials'];
      }
    | { readonly kind: 'failed'; readonly failure: AgentFailure };
  /** One more message for a run with `input: 'stream'`, as it stands on its input. */
  message?(text: string): string;
  /** Asks a run with `input: 'stream'` to stop what it does now. */
  interrupt?(id: string): string;
  /** What a hook reports that waits for an answer; undefined for anything else. */
  request?(
    report: Report,
  ): { readonly tool: string; readonly input: unknown; readonly questions?: readonly AgentQuestion[] } | undefined;
  answer?(report: Report, answer: Answer): string;
}
