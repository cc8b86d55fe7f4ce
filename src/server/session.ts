import type { Readable, Writable } from 'node:stream';
import {
  CLOSING,
  errorLine,
  HELLO,
  type Id,
  INVALID_REQUEST,
  idKey,
  isId,
  METHOD_NOT_FOUND,
  type Message,
  NOT_ALLOWED,
  UNAVAILABLE,
} from '../jsonrpc.ts';
import type { Changed, Listening } from '../resources/audience.ts';
import { isRefusal, type Refusal } from '../runtime/model/refusal.ts';
import type { Caller } from '../runtime/yard.ts';
import { isToolset, type Toolset, unknownToolset } from '../toolset.ts';
import type { Log } from './log.ts';
import type { McpConnection, McpHost, Resumes } from './mcp.ts';
import { Wire } from './wire.ts';

/** What a bridge (or the command line) says of itself in its first line. */
export interface Hello {
  readonly bridge: string;
  readonly version?: string;
  readonly token?: string;
  readonly claude_session?: string;
  /** Said by the command line alone: whether a person runs it, or an agent. */
  readonly person?: boolean;
  /** What its client wants to be offered. */
  readonly toolset?: string;
  /** Set when it carried the same client's lines to another runtime before. */
  readonly resumes?: Resumes;
}

export interface MethodContext {
  readonly caller: Caller;
  readonly signal: AbortSignal;
}

/** A plain request and answer beyond MCP, for the owner alone: `yardmaster/…`. */
export type Method = (params: Readonly<Record<string, unknown>>, ctx: MethodContext) => Promise<unknown>;

export interface SessionHost {
  identify(hello: Hello): Promise<Caller | Refusal>;
  method(name: string): Promise<Method | undefined>;
  /** The MCP side, loaded when the first client speaks. */
  mcp(): Promise<McpHost>;
  /** Somebody said hello; its version may be newer than ours. */
  greeted?(hello: Hello, caller: Caller): void;
  readonly log: Log;
}

/** One connection: hello, then `yardmaster/…` requests answered here, everything else by MCP. In order of arrival. */
export class Session {
  readonly #host: SessionHost;
  readonly #wire: Wire;
  readonly #gone = new AbortController();
  readonly #open = new Set<string>();
  readonly #queue: Message[] = [];
  readonly #onGone: (session: Session) => void;
  #working = false;
  #closing = false;
  #caller: Promise<Caller> | undefined;
  #resumes: Resumes | undefined;
  #toolset: Toolset = 'default';
  #mcp: McpConnection | undefined;
  #idle: (() => void) | undefined;

  constructor(streams: { input: Readable; output: Writable }, host: SessionHost, onGone: (session: Session) => void) {
    this.#host = host;
    this.#onGone = onGone;
    this.#wire = new Wire(streams.input, streams.output, {
      message: (message) => this.#take(message),
      close: () => this.#lost(),
    });
  }

  changed(...what: Parameters<Changed>): void {
    this.#mcp?.changed(...what);
  }

  get listening(): Listening {
    return this.#mcp?.listening ?? 'nothing';
  }

  /** Takes no more, lets what runs answer for a while, says goodbye and closes. */
  async close(graceMs: number, to?: string): Promise<void> {
    if (this.#wire.closed) return;
    this.#closing = true;
    await this.settled(graceMs);
    this.#wire.send({ jsonrpc: '2.0', method: CLOSING, params: to === undefined ? {} : { to } });
    this.#wire.close();
  }

  /** Settles when every request that was taken is answered, at the latest after `ms`. */
  settled(ms: number): Promise<void> {
    if (this.#open.size === 0 && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #take(message: Message): void {
    if (this.#closing) return; // the bridge asks the next runtime
    this.#queue.push(message);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#queue.shift(); next !== undefined && !this.#wire.closed; next = this.#queue.shift()) {
      try {
        await this.#route(next);
      } catch (error) {
        this.#host.log.error({ error: String(error) }, 'a message could not be handled');
        if (isId(next.id) && next.method !== undefined) this.#refuse(next.id, UNAVAILABLE, (error as Error).message);
      }
    }
    this.#working = false;
  }

  async #route(message: Message): Promise<void> {
    if (this.#caller === undefined) return this.#hello(message);
    if (message.method === HELLO) return;
    if (isId(message.id) && isAnswered(message.method)) this.#open.add(idKey(message.id));
    if (!message.method?.startsWith('yardmaster/')) {
      if (message.method === 'notifications/cancelled') this.#settle(message.params?.requestId);
      this.#mcp ??= await this.#connectMcp(this.#caller);
      this.#mcp.deliver(message);
    } else if (isId(message.id)) void this.#plain(message.id, message.method, message.params ?? {}, this.#caller);
  }

  async #hello(message: Message): Promise<void> {
    const hello = helloIn(message);
    if (hello === undefined) {
      const reason = `The first line must be the notification ${HELLO} with params {bridge, version}.`;
      return this.#turnAway(reason, message.id);
    }
    const { toolset = 'default' } = hello;
    if (!isToolset(toolset)) return this.#turnAway(unknownToolset(toolset), message.id);
    this.#toolset = toolset;
    this.#resumes = hello.resumes;
    const identified = this.#identified(hello);
    identified.then((caller) => this.#host.greeted?.(hello, caller)).catch(() => {}); // whoever uses it is told
    // A token has to be known before anything is answered; others need not wait for the recovery to be greeted.
    if (hello.token !== undefined && !(await settles(identified, (reason) => this.#turnAway(reason, null)))) return;
    this.#caller = identified;
  }

  async #identified(hello: Hello): Promise<Caller> {
    const caller = await this.#host.identify(hello);
    if (isRefusal(caller)) throw new Error(`${caller.message} ${caller.hint}`);
    return caller;
  }

  #turnAway(reason: string, id: Id | null | undefined): void {
    this.#refuse(id ?? null, NOT_ALLOWED, reason);
    this.#wire.close();
  }

  async #connectMcp(caller: Promise<Caller>): Promise<McpConnection> {
    const host = await this.#host.mcp();
    const send = (message: Message): void => {
      if (message.method === undefined) this.#settle(message.id);
      this.#wire.send(message);
    };
    const wire = this.#wire;
    const line = {
      ...{ send, ended: () => wire.close() },
      get congested() {
        return wire.congested;
      },
    };
    return host.connect(caller, line, { toolset: this.#toolset, ...(this.#resumes && { resumes: this.#resumes }) });
  }

  async #plain(id: Id, name: string, params: Readonly<Record<string, unknown>>, whose: Promise<Caller>): Promise<void> {
    try {
      const caller = await whose;
      if (caller.principal !== 'owner')
        return this.#refuse(
          id,
          NOT_ALLOWED,
          `Only a person may do this, not a task from inside (${name}). Say in your result what somebody should do.`,
        );
      const method = await this.#host.method(name);
      if (method === undefined) return this.#refuse(id, METHOD_NOT_FOUND, `There is no method ${name}.`);
      const result = await method(params, { caller, signal: this.#gone.signal });
      if (isRefusal(result))
        return this.#refuse(id, INVALID_REQUEST, result.message, { code: result.code, hint: result.hint });
      this.#wire.send({ jsonrpc: '2.0', id, result: result ?? {} });
      this.#settle(id);
    } catch (error) {
      this.#host.log.error({ method: name, error: String(error) }, 'a method failed');
      this.#refuse(id, UNAVAILABLE, `${name} failed: ${(error as Error).message}`);
    }
  }

  #refuse(id: Id | null, code: number, message: string, data?: unknown): void {
    this.#wire.send(JSON.parse(errorLine(id, code, message, data)));
    this.#settle(id);
  }

  #settle(id: unknown): void {
    if (isId(id)) this.#open.delete(idKey(id));
    if (this.#open.size === 0 && this.#queue.length === 0) this.#idle?.();
  }

  #lost(): void {
    this.#gone.abort();
    this.#idle?.();
    this.#mcp?.close();
    this.#onGone(this);
  }
}

/** A subscription stays open for as long as its connection. */
function isAnswered(method: string | undefined): boolean {
  return method !== undefined && method !== 'subscriptions/listen';
}

function helloIn(message: Message): Hello | undefined {
  const { bridge, version, token, claude_session, person, toolset, resumes } = message.params ?? {};
  if (message.method !== HELLO || typeof bridge !== 'string' || bridge === '' || bridge.length > 128) return undefined;
  return {
    bridge,
    ...(typeof version === 'string' ? { version } : {}),
    ...(typeof token === 'string' ? { token } : {}),
    ...(typeof claude_session === 'string' ? { claude_session } : {}),
    ...(typeof person === 'boolean' ? { person } : {}),
    ...(typeof toolset === 'string' ? { toolset } : {}),
    ...(typeof resumes === 'object' && resumes !== null ? { resumes } : {}),
  };
}

async function settles(promise: Promise<unknown>, otherwise: (reason: string) => void): Promise<boolean> {
  try {
    await promise;
    return true;
  } catch (error) {
    otherwise((error as Error).message);
    return false;
  }
}
