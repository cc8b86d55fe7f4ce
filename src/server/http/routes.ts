import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../../runtime/yard.ts';

/**
 * Whoever answers paths beside `/mcp`. It is asked after Host, Origin, token and size were checked, and before the
 * body is read: see `readBody`.
 */
export interface WebRoutes {
  /** False: not one of its paths, and nothing was written; the front answers 404. */
  handle(request: IncomingMessage, response: ServerResponse, ctx: WebContext): Promise<boolean>;
}

export interface WebContext {
  readonly caller: Caller;
  readonly url: URL;
  /** Aborts when the runtime stops: what is answered soon may still be, streams end now. */
  readonly stopping: AbortSignal;
}
