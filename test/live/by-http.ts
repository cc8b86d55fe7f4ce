import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { World } from '../stories/world.ts';
import { until } from '../support/world.ts';
import { gatedWorld } from './three-tasks.ts';

/** A line to the runtime's port that keeps its own number while runtimes come and go, and hears what clients send. */
export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #heard = '';
  /** Where the runtime listens. */
  to = 0;

  private constructor() {
    this.#server = createServer((socket) => this.#carry(socket));
  }

  static async open(): Promise<Line> {
    const line = new Line();
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve));
    return line;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  readonly sent = (tool: string, n: number): Promise<void> =>
    until(() => this.#heard.split(`"name":"${tool}"`).length > n);

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #carry(client: Socket): void {
    const runtime = connect(this.to, '127.0.0.1');
    client.on('data', (chunk: Buffer) => {
      this.#heard += chunk;
    });
    for (const [one, other] of [
      [client, runtime],
      [runtime, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => this.#sockets.delete(one));
    }
    client.pipe(runtime).pipe(client);
  }
}

export interface HttpWorld {
  readonly world: World;
  readonly line: Line;
  readonly token: string;
  /** A runtime for the line to lead to. */
  revive(): Promise<void>;
  /** As `yardmaster mcp-config` prints it. */
  block(client: string): Promise<string>;
}

/** The gated world behind HTTP, with a running runtime. */
export async function httpWorld(): Promise<HttpWorld> {
  const line = await Line.open();
  const own = `127.0.0.1:${line.port}`;
  const world = gatedWorld({ http: { enabled: true, port: 0, hosts: [own] } });
  const revive = async () => {
    await world.start(); // its HTTP side opens a little later
    let stdout = '';
    await until(async () => {
      stdout = (await world.cli(['mcp-config', 'cursor', '--http'])).stdout;
      return stdout !== '';
    });
    line.to = Number(new URL(JSON.parse(stdout).mcpServers.yardmaster.url).port);
  };
  await revive();
  return {
    world,
    line,
    token: (await world.cli(['token'])).stdout.trim(),
    revive,
    block: async (client) => (await world.cli(['mcp-config', client, '--url', `http://${own}/mcp`])).stdout,
  };
}
