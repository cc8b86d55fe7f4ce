import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, shell, World } from './world.ts';

const KEY = 'a-key-that-is-in-no-log';

class CallbackWorld extends World {
  override get env(): Record<string, string> {
    return { ...super.env, HOOK_KEY: KEY };
  }
}

interface Told {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly report: { readonly id: string; readonly attempt: number; readonly status: string; readonly result?: string };
}

type Reply = 'taken' | 'error' | 'later' | 'silent' | 'dropped' | 'redirect';

/** A receiver that behaves, per task, as its script says; when that is over it takes everything. */
class Receiver {
  readonly told: Told[] = [];
  readonly taken: Told[] = [];
  readonly scripts = new Map<string, Reply[]>();
  redirect = '';
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer(async (request, answer) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const told = { headers: request.headers, body, report: JSON.parse(body.toString()) as Told['report'] };
    this.told.push(told);
    this.#answer(this.scripts.get(told.report.id)?.shift() ?? 'taken', told, answer);
  });

  async listen(): Promise<this> {
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `http://${this.host}/hook?token=also-secret`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(reply: Reply, told: Told, answer: ServerResponse): void {
    switch (reply) {
      case 'taken':
        this.taken.push(told);
        return void answer.writeHead(204).end();
      case 'error':
        return void answer.writeHead(500).end('not today');
      case 'later':
        return void answer.writeHead(503, { 'retry-after': '1' }).end();
      case 'silent':
        return;
      case 'dropped':
        return void answer.socket?.destroy();
      case 'redirect':
        return void answer.writeHead(307, { location: this.redirect }).end();
    }
  }
}

/** The few lines of the README, as a receiver would have them. */
async function readmesWay(): Promise<(headers: IncomingHttpHeaders, body: Buffer, key: string) => boolean> {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, code = ''] = /```js\n(import \{ createHmac[\s\S]*?)```/.exec(readme) ?? [];
  const found = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { verified: never };
  return found.verified;
}

let world: CallbackWorld;
let one: Receiver;
let two: Receiver;
let client: Client;
const agents = {
  echo: { command: shell('cat "$1"'), max: 4 },
  fails: { command: shell('echo oh no; exit 1'), max: 1 },
};

beforeEach(async () => {
  world = new CallbackWorld();
  one = await new Receiver().listen();
  two = await new Receiver().listen();
});
afterEach(async () => {
  await world.end();
  await one.close();
  await two.close();
});

function configure(more: object = {}): void {
  const callbacks = { hosts: [one.host], private: true, key_env: 'HOOK_KEY', timeout: '1s', ...more };
  world.configure({ agents, callbacks, dispatcher: { default_agent: 'echo' }, headless: { max_running: 4 } });
}

const owed = async (): Promise<number> =>
  (await client.ask<{ callbacks_owed?: number }>('fleet_status')).callbacks_owed ?? 0;

test('each end is told at least once and verifiably, through errors, silence, dropped connections and two kills', async () => {
  configure({ hosts: [one.host, two.host] });
  client = await world.connect();
  const project = world.project('shop');
  const troubles: Reply[][] = [
    [],
    ['error'],
    ['silent'],
    ['dropped'],
    ['later'],
    ['error', 'silent'],
    ['dropped', 'error'],
  ];
  const ids: string[] = [];
  for (const [n, script] of [...troubles, ...troubles].entries()) {
    const receiver = n < troubles.length ? one : two;
    const id = `task-${n}`;
    receiver.scripts.set(id, [...script]);
    ids.push(id);
    await client.enqueue(project, `Say ${id}.`, { id, callback_url: receiver.url });
  }
  const seen = () => one.told.length + two.told.length;
  for (const count of [3, 10]) {
    await until(() => seen() >= count);
    await world.endRuntime('SIGKILL');
    await world.start();
  }
  await until(async () => (await owed()) === 0 && ids.every((id) => takenBy(id) > 0));
  const verified = await readmesWay();
  for (const { headers, body, report } of [...one.told, ...two.told]) {
    expect(verified(headers, body, KEY)).toBe(true);
    expect(verified(headers, body, 'another-key')).toBe(false);
    expect(verified(headers, Buffer.concat([body, Buffer.from(' ')]), KEY)).toBe(false);
    expect(report).toMatchObject({ status: 'completed', result: expect.stringContaining(report.id) });
  }
  const keys = new Map(ids.map((id) => [id, new Set(toldOf(id).map(({ headers }) => headers['idempotency-key']))]));
  expect([...keys.values()].every((some) => some.size === 1)).toBe(true);
  expect(world.read(world.home, 'logs', 'runtime.log')).not.toMatch(/a-key-that-is-in-no-log|also-secret/);

  function takenBy(id: string): number {
    return [...one.taken, ...two.taken].filter(({ report }) => report.id === id).length;
  }
  function toldOf(id: string): Told[] {
    return [...one.told, ...two.told].filter(({ report }) => report.id === id);
  }
}, 180_000);

test('a failed and a cancelled task are told as well', async () => {
  configure();
  client = await world.connect();
  const project = world.project('shop');
  const callback_url = one.url;
  await client.enqueue(project, 'x', { id: 'late', callback_url, not_before: '2099-01-01T00:00:00Z' });
  await client.enqueue(project, 'y', { id: 'after', callback_url, depends_on: ['late'] });
  await client.enqueue(project, 'z', { id: 'broken', callback_url, agent: 'fails', max_attempts: 1 });
  await client.ask('cancel_task', { project, id: 'late' });
  await until(() => one.taken.length === 3);
  const reports = Object.fromEntries(one.taken.map(({ report }) => [report.id, report]));
  expect(reports.late).toMatchObject({ attempt: 0, status: 'cancelled' });
  expect(reports.after).toMatchObject({ attempt: 0, status: 'failed', error_type: 'dependency' });
  expect(reports.broken).toMatchObject({ attempt: 1, status: 'failed', result: expect.stringContaining('oh no') });
});

test('a host that is not listed is refused by call and by drop, with the key to set', async () => {
  configure();
  client = await world.connect();
  const project = world.project('shop');
  const refused = await client.refused('enqueue_task', { project, body: 'x', callback_url: two.url });
  expect(refused).toContain(`${two.host} is not an allowed host`);
  expect(refused).toContain('callbacks.hosts');
  await client.enqueue(project, 'first use');
  mkdirSync(world.queue(project, 'inbox'), { recursive: true });
  const drop = (id: string, url: string) =>
    writeFileSync(world.queue(project, 'inbox', `${id}.md`), `---\ncallback_url: ${url}\n---\nSay hello.`);
  drop('bad', two.url);
  drop('good', one.url);
  await until(() => existsSync(world.queue(project, 'failed', 'bad.md')));
  expect(world.read(world.queue(project, 'failed', 'bad.md'))).toContain('not an allowed host');
  await until(() => one.taken.some(({ report }) => report.id === 'good'));
  expect(two.told).toEqual([]);
});

test('a dispatch file is told as it was named; one with a host that is not listed is rejected', async () => {
  configure();
  client = await world.connect();
  const project = world.project('shop');
  await client.enqueue(project, 'first use');
  const dispatch = (id: string, callback_url: string) => {
    const common = { dispatched_by: 'nightly', project: 'shop', project_dir: project, target_agent: 'echo' };
    const file = join(world.home, 'dispatch', `${id}.json`);
    writeFileSync(`${file}.part`, JSON.stringify({ id, ...common, task: 'Say hello.', callback_url }));
    renameSync(`${file}.part`, file);
  };
  dispatch('dispatch-good', one.url);
  dispatch('dispatch-bad', two.url);
  await until(() => one.taken.length === 1);
  const [{ report } = { report: {} }] = one.taken;
  expect(report).toMatchObject({ id: 'dispatch-good', dispatch_id: 'dispatch-good', dispatched_by: 'nightly' });
  const rejected = join(world.home, 'dispatch', 'rejected');
  await until(() => existsSync(join(rejected, 'dispatch-bad.json')));
  expect(
    readdirSync(rejected)
      .map((name) => world.read(rejected, name))
      .join(),
  ).toContain('is not an allowed host');
  expect(two.told).toEqual([]);
});

test('a redirect to another address of this machine is not followed; the callback stays owed, and is shown so', async () => {
  configure();
  client = await world.connect();
  const project = world.project('shop');
  one.redirect = two.url;
  one.scripts.set('moved', ['redirect']);
  await client.enqueue(project, 'x', { id: 'moved', callback_url: one.url });
  await until(() => one.told.length > 0);
  expect(await client.one(project, 'moved')).toMatchObject({ state: 'done', callback: 'owed' });
  await until(() => one.taken.length > 0);
  expect(two.told).toEqual([]);
  await until(async () => !('callback' in (await client.one(project, 'moved'))));
});

test('what is given up is a need of a person, also after a restart', async () => {
  configure();
  client = await world.connect();
  const project = world.project('shop');
  one.scripts.set('gone', ['error', 'error']);
  await client.enqueue(project, 'x', { id: 'gone', callback_url: one.url });
  await until(() => one.told.length > 0);
  configure({ hosts: ['elsewhere.example'], give_up: '1s' });
  const needs = async () => (await client.ask<{ needs: { what: string; where: string }[] }>('fleet_status')).needs;
  await until(async () => (await needs()).some(({ what }) => what.includes('is not an allowed host')));
  await until(async () =>
    (await needs()).some(({ what }) => what.startsWith('the callback of task gone was given up')),
  );
  await world.endRuntime('SIGKILL');
  await world.start();
  expect((await needs()).map(({ what }) => what).join()).toContain('the callback of task gone was given up');
  expect(await client.one(project, 'gone')).toMatchObject({ state: 'done', callback: 'given up' });
}, 120_000);

test('with --local-only nothing leaves: callbacks stay owed, tasks for providers wait, and status says so', async () => {
  const delegation = { providers: { far: { kind: 'jobs' as const, base_url: `http://${two.host}` } } };
  world.configure({
    agents: { echo: agents.echo },
    delegation,
    callbacks: { hosts: [one.host], private: true, key_env: 'HOOK_KEY' },
  });
  const started = await world.cli(['start', '--local-only']);
  expect(started).toMatchObject({ code: 0 });
  client = await world.connect();
  const project = world.project('shop');
  await client.enqueue(project, 'x', { id: 'quiet', callback_url: one.url });
  await client.enqueue(project, 'y', { id: 'away', preferred_ai: 'far' });
  expect(await client.ended(project, 'quiet')).toMatchObject({ state: 'done', callback: 'owed' });
  expect(await client.one(project, 'away')).toMatchObject({
    state: 'queued',
    waiting: { detail: expect.stringContaining('local_only') },
  });
  expect(await client.refused('delegate', { project, id: 'away' })).toContain('local_only');
  expect(await client.ask('fleet_status')).toMatchObject({ local_only: true, callbacks_owed: 1 });
  expect((await world.cli(['status'])).stdout).toMatch(/local only: .*; 1 callback is owed/);
  expect(await world.cli(['start', '--local-only'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('runs already'),
  });
  expect([one.told, two.told]).toEqual([[], []]);
  await client.ask('cancel_task', { project, id: 'away' });
  expect((await world.cli(['stop'])).code).toBe(0);
  await world.start();
  await until(() => one.taken.length === 1);
  expect(one.taken[0]?.report.id).toBe('quiet');
});
