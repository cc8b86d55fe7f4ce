import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/cli/index.ts';
import type { RuntimeControl, Surroundings } from '../../src/cli/surroundings.ts';

export const NOW = Date.parse('2026-11-21T12:00:00Z');

export interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly params: Record<string, unknown>;
  readonly bridge: unknown;
}

/** How the stand-in answers a request: with a result, an error, or by doing something to the connection. */
export type Answer = (
  call: Call,
  socket: Socket,
) => { result: unknown } | { error: { code: number; message: string; data?: object } } | undefined;

/** A runtime that speaks the protocol of the socket and only remembers what it was asked. */
export class FakeRuntime {
  readonly calls: Call[] = [];
  readonly hellos: Record<string, unknown>[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  answer: Answer = () => tool({});
  /** Said instead of a greeting, before the connection is closed. */
  turnAway: string | undefined;

  constructor() {
    this.#server = createServer((socket) => this.#serve(socket));
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path, resolve));
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The tool calls, as `[name, arguments]`. */
  tools(): unknown[] {
    return this.calls
      .filter(({ method }) => method === 'tools/call')
      .map(({ params }) => [params.name, params.arguments]);
  }

  #serve(socket: Socket): void {
    let rest = '';
    let bridge: unknown;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { id, method, params } = JSON.parse(line) as {
          id?: unknown;
          method: string;
          params: Record<string, unknown>;
        };
        if (method === 'yardmaster/hello') {
          this.hellos.push(params);
          bridge = params.bridge;
          if (this.turnAway !== undefined)
            socket.end(
              `${JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32010, message: this.turnAway } })}\n`,
            );
        }
        if (id === undefined || this.turnAway !== undefined) continue;
        const reply = method === 'initialize' ? { result: {} } : this.#ask({ id, method, params, bridge }, socket);
        if (reply) socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, ...reply })}\n`);
      }
    });
  }

  #ask(call: Call, socket: Socket) {
    this.calls.push(call);
    return this.answer(call, socket);
  }
}

export function tool(structuredContent: Record<string, unknown>): { result: unknown } {
  return { result: { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent } };
}

/** As the server sends it: JSON in the text, no structured content. */
export function refusal(message: string, hint: string): { result: unknown } {
  const text = JSON.stringify({ code: 'not_found', message, hint });
  return { result: { content: [{ type: 'text', text }], isError: true } };
}

export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder, a stand-in runtime in it, and a command line that talks to it. */
export class World {
  readonly dir: string;
  readonly runtime = new FakeRuntime();
  starts = 0;
  running = false;
  now = NOW;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async make({ running = true } = {}): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'ym-cli-')));
    if (running) await world.start();
    return world;
  }

  async start(): Promise<void> {
    await this.runtime.listen(this.#socket);
    this.running = true;
  }

  async end(): Promise<void> {
    if (this.running) await this.runtime.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  async yardmaster(argv: readonly string[], given: Partial<Surroundings> = {}): Promise<Said> {
    let out = '';
    let err = '';
    const around: Surroundings = {
      out: (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
      drained: async () => {},
      stdin: async () => '',
      handOver: async () => 0,
      capture: async () => undefined,
      now: () => this.now,
      env: { PATH: process.env.PATH },
      userHome: this.dir,
      cwd: this.dir,
      colours: false,
      width: undefined,
      signal: new AbortController().signal,
      ...given,
    };
    const code = await run(argv, this.#control(), around);
    return { code, out, err };
  }

  get #socket(): string {
    return join(this.dir, 'runtime.sock');
  }

  #control(): RuntimeControl {
    const socket = this.#socket;
    return {
      version: '1.2.3',
      home: this.dir,
      socket,
      connect: async ({ start }) => {
        if (!this.running && !start) return undefined;
        if (!this.running) {
          this.starts++;
          await this.start();
        }
        return dial(socket);
      },
      file: '/opt/yardmaster/dist/main.js',
      serve: async ({ listening }) => {
        if (this.running) return 75;
        listening();
        return 0;
      },
      mcp: async () => 0,
    };
  }
}

function dial(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket.off('error', reject)));
  });
}
