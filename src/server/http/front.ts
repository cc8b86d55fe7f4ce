import type { IncomingMessage, ServerResponse } from 'node:http';
import { PARSE_ERROR } from '../../jsonrpc.ts';
import type { Log } from '../log.ts';
import { type Failure, refuseBody, sendFailure, sendJson } from './answer.ts';
import type { Known } from './bearers.ts';
import { readBody } from './body.ts';
import {
  BAD_TARGET,
  BROKEN,
  ENCODED,
  FOREIGN_HOST,
  FOREIGN_ORIGIN,
  NO_TOKEN,
  NOT_JSON,
  nothingAt,
  STOPPING,
  tooLarge,
  wrongMethod,
} from './failures.ts';
import type { Flights } from './flights.ts';
import type { HttpMcp } from './mcp.ts';
import type { Names } from './names.ts';
import { bearerOf, challenge, expectsContinue, hasBody, isEncoded, isJson, urlOf } from './request.ts';
import type { WebRoutes } from './routes.ts';
import { sendRpcError } from './rpc.ts';
import type { Exchange } from './served.ts';

/*
 * The order in which a request is looked at, before a byte of its body is read.
 * 1. Host, then Origin: a page of the web that points its own name at this machine gets nothing, whatever it knows.
 * 2. The token. `/healthz` alone needs none, and says no more than that somebody lives here.
 * 3. Size and encoding as announced, path, method, type.
 */

export interface FrontParts {
  readonly names: Names;
  readonly maxBody: number;
  readonly flights: Flights;
  readonly log: Log;
  readonly stopping: AbortSignal;
  state(): string;
  /** Who shows this; undefined for nobody we know. */
  whose(bearer: string | undefined): Promise<Known | undefined>;
  mcp(): Promise<HttpMcp>;
  web(): Promise<WebRoutes | undefined>;
  /** An admitted request is open until its response closes. */
  admitted(response: ServerResponse, known: Known): void;
}

export class Front {
  readonly #parts: FrontParts;

  constructor(parts: FrontParts) {
    this.#parts = parts;
  }

  /** Answers every request, whatever happens. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#take(request, response);
    } catch (error) {
      this.#parts.log.error(
        { path: request.url?.split('?')[0], error: stackOf(error) },
        'a request could not be served',
      );
      if (!response.headersSent) sendFailure(response, 500, BROKEN);
      else response.destroy();
    }
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { names, stopping, state, whose } = this.#parts;
    const refuse = (status: number, failure: Failure, header?: [string, string]): void => {
      if (header) response.setHeader(...header);
      if (hasBody(request)) refuseBody(request, response, status, failure);
      else sendFailure(response, status, failure);
    };
    if (!names.isHost(request.headers)) return refuse(403, FOREIGN_HOST); // 1
    if (!names.isOrigin(request.headers)) return refuse(403, FOREIGN_ORIGIN);
    const url = urlOf(request);
    if (url === undefined) return refuse(400, BAD_TARGET);
    if (stopping.aborted) return refuse(503, STOPPING, ['retry-after', '1']);
    if (url.pathname === '/healthz') return this.#health(request, response, state(), refuse);
    const bearer = bearerOf(request);
    const known = await whose(bearer); // 2
    if (known === undefined) return refuse(401, NO_TOKEN, ['www-authenticate', challenge(bearer)]);
    if (response.destroyed) return;
    this.#parts.admitted(response, known);
    if (Number(request.headers['content-length'] ?? 0) > this.#parts.maxBody)
      return refuse(413, tooLarge(this.#parts.maxBody)); // 3
    if (isEncoded(request)) return refuse(415, ENCODED);
    await this.#route({ request, response, url, known }, refuse);
  }

  async #route(exchange: Exchange, refuse: Refuse): Promise<void> {
    const { request, url } = exchange;
    const path = PATHS[url.pathname];
    if (path === undefined) return this.#elsewhere(exchange, refuse);
    const serve = path[request.method ?? ''];
    if (serve === undefined) {
      const allowed = Object.keys(path).join(', ');
      return refuse(405, wrongMethod(request.method, url.pathname, allowed), ['allow', allowed]);
    }
    const body = request.method === 'POST' ? await this.#json(exchange, refuse) : { value: undefined };
    if (body !== undefined) await serve(await this.#parts.mcp(), exchange, body.value);
  }

  async #elsewhere({ request, response, url, known }: Exchange, refuse: Refuse): Promise<void> {
    const { flights, stopping } = this.#parts;
    const landed = flights.begin();
    try {
      const web = await this.#parts.web();
      if (web !== undefined && expectsContinue(request)) response.writeContinue();
      const found = await web?.handle(request, response, { caller: known.caller, url, stopping });
      if (!found) refuse(404, nothingAt(url.pathname));
    } finally {
      landed();
    }
  }

  /** Undefined: answered already. */
  async #json({ request, response }: Exchange, refuse: Refuse): Promise<{ value: unknown } | undefined> {
    if (!isJson(request)) return void refuse(415, NOT_JSON);
    if (expectsContinue(request)) response.writeContinue();
    const body = await readBody(request, this.#parts.maxBody);
    switch (body.kind) {
      case 'gone':
        return undefined;
      case 'too_large':
        return void refuse(413, tooLarge(this.#parts.maxBody));
      case 'whole':
        try {
          return { value: JSON.parse(body.bytes.toString('utf8')) as unknown };
        } catch {
          return void sendRpcError(response, 400, PARSE_ERROR, 'Parse error: the body is not JSON.');
        }
    }
  }

  #health(request: IncomingMessage, response: ServerResponse, state: string, refuse: Refuse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(405, wrongMethod(request.method, '/healthz', 'GET, HEAD'), ['allow', 'GET, HEAD']);
      return;
    }
    const ready = state === 'ready';
    sendJson(response, ready ? 200 : 503, { status: ready ? 'ok' : 'recovering' }, ready ? {} : { 'retry-after': '1' });
  }
}

type Refuse = (status: number, failure: Failure, header?: [string, string]) => void;
type Serving = (mcp: HttpMcp, exchange: Exchange, body: unknown) => Promise<void>;

const PATHS: Readonly<Record<string, Readonly<Record<string, Serving>>>> = {
  '/mcp': {
    GET: (mcp, exchange) => mcp.stream(exchange),
    POST: (mcp, exchange, body) => mcp.post(exchange, body),
    DELETE: (mcp, exchange) => mcp.stream(exchange),
  },
  '/sse': { GET: (mcp, exchange) => mcp.openSse(exchange) },
  '/messages': { POST: (mcp, exchange, body) => mcp.postSse(exchange, body) },
};

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
