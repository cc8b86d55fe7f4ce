import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client as NewClient, StreamableHTTPClientTransport as NewHttp } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { exited, until } from '../support/world.ts';
import { type Accepted, type Status, shell, World } from './world.ts';

// Many processes on a busy machine: nothing here measures time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let world: World;
beforeEach(() => {
  world = new World({ agents: { say: { command: shell('cat "$1"') } } });
});
afterEach(() => world.end());

interface Running {
  readonly http: {
    readonly state: 'on' | 'off';
    readonly url?: string;
    readonly reason?: string;
    readonly hint?: string;
  };
}

/** What the runtime says of itself over its socket. */
async function status(): Promise<Running> {
  const { tryConnect } = await import('../../src/bridge/reach.ts');
  const { homeAt } = await import('../../src/home.ts');
  const socket = await tryConnect(homeAt(world.home));
  if (socket === undefined) throw new Error('no runtime runs');
  const hello = { jsonrpc: '2.0', method: 'yardmaster/hello', params: { bridge: 'test' } };
  const ask = { jsonrpc: '2.0', id: 1, method: 'yardmaster/status' };
  socket.write(`${JSON.stringify(hello)}\n${JSON.stringify(ask)}\n`);
  let text = '';
  for await (const chunk of socket) {
    text += chunk;
    if (text.endsWith('\n')) break;
  }
  return (JSON.parse(text) as { result: Running }).result;
}

/** The address of the runtime, once it listens. */
async function listening(): Promise<URL> {
  let found: string | undefined;
  await until(async () => {
    found = (await status().catch(() => undefined))?.http.url;
    return found !== undefined;
  });
  return new URL('/mcp', found);
}

const token = () => readFileSync(join(world.home, 'token'), 'utf8').trim();
const requestInit = () => ({ headers: { authorization: `Bearer ${token()}` } });
const info = { name: 'story', version: '1' };

test('a task goes in and its result comes out over HTTP, in both eras', async () => {
  const project = world.project('shop');
  await world.start();
  const url = await listening();
  const newer = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  await newer.connect(new NewHttp(url, { requestInit: requestInit() }));
  const older = new OldClient(info);
  await older.connect(new OldHttp(url, { requestInit: requestInit() }) as Parameters<OldClient['connect']>[0]);

  const { structuredContent } = await newer.callTool({
    name: 'enqueue_task',
    arguments: { project, body: 'Say hello' },
  });
  const { id } = structuredContent as unknown as Accepted;
  const waited = await older.callTool({
    name: 'job_status',
    arguments: { project, id, wait_seconds: 25, detail: 'result' },
  });
  const { tasks } = waited.structuredContent as unknown as Status;
  expect(tasks[0]).toMatchObject({ state: 'done', result: { text: expect.stringContaining('Say hello') } });
  await Promise.all([newer.close(), older.close()]);
});

test('?toolset=worker offers the tools of workers in both eras; one that nobody knows is refused', async () => {
  const project = world.project('shop');
  await world.start();
  const url = await listening();
  const at = new URL('?toolset=worker', url);
  const newer = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  await newer.connect(new NewHttp(at, { requestInit: requestInit() }));
  const older = new OldClient(info);
  await older.connect(new OldHttp(at, { requestInit: requestInit() }) as Parameters<OldClient['connect']>[0]);
  const six = ['register_worker', 'claim_task', 'heartbeat', 'complete_task', 'fail_task', 'deregister_worker'];
  for (const client of [newer, older]) {
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(six);
  }
  const registered = await newer.callTool({ name: 'register_worker', arguments: { name: 'w' } });
  const { key } = registered.structuredContent as unknown as { key: string };
  const claiming = older.callTool({ name: 'claim_task', arguments: { worker: 'w', key, wait_seconds: 30 } });
  const owner = await world.connect();
  const { id } = await owner.enqueue(project, 'Say hello', { agent: 'w' });
  expect((await claiming).structuredContent).toMatchObject({ task: { id, attempt: 1 } });
  await Promise.all([newer.close(), older.close()]);
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' });
  const headers = { ...requestInit().headers, 'content-type': 'application/json', accept: 'application/json' };
  const wrong = await fetch(new URL('?toolset=wrong', url), { method: 'POST', headers, body });
  expect(wrong.status).toBe(400);
  expect(await wrong.text()).toContain('There is no toolset');
});

test('the same call with the same Idempotency-Key makes one task', async () => {
  const project = world.project('shop');
  await world.start();
  const url = await listening();
  const enqueue = async (key: string): Promise<Accepted> => {
    const headers = { ...requestInit().headers, 'idempotency-key': key };
    const client = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new NewHttp(url, { requestInit: { headers } }));
    const answer = await client.callTool({ name: 'enqueue_task', arguments: { project, body: 'Say hello' } });
    await client.close();
    return answer.structuredContent as unknown as Accepted;
  };
  const [first, again, other] = [await enqueue('one'), await enqueue('one'), await enqueue('two')];
  expect(again.id).toBe(first.id);
  expect(other.id).not.toBe(first.id);
});

test('an agent that shows its attempt’s token over HTTP has the rights of an attempt, until it has ended', async () => {
  const project = world.project('shop');
  const [shown, go] = [join(world.root, 'shown'), join(world.root, 'go')];
  const script = `printf %s "$YARDMASTER_ATTEMPT_TOKEN" > ${shown}.part; mv ${shown}.part ${shown}; until [ -e ${go} ]; do sleep 0.05; done`;
  world.configure({ agents: { say: { command: shell(script) } } });
  await world.start();
  const url = await listening();
  const owner = await world.connect();
  const { id } = await owner.enqueue(project, 'Show yourself');
  await until(() => existsSync(shown));
  const bearer = readFileSync(shown, 'utf8');
  const client = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  await client.connect(new NewHttp(url, { requestInit: { headers: { authorization: `Bearer ${bearer}` } } }));
  const own = await client.callTool({ name: 'job_status', arguments: { project, id } });
  expect(own.isError).toBeFalsy();
  const more = await client.callTool({ name: 'enqueue_task', arguments: { project, body: 'More' } });
  expect(JSON.stringify(more.content)).toContain('not_allowed');
  await client.close();
  writeFileSync(go, '');
  await owner.ended(project, id);
  const late = await fetch(new URL('/nothing', url), { headers: { authorization: `Bearer ${bearer}` } });
  expect(late.status).toBe(401);
  await owner.close();
});

test('after a kill the next runtime is found at the same place, with the same token; sessions are opened anew', async () => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  const fixed = { YARDMASTER_HTTP_PORT: String(port) };
  world.spawn(['serve'], fixed);
  await until(() => world.runtime !== undefined);
  const url = await listening();
  expect(url.port).toBe(String(port));
  const before = token();

  const newer = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  await newer.connect(new NewHttp(url, { requestInit: requestInit() }));
  const session = async () => {
    const client = new OldClient(info);
    await client.connect(new OldHttp(url, { requestInit: requestInit() }) as Parameters<OldClient['connect']>[0]);
    return client;
  };
  const older = await session();
  await world.endRuntime('SIGKILL');
  await expect(newer.listTools()).rejects.toThrow();

  world.spawn(['serve'], fixed);
  await until(() => world.runtime !== undefined);
  await listening();
  expect(token()).toBe(before);
  expect((await newer.listTools()).tools.length).toBeGreaterThan(5); // stateless: it goes on
  await expect(older.listTools()).rejects.toThrow(/Session not found.*Initialize again; no task was lost/);
  const anew = await session();
  expect((await anew.listTools()).tools.length).toBeGreaterThan(5);
  await Promise.all([newer.close(), older.close().catch(() => {}), anew.close()]);
});

test('yardmaster token prints it, makes it, and replaces it; the old one is worth nothing then', async () => {
  const made = (await world.cli(['token'])).stdout.trim();
  expect(made).toMatch(/^[0-9a-f]{64}$/);
  expect(statSync(join(world.home, 'token')).mode & 0o777).toBe(0o600);
  expect((await world.cli(['token'])).stdout.trim()).toBe(made);
  await world.start();
  const url = await listening();
  const knock = async (bearer: string) =>
    (await fetch(new URL('/nothing', url), { headers: { authorization: `Bearer ${bearer}` } })).status;
  expect(await knock(made)).toBe(404);
  const stream = await fetch(new URL('/sse', url), { headers: { authorization: `Bearer ${made}` } });

  const next = (await world.cli(['token', '--rotate'])).stdout.trim();
  expect(next).not.toBe(made);
  expect(token()).toBe(next);
  expect([await knock(made), await knock(next)]).toEqual([401, 404]);
  await stream.text().catch(() => {}); // ended
  await world.endRuntime('SIGTERM');
  const offline = (await world.cli(['token', '--rotate'])).stdout.trim();
  expect(offline).not.toBe(next);
  const log = readFileSync(join(world.home, 'logs', 'runtime.log'), 'utf8');
  for (const secret of [made, next, offline]) expect(log).not.toContain(secret);
});

test('eight that ask for a token at once get the same one', async () => {
  const said = await Promise.all(Array.from({ length: 8 }, () => world.cli(['token'])));
  expect(new Set(said.map(({ stdout }) => stdout)).size).toBe(1);
});

test('a taken port, and a token that can’t be one, cost HTTP alone, and that is said', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as { port: number };
  const child = world.spawn(['serve'], { YARDMASTER_HTTP_PORT: String(port) });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    err += chunk;
  });
  await until(() => out.includes('Connect Claude Code'));
  expect(out).toContain(`no http  127.0.0.1:${port} is taken`);
  expect(err).toContain('no HTTP');
  const { http } = await status();
  expect(http).toMatchObject({ state: 'off', hint: expect.stringContaining('http.port') });
  const client = await world.connect();
  expect((await client.tools()).length).toBeGreaterThan(5);
  await client.close();
  child.kill('SIGTERM');
  expect(await exited(child)).toBe(0);
  other.close();

  writeFileSync(join(world.home, 'token'), 'short\n');
  world.spawn(['serve']);
  await until(async () => (await status().catch(() => undefined))?.http.reason !== undefined);
  expect((await status()).http.reason).toMatch(/token holds no usable token.*yardmaster token --rotate/);
});

test('the foreground says the address and the line to paste, without the token; a signal leaves nothing', async () => {
  const child = world.spawn(['serve']);
  let out = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  await until(() => out.includes('--transport http'));
  const url = await listening();
  expect(out).toContain(`  http     ${url.href}, for whoever has the token`);
  expect(out).toMatch(
    new RegExp(
      `claude mcp add --transport http yardmaster ${url.href} --header "Authorization: Bearer \\$\\(.* token\\)"`,
    ),
  );
  expect(out).not.toContain(token());
  const stream = await fetch(new URL('/sse', url), requestInit());
  child.kill('SIGTERM');
  expect(await exited(child)).toBe(0); // by itself: no handle is left
  await stream.text();
  await expect(fetch(url)).rejects.toThrow();
});

test('switched off, nothing listens and no token is made', async () => {
  world.configure({ http: { enabled: false } });
  await world.start();
  expect((await status()).http).toEqual({ state: 'off' });
  expect(() => token()).toThrow();
});
