import type { Socket } from 'node:net';
import type { HttpState } from '../assembly.ts';

/** What the program gives the command line: the one background runtime of this home. */
export interface RuntimeControl {
  readonly version: string;
  readonly home: string;
  /** The runtime's Unix socket, to name it to people. */
  readonly socket: string;
  /**
   * A connected socket. With `start` a runtime is started in the background where none runs; without, undefined says
   * that none does. Rejects with what stands in the way. `env`: beside our own, for a runtime that is started.
   */
  connect(options: { start: boolean; env?: Readonly<Record<string, string>> }): Promise<Socket | undefined>;
  /** The program's own file, as Node runs it. */
  readonly file: string;
  /** Runs the runtime in the foreground until it is told to stop; the exit code. Calls `listening` once it can be reached; `set` are values of the configuration. */
  serve(listening: (http?: HttpState) => void, set?: readonly string[]): Promise<number>;
  /** Carries an MCP client's bytes between stdin, stdout and the runtime until stdin ends. */
  mcp(options: McpOptions): Promise<number>;
}

export interface McpOptions {
  readonly embedded: boolean;
  readonly toolset?: string;
}

/** Everything else that a command touches; a test brings its own. */
export interface Surroundings {
  out(text: string): void;
  /** Settles when what was put out is taken, or nobody is there to take it. */
  drained(): Promise<void>;
  err(text: string): void;
  stdin(): Promise<string>;
  now(): number;
  /** Asks the person at the terminal; absent where there is none. */
  ask?(question: string): Promise<string>;
  /** Gives the terminal to a program until it ends; its exit code. */
  handOver(argv: readonly string[]): Promise<number>;
  /** What a program prints; undefined where it can't be run, fails, or takes too long. */
  capture(argv: readonly string[]): Promise<string | undefined>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userHome: string;
  readonly cwd: string;
  readonly colours: boolean;
  /** Columns to fit into; undefined where the output is not a terminal. */
  readonly width: number | undefined;
  /** Ends what would go on: `events -f`, `logs -f`, `wait`. */
  readonly signal: AbortSignal;
}
