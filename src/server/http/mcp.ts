import {
  isInitializeRequest,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { INVALID_REQUEST } from '../../jsonrpc.ts';
import { type Changed, type Listening, mostOf } from '../../resources/audience.ts';
import { isToolset, type Toolset, unknownToolset } from '../../toolset.ts';
import type { Log } from '../log.ts';
import type { Flights } from './flights.ts';
import { Modern } from './modern.ts';
import { asksForStandalone, Replay } from './replay.ts';
import { REFUSED, SESSION_GONE, sendRpcError } from './rpc.ts';
import type { Exchange, Serve } from './served.ts';
import { type Session, type SessionLimits, Sessions } from './sessions.ts';
import { SseTransport } from './sse.ts';
import { goneSignal, sendWeb, webRequest } from './web.ts';

/** After a stream broke, clients of 2025-11-25 come back for the rest of it after this long. */
const RETRY_MS = 1_000;

/** MCP over HTTP, in the era that each request speaks. What comes here was admitted, and its body read. */
export class HttpMcp {
  readonly #modern: Modern;
  readonly #sessions: Sessions;
  readonly #flights: Flights;

  constructor(serve: Serve, limits: SessionLimits, flights: Flights, log: Log) {
    this.#modern = new Modern(serve, log);
    this.#sessions = new Sessions(serve, limits, log);
    this.#flights = flights;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** `POST /mcp` */
  async post(exchange: Exchange, body: unknown): Promise<void> {
    const { request, response, url, known } = exchange;
    const toolset = toolsetOf(exchange);
    if (toolset === undefined) return;
    const web = webRequest(request, url, goneSignal(response));
    const landed = methodOf(body) === 'subscriptions/listen' ? this.#modern.subscribed() : this.#flights.begin();
    try {
      if (await isLegacyRequest(web, body)) await this.#legacy(exchange, toolset, web, body);
      else await sendWeb(await this.#modern.answer(web, body, known, toolset), response);
    } finally {
      landed();
    }
  }

  /** `GET /mcp` and `DELETE /mcp`: within a session of the older revisions alone. */
  async stream(exchange: Exchange): Promise<void> {
    const { request, response, url } = exchange;
    const session = this.#sessionOf(exchange);
    if (session === undefined) return;
    if (request.method === 'GET' && session.way.kind === 'streamable') {
      // Who comes again lost the stream that it had, whether or not the loss was noticed here.
      if (asksForStandalone(request.headers['last-event-id'])) session.way.transport.closeStandaloneSSEStream();
    }
    await this.#within(session, exchange, webRequest(request, url, goneSignal(response)));
  }

  /** `GET /sse` */
  async openSse(exchange: Exchange): Promise<void> {
    const { response, known } = exchange;
    const toolset = toolsetOf(exchange);
    if (toolset === undefined) return;
    const session = await this.#sessions.open(known, toolset, (id) => ({
      kind: 'sse',
      transport: new SseTransport(id, response, this.#flights),
    }));
    if (session === undefined) return sendRpcError(response, 503, REFUSED, FULL);
    const idle = this.#sessions.use(session.id);
    response.once('close', () => {
      idle();
      this.#sessions.end(session.id, 'its connection was closed');
    });
  }

  /** `POST /messages?sessionId=…` */
  async postSse({ url, response, known }: Exchange, body: unknown): Promise<void> {
    const id = url.searchParams.get('sessionId') ?? '';
    const session = this.#sessions.find(id, known.caller);
    if (session?.way.kind !== 'sse') return this.#gone(response, id);
    if (!session.way.transport.deliver(body)) {
      return sendRpcError(response, 400, INVALID_REQUEST, 'This is not a JSON-RPC 2.0 message.');
    }
    response.writeHead(202).end('Accepted');
  }

  readonly changed: Changed = (...what) => {
    this.#modern.changed(...what);
    this.#sessions.changed(...what);
  };

  get listening(): Listening {
    return mostOf([this.#modern.listening, this.#sessions.listening]);
  }

  sweep(): void {
    this.#sessions.sweep();
  }

  /** Ends every stream; what is still under way is aborted. */
  async close(): Promise<void> {
    this.#sessions.close();
    await this.#modern.close();
  }

  async #legacy(exchange: Exchange, toolset: Toolset, web: Request, body: unknown): Promise<void> {
    if (isInitializeRequest(body) && exchange.request.headers['mcp-session-id'] === undefined) {
      return this.#initialize(exchange, toolset, web, body);
    }
    const session = this.#sessionOf(exchange);
    if (session !== undefined) await this.#within(session, exchange, web, body);
  }

  async #initialize({ response, known }: Exchange, toolset: Toolset, web: Request, body: unknown): Promise<void> {
    const session = await this.#sessions.open(known, toolset, (id) => ({
      kind: 'streamable',
      transport: new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => id,
        onsessionclosed: () => this.#sessions.end(id, 'its client ended it'),
        eventStore: new Replay(),
        retryInterval: RETRY_MS,
      }),
    }));
    if (session === undefined) return sendRpcError(response, 503, REFUSED, FULL);
    await this.#within(session, { response }, web, body);
    // A handshake that was refused leaves no session.
    if (session.way.transport.sessionId === undefined) this.#sessions.end(session.id, 'it was never opened');
  }

  async #within(
    { id, way }: Session,
    { response }: Pick<Exchange, 'response'>,
    web: Request,
    body?: unknown,
  ): Promise<void> {
    if (way.kind !== 'streamable') return this.#gone(response, id);
    const idle = this.#sessions.use(id);
    try {
      await sendWeb(await way.transport.handleRequest(web, { parsedBody: body }), response);
    } finally {
      idle();
    }
  }

  #sessionOf({ request, response, known }: Exchange): Session | undefined {
    const id = request.headers['mcp-session-id'];
    if (typeof id === 'string') {
      const session = this.#sessions.find(id, known.caller);
      if (session === undefined) this.#gone(response, id);
      return session;
    }
    if (request.method === 'POST') sendRpcError(response, 400, REFUSED, UNOPENED);
    else sendRpcError(response.setHeader('allow', 'POST'), 405, REFUSED, UNOPENED);
    return undefined;
  }

  #gone(response: Exchange['response'], id: string): void {
    const reason = this.#sessions.reason(id) ?? 'perhaps the runtime was started again';
    sendRpcError(response, 404, SESSION_GONE, `Session not found: ${reason}. Initialize again; no task was lost.`);
  }
}

const UNOPENED =
  'Mcp-Session-Id is missing. Open a session by POST of initialize to /mcp, or speak a revision without sessions.';
const FULL = 'All sessions are in use. Try again later, or raise http.max_sessions in the configuration.';

/** `?toolset=worker`; a session keeps the one that it was opened with. Undefined: answered already. */
function toolsetOf({ url, response }: Exchange): Toolset | undefined {
  const name = url.searchParams.get('toolset') ?? 'default';
  if (isToolset(name)) return name;
  sendRpcError(response, 400, REFUSED, unknownToolset(name));
  return undefined;
}

function methodOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'method' in body ? body.method : undefined;
}
