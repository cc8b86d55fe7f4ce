import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Yard } from '../runtime/yard.ts';
import { refuseBody, sendFailure, sendJson } from '../server/http/answer.ts';
import type { WebContext, WebRoutes } from '../server/http/routes.ts';
import type { Log } from '../server/log.ts';
import type { Tool } from '../tools/tool.ts';
import type { FeedLimits } from './events/feed.ts';
import { eventsRoute } from './events/route.ts';
import { type Matched, match } from './match.ts';
import { openapi } from './openapi.ts';
import { isProblem, type Problem } from './problem.ts';
import type { Answer, Route } from './route.ts';
import { statusRoutes } from './status-routes.ts';
import { toolRoutes } from './tool-routes.ts';

export interface WebBackend {
  /** Settles when the runtime has recovered; rejects when it could not start. */
  yard(): Promise<Yard>;
  readonly tools: readonly Tool[];
  readonly version: string;
  readonly log: Log;
  /** How much streams of events may take, where it is not the usual. */
  readonly feed?: FeedLimits;
}

/** The JSON API, the status addresses and the stream of events. */
export class Web implements WebRoutes {
  readonly #backend: WebBackend;
  readonly #routes: readonly Route[];

  constructor(backend: WebBackend) {
    this.#backend = backend;
    this.#routes = routesOf(backend);
  }

  async handle(request: IncomingMessage, response: ServerResponse, ctx: WebContext): Promise<boolean> {
    const matched = match(this.#routes, request.method ?? 'GET', ctx.url.pathname);
    switch (matched.kind) {
      case 'elsewhere':
        return false;
      case 'options':
        response.writeHead(204, { allow: matched.allow, 'content-length': 0 }).end();
        return true;
      case 'problem':
        sendProblem(response, matched.problem);
        return true;
      case 'route': {
        const answer = await this.#answer(matched, { request, response, ...ctx });
        if (answer !== undefined) send(response, answer);
        return true;
      }
    }
  }

  async #answer(
    { route, path }: Extract<Matched, { kind: 'route' }>,
    asked: WebContext & { request: IncomingMessage; response: ServerResponse },
  ): Promise<Answer | Problem | undefined> {
    const gone = new AbortController();
    const left = () => gone.abort();
    asked.response.once('close', left);
    try {
      const yard = await this.#backend.yard();
      return await route.answer({ ...asked, path, yard, signal: AbortSignal.any([gone.signal, asked.stopping]) });
    } catch (error) {
      if (gone.signal.aborted) return undefined;
      const what = `${route.method} ${route.path}`;
      this.#backend.log.error({ route: what, error: stackOf(error) }, 'a request failed');
      return failed(what, error);
    }
  }
}

/** Every address that is answered here; README's table is made from it too. */
export function routesOf({ tools, version, feed }: Pick<WebBackend, 'tools' | 'version' | 'feed'>): Route[] {
  const described = [...toolRoutes(tools), eventsRoute(feed), ...statusRoutes];
  return [...described, descriptionRoute(described, version)];
}

function descriptionRoute(routes: readonly Route[], version: string): Route {
  const described = { summary: 'All of this, as OpenAPI', responses: { 200: { description: 'OK' } } };
  const value = openapi(routes, version);
  return { method: 'GET', path: '/api/v1/openapi.json', described, answer: async () => ({ status: 200, value }) };
}

function send(response: ServerResponse, answer: Answer | Problem): void {
  if (response.headersSent || response.destroyed) return;
  if (isProblem(answer)) sendProblem(response, answer);
  else sendJson(response, answer.status, answer.value, answer.headers);
}

function sendProblem(response: ServerResponse, problem: Problem): void {
  if (problem.unread) refuseBody(response.req, response, problem.status, problem);
  else sendFailure(response, problem.status, problem, problem.headers);
}

/** What was durable stays; with the same Idempotency-Key the same request can be sent again without fear. */
function failed(what: string, error: unknown): Problem {
  return {
    status: 503,
    code: 'unavailable',
    message: `${what} failed: ${(error as Error).message}`,
    hint: 'see the runtime’s log (logs/runtime.log in its home); a request with an Idempotency-Key can be sent again as it is',
    headers: { 'retry-after': '5' },
  };
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
