import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Changed, Listening } from '../../resources/audience.ts';
import { type Refusal, refuse } from '../../runtime/model/refusal.ts';
import type { Log } from '../log.ts';
import type { Known } from './bearers.ts';
import { Connections } from './connections.ts';
import { Flights } from './flights.ts';
import { Front } from './front.ts';
import type { HttpMcp } from './mcp.ts';
import { bracketed, isLoopback, namesOf } from './names.ts';
import type { WebRoutes } from './routes.ts';

export interface HttpSettings {
  readonly host: string;
  readonly port: number;
  readonly allow_remote: boolean;
  readonly hosts: readonly string[];
  readonly max_body_bytes: number;
  readonly max_connections: number;
}

export interface HttpParts {
  readonly log: Log;
  state(): string;
  whose(bearer: string | undefined): Promise<Known | undefined>;
  /** Loaded with the first request to it. */
  mcp(flights: Flights): Promise<HttpMcp>;
  web(): Promise<WebRoutes | undefined>;
}

export interface HttpServer {
  /** `http://127.0.0.1:7431` */
  readonly url: string;
  /** What changed, for whoever listens. */
  readonly changed: Changed;
  /** What anybody here listens for. */
  readonly listening: Listening;
  /** Ends what is open for tokens that are no longer valid, and sessions that nobody uses. */
  sweep(): void;
  /** Nothing new is taken; what is open gets `graceMs` for its answer; then every connection ends. */
  close(graceMs: number): Promise<void>;
}

/** How long a sender may take: a connection without a head, or a body that trickles in, ends. */
export interface Patience {
  readonly headMs: number;
  readonly requestMs: number;
  readonly checkMs: number;
}
const PATIENCE: Patience = { headMs: 10_000, requestMs: 30_000, checkMs: 1_000 };

const KEEP_ALIVE_MS = 30_000;
/** Without a byte in either direction; streams have a heartbeat. */
const SILENT_MS = 300_000;
const SWEEP_MS = 10_000;
/** For what was said last, when all ends. */
const HANG_UP_MS = 500;
const MAX_HEADERS = 100;
const MAX_HEAD_BYTES = 16 * 1024;

/** Listens where the configuration says, or says why that can't be. */
export async function listenHttp(
  settings: HttpSettings,
  parts: HttpParts,
  { headMs, requestMs, checkMs } = PATIENCE,
): Promise<HttpServer | Refusal> {
  const { host, allow_remote } = settings;
  if (!allow_remote && !isLoopback(host)) return notLoopback(host);
  const server = createServer({
    connectionsCheckingInterval: checkMs,
    headersTimeout: headMs,
    requestTimeout: requestMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEAD_BYTES,
  });
  server.timeout = SILENT_MS;
  server.maxHeadersCount = MAX_HEADERS;
  const problem = await bind(server, settings);
  if (problem !== undefined) return problem;
  return new OpenServer(server, settings, parts);
}

class OpenServer implements HttpServer {
  readonly url: string;
  readonly #server: Server;
  readonly #connections: Connections;
  readonly #flights = new Flights();
  readonly #responses = new Flights();
  readonly #stopping = new AbortController();
  readonly #open = new Map<ServerResponse, Known>();
  readonly #sweeping: NodeJS.Timeout;
  #mcp: Promise<HttpMcp> | undefined;
  #loaded: HttpMcp | undefined; // what `#mcp` came to

  constructor(server: Server, settings: HttpSettings, parts: HttpParts) {
    const { port } = server.address() as AddressInfo;
    this.url = `http://${bracketed(settings.host)}:${port}`;
    this.#server = server;
    this.#connections = new Connections(settings.max_connections);
    const front = new Front({
      names: namesOf(settings.host, port, settings.hosts),
      maxBody: settings.max_body_bytes,
      log: parts.log,
      flights: this.#flights,
      stopping: this.#stopping.signal,
      state: parts.state,
      whose: parts.whose,
      mcp: () => this.#load(parts),
      web: parts.web,
      admitted: (response, known) => this.#admitted(response, known),
    });
    server.on('connection', (socket) => this.#connections.add(socket));
    for (const event of ['request', 'checkContinue'] as const) {
      server.on(event, (request, response) => void front.handle(request, response));
    }
    this.#sweeping = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  readonly changed: Changed = (...what) => this.#loaded?.changed(...what);

  get listening(): Listening {
    return this.#loaded?.listening ?? 'nothing';
  }

  sweep(): void {
    this.#loaded?.sweep();
    for (const [response, known] of this.#open) if (!known.valid()) response.destroy();
  }

  async close(graceMs: number): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    clearInterval(this.#sweeping);
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await this.#flights.settled(graceMs);
    await (await this.#mcp?.catch(() => undefined))?.close();
    this.#connections.destroy(false);
    await this.#responses.settled(HANG_UP_MS);
    this.#connections.destroy(true);
    await closed;
  }

  #load(parts: HttpParts): Promise<HttpMcp> {
    this.#mcp ??= parts.mcp(this.#flights).then(
      (mcp) => {
        this.#loaded = mcp;
        return mcp;
      },
      (error) => {
        this.#mcp = undefined; // the next request tries again
        throw error;
      },
    );
    return this.#mcp;
  }

  #admitted(response: ServerResponse, known: Known): void {
    const idle = response.socket === null ? () => {} : this.#connections.use(response.socket);
    const ended = this.#responses.begin();
    this.#open.set(response, known);
    response.once('close', () => {
      this.#open.delete(response);
      idle();
      ended();
    });
  }
}

function bind(server: Server, { host, port }: HttpSettings): Promise<Refusal | undefined> {
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(notBound(host, port, error)));
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve(undefined);
    });
  });
}

function notLoopback(host: string): Refusal {
  return refuse(
    'not_allowed',
    `http.host ${host} can be reached from other machines, so nothing listens there.`,
    'Set http.allow_remote: true if that is wanted (read SECURITY.md first), or http.host: 127.0.0.1.',
  );
}

function notBound(host: string, port: number, error: NodeJS.ErrnoException): Refusal {
  const where = `${bracketed(host)}:${port}`;
  const taken = error.code === 'EADDRINUSE';
  return refuse(
    'unavailable',
    taken ? `${where} is taken, perhaps by the runtime of another home.` : `${where} can't be used: ${error.message}.`,
    'Everything but HTTP works. Set another http.port (0 = any free one), or http.enabled: false, and start again.',
  );
}
