import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homeAt, makeHome } from '../../src/home.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import type { Caller, Yard } from '../../src/runtime/yard.ts';
import type { Log } from '../../src/server/log.ts';
import { tools } from '../../src/tools/index.ts';
import type { FeedLimits } from '../../src/web/events/feed.ts';
import { Web } from '../../src/web/index.ts';
import { until } from '../support/world.ts';

/** As it was built: it starts a program of its own, which has to be plain JavaScript. */
const { startRuntime } = (await import(
  new URL('../../dist/for-tests/src/runtime/runtime.js', import.meta.url).href
)) as typeof import('../../src/runtime/runtime.ts');

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: Said;
}

/** What the API says, as loosely as a script sees it. */
interface Said {
  readonly id: string;
  readonly code: string;
  readonly hint: string;
  readonly tasks: { readonly id: string; readonly state: string; readonly result: { readonly text: string } }[];
  readonly tools: { readonly name: string }[];
  readonly sessions: unknown[];
  readonly next_cursor: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly route: unknown;
  readonly openapi: string;
  readonly paths: Record<string, Record<string, { operationId?: string; parameters?: { name: string; in: string }[] }>>;
}

/** A real runtime in a fresh home, and the web routes on a real port. `Bearer owner` is the owner; else an attempt's token. */
export class World {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'ym-web-')));
  readonly home = homeAt(join(this.root, 'home'));
  readonly said: { message: string; fields: object }[] = [];
  readonly #settings: object;
  readonly #feed: FeedLimits | undefined;
  readonly #but: (yard: Yard) => Partial<Yard>;
  runtime!: Runtime;
  web!: Web;
  /** The server's side of each stream of events. */
  readonly streams: ServerResponse[] = [];
  #stopping = new AbortController();
  #server!: Server;
  port = 0;

  /** `but`: what of the yard is otherwise than it is. */
  constructor(settings: object = {}, feed?: FeedLimits, but: (yard: Yard) => Partial<Yard> = () => ({})) {
    this.#settings = settings;
    this.#feed = feed;
    this.#but = but;
  }

  async start(): Promise<this> {
    makeHome(this.home);
    const config = join(this.root, 'yardmaster.yaml');
    writeFileSync(config, JSON.stringify(this.#settings));
    const env = { PATH: process.env.PATH ?? '', HOME: this.folder('user'), YARDMASTER_CONFIG: config };
    const say = (fields: object, message: string): void => void this.said.push({ message, fields });
    const log: Log = { debug: say, info: say, warn: say, error: say };
    this.#stopping = new AbortController();
    this.runtime = await startRuntime({ version: '0.0.0-test', home: this.home, env, log });
    await this.runtime.ready;
    const { yard } = this.runtime;
    const seen = otherwise(yard, this.#but(yard));
    this.web = new Web({
      ...{ yard: async () => seen, tools, version: '0.0.0-test', log },
      ...(this.#feed && { feed: this.#feed }),
    });
    await this.#listen();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.runtime.stop();
  }

  /** The same home, the same port, another runtime. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async end(): Promise<void> {
    const { store } = this.runtime.yard;
    for (const { project, id } of [...store.open().values()])
      await store.cancel({ project, id }, 'the test is over', { by: 'owner' });
    await until(() => store.open().size === 0);
    await this.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  /** What is open is told that the runtime is about to stop. */
  stopping(): void {
    this.#stopping.abort();
  }

  /** Streams of events that are open. */
  get open(): number {
    return this.streams.filter(({ destroyed, writableEnded }) => !destroyed && !writableEnded).length;
  }

  folder(name: string): string {
    const path = join(this.root, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  project(name: string): string {
    return this.folder(`user/${name}`);
  }

  ask(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answered> {
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    return this.send(method, path, text, { authorization: 'Bearer owner', ...json, ...headers });
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answered> {
    return this.ask('GET', path, undefined, headers);
  }

  post(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<Answered> {
    return this.ask('POST', path, body, headers);
  }

  /** The path goes out as it is: nothing is normalized on the way. */
  send(method: string, path: string, body: string | undefined, headers: Record<string, string>): Promise<Answered> {
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: this.port, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.once('error', reject).once('end', () => resolve(answered(response, text)));
      });
      sent.once('error', reject);
      sent.end(body);
    });
  }

  caller(request: IncomingMessage): Caller | undefined {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    return token === 'owner' ? { principal: 'owner', name: 'owner' } : this.runtime.caller(token);
  }

  async #listen(): Promise<void> {
    this.#server = createServer(async (request, response) => {
      const caller = this.caller(request);
      if (request.url?.startsWith('/api/v1/events')) this.streams.push(response);
      const { signal: stopping } = this.#stopping;
      const url = new URL(request.url ?? '/', 'http://127.0.0.1');
      if (caller === undefined) return void response.writeHead(401).end();
      if (!(await this.web.handle(request, response, { caller, url, stopping })))
        response.writeHead(404).end('elsewhere');
    });
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  /** The token of the attempt that works on a task, as its agent has it in its environment. */
  token(id: string): string {
    const task = [...this.runtime.yard.store.open().values()].find((one) => one.id === id);
    if (task?.state !== 'running' && task?.state !== 'claimed') throw new Error(`${id} does not run`);
    return task.token;
  }

  segments(): string[] {
    return readdirSync(this.home.journal).sort();
  }
}

function otherwise(yard: Yard, but: Partial<Yard>): Yard {
  return new Proxy(yard, {
    get(target, name) {
      const value: unknown = Reflect.get(Object.hasOwn(but, name) ? but : target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function answered(response: IncomingMessage, text: string): Answered {
  const isJson = response.headers['content-type']?.startsWith('application/json') && text !== '';
  return {
    status: response.statusCode ?? 0,
    headers: response.headers as Record<string, string>,
    text,
    json: isJson ? JSON.parse(text) : {},
  };
}
