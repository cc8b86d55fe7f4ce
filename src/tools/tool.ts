import type { z } from 'zod';
import type { Config } from '../runtime/model/config.ts';
import type { Refusal } from '../runtime/model/refusal.ts';
import type { Caller, Yard } from '../runtime/yard.ts';

/** How far a call that waits has come. */
export interface Progress {
  /** Grows with each word. */
  readonly progress: number;
  readonly total?: number;
  readonly message: string;
}

export interface ToolContext {
  readonly yard: Yard;
  readonly caller: Caller;
  /** Names the request across reconnects (`<bridge>:<request id>`): the same call again changes nothing twice. */
  readonly call?: string;
  readonly signal: AbortSignal;
  /** Only where the client asked to hear of it; never called after the answer. */
  readonly progress?: (progress: Progress) => void;
}

/** All four are said for every tool: a missing hint means the worst to a client. */
export interface ToolHints {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** A tool is data plus one function. MCP, the command line and the JSON API all run this. */
export interface Tool<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  /** What it is for, when to use it, and examples; under 2 KB. */
  readonly description: string;
  readonly input: I;
  readonly output: O;
  readonly hints: ToolHints;
  readonly meta?: Readonly<Record<string, unknown>>;
  /** Instead of `meta`, where the user's configuration has a say; until it is known, `meta` counts. */
  readonly metaFor?: (config: Config) => Readonly<Record<string, unknown>>;
  handle(ctx: ToolContext, args: z.output<I>): Promise<z.input<O> | Refusal>;
}

/** Keeps the types of one tool's input and output while the list holds them as `Tool`. */
export function defineTool<I extends z.ZodObject, O extends z.ZodObject>(tool: Tool<I, O>): Tool {
  return tool as unknown as Tool;
}
