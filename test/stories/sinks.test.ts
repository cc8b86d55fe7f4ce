import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, World } from './world.ts';

const KEY = 'a-key-that-is-in-no-log';

class SinkWorld extends World {
  override get env(): Record<string, string> {
    return { ...super.env, HOOK_KEY: KEY };
  }
}

interface Event {
  readonly id: string;
  readonly type: string;
  readonly task?: string;
  readonly count?: number;
}

type Reply = 'taken' | 'error' | 'silent' | 'dropped' | 'taken_and_dropped';

/** A receiver that answers as it is told; what it has taken, by id, in the order in which it first took it. */
class Receiver {
  readonly taken: Event[] = [];
  readonly requests: { readonly headers: IncomingHttpHeaders; readonly body: Buffer }[] = [];
  reply: () => Reply = () => 'taken';
  readonly #ids = new Set<string>();
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer(async (request, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    this.requests.push({ headers: request.headers, body });
    const reply = this.reply();
    if (reply === 'taken' || reply === 'taken_and_dropped') this.#take(body);
    if (reply === 'taken') answer.writeHead(204).end();
    else if (reply === 'error') answer.writeHead(500).end('not today');
    else if (reply !== 'silent') answer.socket?.destroy();
  });

  async listen(): Promise<this> {
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook?token=also-secret`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(body: Buffer): void {
    for (const event of (JSON.parse(body.toString()) as { events: Event[] }).events) {
      if (this.#ids.has(event.id)) continue;
      this.#ids.add(event.id);
      this.taken.push(event);
    }
  }
}

interface Seen {
  readonly name: string;
  readonly state: string;
  readonly delivered: number;
  readonly waiting: number;
  readonly missed: number;
}

const EVENTS = ['task_queued', 'task_completed'];
let world: SinkWorld;
let receivers: Receiver[];
let client: Client;

beforeEach(async () => {
  world = new SinkWorld();
  receivers = [];
});
afterEach(async () => {
  await world.end();
  for (const receiver of receivers) await receiver.close();
});

async function receiver(): Promise<Receiver> {
  const one = await new Receiver().listen();
  receivers.push(one);
  return one;
}

function configure(sinks: readonly object[]): void {
  world.configure({
    agents: { noop: { command: ['true'], max: 8 } },
    dispatcher: { default_agent: 'noop' },
    headless: { max_running: 8 },
    sinks: sinks as never,
  });
}

const webhook = (name: string, at: Receiver, more: object = {}): object => ({
  ...{ name, kind: 'webhook', url: at.url, private: true, key_env: 'HOOK_KEY', events: EVENTS, timeout: '1s', ...more },
});

async function enqueue(project: string, from: number, count: number): Promise<void> {
  const tasks = Array.from({ length: count }, (_, n) => ({ id: `t${from + n}`, body: 'nothing' }));
  await client.ask('enqueue_task', { project, tasks });
}

async function done(count: number): Promise<void> {
  const seen = async () => (await client.ask<{ counts: Record<string, number> }>('fleet_status')).counts.done;
  await until(async () => (await seen()) === count, 120_000);
}

async function sink(name: string): Promise<Seen | undefined> {
  const { sinks = [] } = await client.ask<{ sinks?: Seen[] }>('fleet_status');
  return sinks.find((one) => one.name === name);
}

/** The few lines of the README, as a receiver would have them. */
async function readmesWay(): Promise<(headers: IncomingHttpHeaders, body: Buffer, key: string) => boolean> {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, code = ''] = /```js\n(import \{ createHmac[\s\S]*?)```/.exec(readme) ?? [];
  const found = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { verified: never };
  return found.verified;
}

test('a webhook loses nothing through errors, silence, dropped connections and kills of the runtime', async () => {
  const at = await receiver();
  const script: Reply[] = ['taken', 'error', 'taken_and_dropped', 'silent', 'dropped', 'taken', 'error'];
  let asked = 0;
  at.reply = () => script[asked++ % script.length] ?? 'taken';
  configure([webhook('hook', at)]);
  client = await world.connect();
  const project = world.project('shop');
  for (let round = 0; round < 4; round++) {
    await enqueue(project, round * 25, 25);
    await until(() => at.requests.length > round);
    await world.endRuntime('SIGKILL');
    await world.start();
  }
  await done(100);
  at.reply = () => 'taken';
  await until(async () => (await sink('hook'))?.waiting === 0, 120_000);
  const ids = at.taken.map(({ id }) => id.split('.').map(Number));
  expect(ids).toEqual(ids.toSorted(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d));
  const tasks = Array.from({ length: 100 }, (_, n) => `t${n}`).sort();
  for (const type of EVENTS)
    expect(
      at.taken
        .filter((event) => event.type === type)
        .map(({ task }) => task)
        .sort(),
    ).toEqual(tasks);
  const verified = await readmesWay();
  for (const { headers, body } of at.requests) {
    expect(verified(headers, body, KEY)).toBe(true);
    expect(verified(headers, body, 'another-key')).toBe(false);
  }
  expect(world.read(world.home, 'logs', 'runtime.log')).not.toMatch(/a-key-that-is-in-no-log|also-secret/);
}, 240_000);

test('sinks that hang, fail, crawl and do not read hold up nothing; told and missed are all that there was', async () => {
  const [hangs, fails, crawls] = [await receiver(), await receiver(), await receiver()];
  hangs.reply = () => 'silent';
  let asked = 0;
  fails.reply = () => (asked++ % 2 === 0 ? 'error' : 'dropped');
  let late = 0;
  crawls.reply = () => (late++ % 2 === 0 ? 'silent' : 'taken');
  const told = join(world.root, 'told');
  const backlog = { events: 100 };
  const all = [
    webhook('hangs', hangs, { backlog }),
    webhook('fails', fails, { backlog }),
    webhook('crawls', crawls, { backlog }),
    { name: 'stuck', kind: 'command', command: ['sleep', '3600'], timeout: '2s', events: EVENTS, buffer: 20 },
    { name: 'broken', kind: 'command', command: ['sh', '-c', 'exit 1'], events: EVENTS, buffer: 20 },
    { name: 'good', kind: 'command', command: ['sh', '-c', `cat >> ${told}`], events: EVENTS },
  ];
  configure(all);
  client = await world.connect();
  const deaf = await unreading();
  const project = world.project('shop');
  const TASKS = 300;
  for (let n = 0; n < TASKS; n += 100) await enqueue(project, n, 100);
  await done(TASKS);
  for (const one of [hangs, fails, crawls]) one.reply = () => 'taken';
  const matched = 2 * TASKS;
  for (const [name, at] of Object.entries({ hangs, fails, crawls })) {
    await until(async () => (await sink(name))?.waiting === 0, 180_000);
    const { missed = -1 } = (await sink(name)) ?? {};
    const events = at.taken.filter(({ type }) => type !== 'sink_gap');
    expect(events.length + missed, name).toBe(matched);
  }
  await until(async () => (await sink('good'))?.waiting === 0);
  expect(readFileSync(told, 'utf8').trimEnd().split('\n')).toHaveLength(matched);
  await until(async () => {
    const { delivered = 0, missed = 0, waiting = 0 } = (await sink('broken')) ?? {};
    return delivered + missed + waiting === matched && delivered === 0;
  });
  const gaps = await world.events<{ type: string; sink: string; count: number }>('sink_gap');
  for (const name of ['hangs', 'fails', 'crawls'])
    expect(gaps.filter((gap) => gap.sink === name).reduce((sum, { count }) => sum + count, 0)).toBe(
      (await sink(name))?.missed,
    );
  const { stdout } = await world.cli(['status']);
  expect(stdout).toMatch(/sinks: .*broken failing .*exit code 1/);
  deaf.destroy();
}, 300_000);

test('with --local-only no webhook is sent; what waits is told when it is off', async () => {
  const at = await receiver();
  configure([webhook('hook', at)]);
  expect(await world.cli(['start', '--local-only'])).toMatchObject({ code: 0 });
  client = await world.connect();
  const project = world.project('shop');
  await enqueue(project, 0, 3);
  await done(3);
  expect(await sink('hook')).toMatchObject({ state: 'local_only', waiting: 6 });
  expect(at.requests).toEqual([]);
  await world.endRuntime('SIGTERM');
  await world.start();
  await until(() => at.taken.length === 6);
}, 120_000);

/** A client of the stream of events that never reads. */
async function unreading(): Promise<Socket> {
  const { url } = await httpOf();
  const token = world.read(world.home, 'token').trim();
  const { host, port, hostname } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.write(`GET /api/v1/events HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  return socket;
}

async function httpOf(): Promise<{ url: string }> {
  const log = () => world.read(world.home, 'logs', 'runtime.log');
  const named = () => /"url":"(http:[^"]+)"/.exec(log())?.[1];
  await until(() => named() !== undefined);
  return { url: named() ?? '' };
}
