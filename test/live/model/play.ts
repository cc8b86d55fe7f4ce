import type { Json } from './script.ts';

/* What a scripted model says in one conversation, turn by turn, and how its service fails. */

export type Play = readonly Scene[];

/** One answer; or what decides on it, which may do something to the world first. */
export type Scene = Turn | ((asked: PlayAsked) => Turn | Promise<Turn>);

export type Turn = Spoken | Used | Failed;

interface Timed {
  /** Before its first byte. */
  readonly wait?: number | Promise<unknown>;
}

export interface Spoken extends Timed {
  readonly say: string;
  /** Between its words. */
  readonly pace?: number;
  readonly stop?: 'end_turn' | 'max_tokens' | 'refusal';
  readonly usage?: { readonly input: number; readonly output: number };
}

export interface Used extends Timed {
  readonly say?: string;
  readonly pace?: number;
  /** All at once. */
  readonly uses: readonly Use[];
}

export interface Failed extends Timed {
  readonly fails: Failure;
}

export interface Use {
  readonly name: string;
  readonly input: Json;
}

export type Failure =
  | { readonly status: number; readonly message: string; readonly headers?: Readonly<Record<string, string>> }
  /** The connection ends in the middle of a word. */
  | 'dropped';

export interface PlayAsked {
  /** As the agent names its conversation. */
  readonly conversation: string;
  /** How often this very turn was asked for, with this one. */
  readonly time: number;
  /** What tools answered since the play began, as the model reads it. */
  readonly answers: readonly { readonly text: string; readonly isError: boolean }[];
}

export const bash = (command: string, more: Json = {}): Use => ({
  name: 'Bash',
  input: { command, description: 'A step of the work', ...more },
});
export const inBackground = (command: string): Use => bash(command, { run_in_background: true });
export const write = (file_path: string, content: string): Use => ({ name: 'Write', input: { file_path, content } });
export const ask = (...questions: readonly Json[]): Use => ({ name: 'AskUserQuestion', input: { questions } });

export const question = (text: string, options: readonly string[], multiSelect = false): Json => ({
  question: text,
  header: 'Choice',
  multiSelect,
  options: options.map((label) => ({ label, description: `Take ${label}` })),
});

/** As the real service says it. */
export const FAILURES = {
  rateLimit: { status: 429, message: 'This request would exceed your rate limit.' },
  overloaded: { status: 529, message: 'Overloaded' },
  server: { status: 500, message: 'Internal server error' },
  badKey: { status: 401, message: 'invalid x-api-key' },
  credit: { status: 402, message: 'Your credit balance is too low to access the Anthropic API.' },
  tooLong: { status: 400, message: 'prompt is too long: 250000 tokens > 200000 maximum' },
  noModel: { status: 404, message: 'model: claude-nobody' },
  tooLarge: { status: 413, message: 'Request exceeds the maximum size' },
  dropped: 'dropped',
} as const satisfies Record<string, Failure>;

/** The limit of a subscription, which ends at a time. */
export function subscriptionLimit(claim: 'five_hour' | 'seven_day', resetAt: number): Failure {
  const reset = String(Math.ceil(resetAt / 1_000));
  const window = claim === 'five_hour' ? '5h' : '7d';
  const prefix = 'anthropic-ratelimit-unified';
  return {
    status: 429,
    message: "This request would exceed your account's rate limit. Please try again later.",
    headers: {
      'retry-after': String(Math.max(1, Math.ceil((resetAt - Date.now()) / 1_000))),
      'x-should-retry': 'false',
      [`${prefix}-status`]: 'rejected',
      [`${prefix}-representative-claim`]: claim,
      [`${prefix}-reset`]: reset,
      [`${prefix}-${window}-status`]: 'rejected',
      [`${prefix}-${window}-reset`]: reset,
      [`${prefix}-${window}-utilization`]: '1',
      [`${prefix}-overage-status`]: 'rejected',
      [`${prefix}-overage-disabled-reason`]: 'org_level_disabled',
    },
  };
}
