import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller, Yard } from '../runtime/yard.ts';
import type { Problem } from './problem.ts';

export type Method = 'GET' | 'POST';

/** One request, with what its path said. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly caller: Caller;
  readonly url: URL;
  /** What stands in the place of each `{name}` of the path. */
  readonly path: Readonly<Record<string, string>>;
  readonly yard: Yard;
  /** The client has gone away, or the runtime stops: there is no use in waiting. */
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly value: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A row of the table: where it is, what the description says of it, and what answers. */
export interface Route {
  readonly method: Method;
  /** `/api/v1/tasks/{project}/{id}` */
  readonly path: string;
  /** The part of an OpenAPI operation that is its own. */
  readonly described: Readonly<Record<string, unknown>>;
  /** Undefined: it has answered by itself (a stream). */
  answer(asked: Asked): Promise<Answer | Problem | undefined>;
}
