import { randomUUID } from 'node:crypto';
import type { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server';
import { type Changed, type Listening, mostOf } from '../../resources/audience.ts';
import type { Caller } from '../../runtime/yard.ts';
import type { Toolset } from '../../toolset.ts';
import type { Log } from '../log.ts';
import { type Known, samePrincipal } from './bearers.ts';
import type { Serve, Served } from './served.ts';
import type { SseTransport } from './sse.ts';

/*
 * Clients of the older revisions: what they subscribed to and what is under way for them lives here.
 * 1. A session is found only by the principal that opened it; for all others it is not there.
 * 2. At most `max`: the one that was idle for longest makes room. One with an open request or stream is not idle.
 * 3. It ends when it was idle for `idleMs`, when its token is no longer good, or when its client says so.
 */

export interface Session {
  readonly id: string;
  readonly known: Known;
  readonly served: Served;
  /** How its messages come. */
  readonly way:
    | { readonly kind: 'streamable'; readonly transport: WebStandardStreamableHTTPServerTransport }
    | { readonly kind: 'sse'; readonly transport: SseTransport };
}

export interface SessionLimits {
  readonly max: number;
  readonly idleMs: number;
}

interface Kept extends Session {
  open: number;
  used: number;
}

const MAX_REMEMBERED = 1_000;

export class Sessions {
  readonly #serve: Serve;
  readonly #limits: SessionLimits;
  readonly #log: Log;
  readonly #kept = new Map<string, Kept>(); // in the order of their last use
  readonly #ended = new Map<string, string>();

  constructor(serve: Serve, limits: SessionLimits, log: Log) {
    this.#serve = serve;
    this.#limits = limits;
    this.#log = log;
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Its id names its calls: the same request again changes nothing twice. Undefined where all clients are at work. */
  async open(known: Known, toolset: Toolset, wayTo: (id: string) => Session['way']): Promise<Session | undefined> {
    if (!this.#hasRoom()) return undefined;
    const id = randomUUID();
    const served = this.#serve({ ...known.caller, bridge: id }, 'legacy', toolset);
    const session = { id, known, served, way: wayTo(id), open: 0, used: performance.now() };
    this.#kept.set(id, session);
    await served.server.connect(session.way.transport);
    return session;
  }

  find(id: string, caller: Caller): Session | undefined {
    const session = this.#kept.get(id);
    return session && samePrincipal(session.known.caller, caller) ? session : undefined; // invariant 1
  }

  /** Why a session is not there any more, where that is known. */
  reason(id: string): string | undefined {
    return this.#ended.get(id);
  }

  /** Something is under way in it until the returned function is called. */
  use(id: string): () => void {
    this.#count(id, 1);
    return () => this.#count(id, -1);
  }

  readonly changed: Changed = (...what) => {
    for (const { served } of this.#kept.values()) served.changed(...what);
  };

  get listening(): Listening {
    return mostOf([...this.#kept.values()].map(({ served }) => served.listening));
  }

  /** Ends what is no longer good or not used any more. */
  sweep(): void {
    const now = performance.now();
    for (const { id, known, open, used } of [...this.#kept.values()]) {
      if (!known.valid())
        this.end(id, 'its token is no longer valid'); // invariant 3
      else if (open === 0 && now - used >= this.#limits.idleMs) this.end(id, 'it was not used for a while');
    }
  }

  end(id: string, reason: string): void {
    const session = this.#kept.get(id);
    if (session === undefined) return;
    this.#kept.delete(id);
    this.#remember(id, reason);
    this.#log.debug({ reason }, 'an MCP session over HTTP ended');
    session.served.server.close().catch((error) => this.#log.debug({ error: String(error) }, 'mcp over http'));
  }

  close(): void {
    for (const id of [...this.#kept.keys()]) this.end(id, 'the runtime stopped');
  }

  #hasRoom(): boolean {
    if (this.#kept.size < this.#limits.max) return true;
    const idle = [...this.#kept.values()].find(({ open }) => open === 0); // invariant 2
    if (idle !== undefined) this.end(idle.id, 'it was idle, and its place was needed (http.max_sessions)');
    return idle !== undefined;
  }

  #count(id: string, by: 1 | -1): void {
    const session = this.#kept.get(id);
    if (session === undefined) return;
    this.#kept.delete(id);
    this.#kept.set(id, session);
    session.open += by;
    session.used = performance.now();
  }

  #remember(id: string, reason: string): void {
    this.#ended.set(id, reason);
    const [oldest] = this.#ended.keys();
    if (this.#ended.size > MAX_REMEMBERED && oldest !== undefined) this.#ended.delete(oldest);
  }
}
