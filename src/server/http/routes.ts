import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from '../../runtime/yard.ts';

/**
 * Whoever answers paths beside `/mcp`. It is asked after Host, Origin, token and size were checked, and before the
 * body is read: see `readBody`.
 */
export interface WebRoutes {
  /** False: not one of its paths, and nothing was written; the front answers 404. */
  handle(request: IncomingMessage, response: ServerResponse, ctx: { caller: Caller; url: URL }): Promise<boolean>;
}
