import { Connection, type ToolAnswer } from './connection.ts';
import { EXIT, type ExitCode, Failure, unreachable } from './failure.ts';
import { type Paint, painter } from './paint.ts';
import { safeText } from './safe-text.ts';
import type { RuntimeControl, Surroundings } from './surroundings.ts';

export type Structured = Readonly<Record<string, unknown>>;
/** What a person sees of a tool's answer. */
export type View<T> = (answer: T, look: Look) => string;

/** How to show something: colours, the width, and what time it is. */
export interface Look {
  readonly paint: Paint;
  readonly width: number | undefined;
  readonly now: number;
}

/** One run of the command line: what commands share. */
export class Cli {
  readonly around: Surroundings;
  readonly runtime: RuntimeControl;
  exit: ExitCode = EXIT.ok;
  #connection: Connection | undefined;

  constructor(around: Surroundings, runtime: RuntimeControl) {
    this.around = around;
    this.runtime = runtime;
  }

  look(): Look {
    const { colours, width } = this.around;
    return { paint: painter(colours), width, now: this.around.now() };
  }

  /** The one connection of this run; starts the runtime unless the command only looks. */
  connection(options: { start: boolean } = { start: true }): Connection {
    const { version } = this.runtime;
    const { YARDMASTER_ATTEMPT_TOKEN: token, CLAUDE_CODE_SESSION_ID: claude_session } = this.around.env;
    this.#connection ??= new Connection({
      connect: () => this.runtime.connect(options),
      version,
      ...(token ? { token } : {}),
      ...(claude_session ? { claude_session } : {}),
      person: !OF_AGENTS.some((name) => this.around.env[name]),
    });
    return this.#connection;
  }

  /** Calls a tool; a refusal ends the command. With `--json` the answer goes out as it came, refused or not. */
  async call<T = Structured>(tool: string, args: Structured, options: { json?: boolean } = {}): Promise<T> {
    const answer = await this.connection().tool(tool, args);
    if (answer.refused) throw this.#refusal(answer, options.json === true);
    if (answer.structured === undefined)
      throw unreachable(`the runtime answered ${tool} without structured content`, 'Is it the same version?');
    return answer.structured as T;
  }

  /** Calls a tool and shows its answer. */
  async show<T>(tool: string, args: Structured, options: { json?: boolean }, view: View<T>): Promise<T> {
    const answer = await this.call<T>(tool, args, options);
    this.print(answer, options, view);
    return answer;
  }

  print<T>(answer: T, options: { json?: boolean }, view: View<T>): void {
    if (options.json) this.json(answer);
    else this.say(view(answer, this.look()));
  }

  json(value: unknown): void {
    this.around.out(`${JSON.stringify(value)}\n`);
  }

  /** What the view made is already safe text with our own colours in it. */
  say(text: string): void {
    this.around.out(text === '' || text.endsWith('\n') ? text : `${text}\n`);
  }

  note(text: string): void {
    this.around.err(`yardmaster: ${safeText(text)}\n`);
  }

  close(): void {
    this.#connection?.close();
  }

  #refusal({ structured, text }: ToolAnswer, json: boolean): Failure {
    const refusal = structured ?? refusalIn(text);
    if (json && refusal) this.json(refusal);
    const { message, hint } = (refusal ?? {}) as { message?: unknown; hint?: unknown };
    if (typeof message !== 'string') return new Failure(EXIT.refused, text || 'the runtime refused without a reason');
    return new Failure(EXIT.refused, message, typeof hint === 'string' ? hint : undefined);
  }
}

/** What the shells of agents have in their environment: what is typed there, no person has typed. */
const OF_AGENTS = ['CLAUDECODE', 'CLAUDE_CODE_SESSION_ID', 'GEMINI_CLI', 'CODEX_THREAD_ID', 'CODEX_SANDBOX'];

/** A refused tool call carries its reason as JSON in the text, where every client shows it. */
function refusalIn(text: string): Structured | undefined {
  try {
    const refusal: unknown = JSON.parse(text);
    return typeof refusal === 'object' && refusal !== null ? (refusal as Structured) : undefined;
  } catch {
    return undefined;
  }
}
