import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { Caller, Yard } from '../../../src/runtime/yard.ts';
import { Bearers } from '../../../src/server/http/bearers.ts';
import {
  type HttpParts,
  type HttpServer,
  type HttpSettings,
  listenHttp,
  type Patience,
} from '../../../src/server/http/listen.ts';
import { HttpMcp } from '../../../src/server/http/mcp.ts';
import type { WebRoutes } from '../../../src/server/http/routes.ts';
import type { Serve } from '../../../src/server/http/served.ts';
import { listingOf, Offer } from '../../../src/server/offer.ts';
import { surface } from '../../support/stand-in.ts';

export const TOKEN = 'a'.repeat(64);

export const settings: HttpSettings = {
  host: '127.0.0.1',
  port: 0,
  allow_remote: false,
  hosts: [],
  max_body_bytes: 65_536,
  max_connections: 256,
};

export interface Options {
  readonly settings?: Partial<HttpSettings>;
  readonly sessions?: { readonly max: number; readonly idleMs: number };
  readonly parts?: Partial<HttpParts>;
  readonly serve?: Serve;
  readonly web?: WebRoutes;
  readonly home?: string;
  readonly patience?: Patience;
}

/** The HTTP side of a runtime in this process, with the tools of the stand-in behind it. */
export class Http {
  readonly server: HttpServer;
  readonly bearers: Bearers;
  readonly port: number;
  readonly logged: string[];
  /** Attempts that run, by token. */
  readonly attempts: Map<string, Caller>;

  private constructor(parts: Pick<Http, 'server' | 'bearers' | 'port' | 'logged' | 'attempts'>) {
    this.server = parts.server;
    this.bearers = parts.bearers;
    this.port = parts.port;
    this.logged = parts.logged;
    this.attempts = parts.attempts;
  }

  static async open(options: Options = {}): Promise<Http> {
    const attempts = new Map<string, Caller>();
    const bearers = new Bearers(TOKEN, async () => ({ caller: (token) => attempts.get(token) }));
    const logged: string[] = [];
    const say = (fields: object, message: string) => void logged.push(`${message} ${JSON.stringify(fields)}`);
    const log = { debug: say, info: say, warn: say, error: say };
    const listing = listingOf({ ...surface, version: '0.0.0' });
    const backend = { yard: async () => ({ home: options.home ?? '' }) as Yard, log };
    const serve: Serve = (caller, era) => new Offer(listing, backend, Promise.resolve(caller), era === 'legacy');
    const server = await listenHttp(
      { ...settings, ...options.settings },
      {
        log,
        state: () => 'ready',
        whose: async (bearer) => (bearer === undefined ? undefined : bearers.whose(bearer)),
        mcp: async (flights) =>
          new HttpMcp(options.serve ?? serve, options.sessions ?? { max: 64, idleMs: 60_000 }, flights, log),
        web: async () => options.web,
        ...options.parts,
      },
      options.patience,
    );
    if (isRefusal(server)) throw new Error(`${server.message} ${server.hint}`);
    return new Http({ server, bearers, port: Number(new URL(server.url).port), logged, attempts });
  }

  get url(): URL {
    return new URL('/mcp', this.server.url);
  }

  fetch(path: string, init: RequestInit = {}, token: string | undefined = TOKEN): Promise<Response> {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return fetch(new URL(path, this.server.url), { ...init, headers: { ...authorization, ...init.headers } });
  }

  /** One JSON-RPC request without a session, as the newest revision sends it. */
  call(name: string, args: object, headers: Record<string, string> = {}, token = TOKEN): Promise<Response> {
    return this.fetch(
      '/mcp',
      { method: 'POST', body: JSON.stringify(modernCall(name, args)), headers: { ...modernHeaders(name), ...headers } },
      token,
    );
  }

  socket(): Promise<Socket> {
    return dial(this.port);
  }

  close(graceMs = 2_000): Promise<void> {
    return this.server.close(graceMs);
  }
}

export async function dial(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

export function modernCall(name: string, args: object): object {
  const params = {
    name,
    arguments: args,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  };
  return { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
}

export function modernHeaders(name: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  };
}

/** Everything that comes on a bare connection until it ends. */
export async function heard(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
  return text;
}
