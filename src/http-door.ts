import type { HttpState, Runtime } from './assembly.ts';
import type { Home } from './home.ts';
import type { Changed, Listening } from './resources/audience.ts';
import { isRefusal } from './runtime/model/refusal.ts';
import type { Bearers } from './server/http/bearers.ts';
import type { Flights } from './server/http/flights.ts';
import type { HttpServer, HttpSettings } from './server/http/listen.ts';
import type { HttpMcp } from './server/http/mcp.ts';
import type { WebRoutes } from './server/http/routes.ts';
import type { Serve } from './server/http/served.ts';
import type { SessionLimits } from './server/http/sessions.ts';
import type { KnownAttempts } from './server/identify.ts';
import type { Log } from './server/log.ts';
import type { Listings, McpBackend } from './server/offer.ts';
import { ensureToken, rotateToken } from './token.ts';

export interface DoorParts {
  readonly home: Home;
  readonly log: Log;
  state(): string;
  listings(): Promise<Listings>;
  readonly backend: McpBackend;
  attempts(): Promise<KnownAttempts>;
  web(): Promise<WebRoutes | undefined>;
}

/** The runtime's HTTP side: opened when the configuration is known, and never the reason for which a runtime ends. */
export class HttpDoor {
  /** Settles when it is open or can't be. */
  readonly settled: Promise<HttpState>;
  readonly #parts: DoorParts;
  #settle: (state: HttpState) => void = () => {};
  #state: HttpState = { state: 'off' };
  #server: HttpServer | undefined;
  #bearers: Bearers | undefined;
  #closed = false;

  constructor(parts: DoorParts) {
    this.#parts = parts;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get state(): HttpState {
    return this.#state;
  }

  async open(settings: Runtime['http']): Promise<void> {
    const { log } = this.#parts;
    this.#state = settings?.enabled ? await this.#listen(settings).catch(failed) : { state: 'off' };
    if (this.#closed) await this.#server?.close(0);
    if (this.#state.state === 'on') log.info({ url: this.#state.url }, 'listening for HTTP');
    else if (this.#state.reason !== undefined) log.warn({ next: this.#state.hint }, `no HTTP: ${this.#state.reason}`);
    this.#settle(this.#state);
  }

  readonly changed: Changed = (...what) => this.#server?.changed(...what);

  get listening(): Listening {
    return this.#server?.listening ?? 'nothing';
  }

  /** A new token; what was opened with the old one ends. */
  rotate(): string {
    const token = rotateToken(this.#parts.home.token);
    this.#bearers?.replace(token);
    this.#server?.sweep();
    return token;
  }

  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#settle(this.#state);
    await this.#server?.close(graceMs);
  }

  async #listen(settings: HttpSettings & SessionConfig): Promise<HttpState> {
    const { home, log, attempts, state, web } = this.#parts;
    const [{ listenHttp }, { Bearers }] = await Promise.all([
      import('./server/http/listen.ts'),
      import('./server/http/bearers.ts'),
    ]);
    const bearers = new Bearers(ensureToken(home.token), attempts);
    const limits = { max: settings.max_sessions, idleMs: settings.session_idle };
    const server = await listenHttp(settings, {
      log,
      state,
      web,
      whose: async (bearer) => (bearer === undefined ? undefined : bearers.whose(bearer)),
      mcp: (flights) => this.#mcp(limits, flights),
    });
    if (isRefusal(server)) return { state: 'off', reason: server.message, hint: server.hint };
    this.#bearers = bearers;
    this.#server = server;
    return { state: 'on', url: server.url };
  }

  async #mcp(limits: SessionLimits, flights: Flights): Promise<HttpMcp> {
    const { listings, backend, log } = this.#parts;
    const [{ HttpMcp }, { Offer }, listed] = await Promise.all([
      import('./server/http/mcp.ts'),
      import('./server/offer.ts'),
      listings(),
    ]);
    const serve: Serve = (caller, era, toolset) =>
      new Offer(listed[toolset], backend, Promise.resolve(caller), era === 'legacy');
    return new HttpMcp(serve, limits, flights, log);
  }
}

interface SessionConfig {
  readonly max_sessions: number;
  readonly session_idle: number;
}

function failed(error: unknown): HttpState {
  const reason = error instanceof Error ? error.message : String(error);
  return { state: 'off', reason, hint: 'Everything but HTTP works. Put it right and start the runtime again.' };
}
