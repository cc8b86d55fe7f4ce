import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tryConnect } from '../../src/bridge/reach.ts';
import { exited, until, World } from '../support/world.ts';

// Many processes on a busy machine: nothing here measures time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.end());

type Heard = Record<string, unknown> & { id?: unknown; method?: string };

interface Line {
  readonly socket: Socket;
  readonly heard: Heard[];
  readonly closed: Promise<void>;
  say(...messages: unknown[]): void;
  next(wanted: (message: Heard) => boolean): Promise<Heard>;
}

/** A runtime in the foreground and a bare connection to it. */
async function runtime(at = world) {
  const child = at.run(['serve', '--background']);
  await until(async () => {
    const socket = await tryConnect(at.home);
    socket?.destroy();
    return socket !== undefined;
  });
  return child;
}

async function line(at = world): Promise<Line> {
  const socket = (await tryConnect(at.home)) as Socket;
  const heard: Heard[] = [];
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) heard.push(JSON.parse(text) as Heard);
  });
  return {
    socket,
    heard,
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
    say: (...messages) => {
      socket.write(messages.map((m) => `${typeof m === 'string' ? m : JSON.stringify(m)}\n`).join(''));
    },
    next: async (wanted) => {
      await until(() => heard.some(wanted));
      return heard.find(wanted) as Heard;
    },
  };
}

const hello = (params: object = {}) => ({
  jsonrpc: '2.0',
  method: 'yardmaster/hello',
  params: { bridge: 'b1', version: '0.1.0', ...params },
});
const request = (id: number, method: string, params: object = {}) => ({ jsonrpc: '2.0', id, method, params });
const byId = (id: unknown) => (message: Heard) => message.id === id && message.method === undefined;

test('the socket is the owner’s alone', async () => {
  await runtime();
  const { say, next, socket } = await line();
  say(hello(), request(1, 'yardmaster/status'));
  await next(byId(1)); // until it answers, only the home's own mode keeps others out
  socket.destroy();
  expect(statSync(world.home.socket).mode & 0o777).toBe(0o600);
  expect(statSync(world.home.dir).mode & 0o777).toBe(0o700);
});

test('who does not say hello first is turned away with the reason', async () => {
  await runtime();
  const { say, next, closed } = await line();
  say(request(1, 'tools/list'));
  expect(await next(byId(1))).toMatchObject({ error: { message: expect.stringContaining('yardmaster/hello') } });
  await closed;
});

test('a foreign token is refused before anything is answered', async () => {
  await runtime();
  const { say, heard, closed } = await line();
  say(hello({ token: 'stolen' }), request(1, 'yardmaster/status'));
  await closed;
  expect(heard).toMatchObject([{ id: null, error: { message: expect.stringContaining('belongs to no attempt') } }]);
});

test('the owner’s own methods are answered beside MCP; an attempt gets none of them', async () => {
  await runtime();
  const owner = await line();
  owner.say(
    hello(),
    request(1, 'yardmaster/twice', { of: 21 }),
    request(2, 'yardmaster/no'),
    request(3, 'yardmaster/none'),
  );
  expect(await owner.next(byId(1))).toMatchObject({ result: { twice: 42 } });
  expect(await owner.next(byId(2))).toMatchObject({
    error: { message: 'Not now.', data: { code: 'busy', hint: 'Later.' } },
  });
  expect(await owner.next(byId(3))).toMatchObject({ error: { code: -32601 } });

  const attempt = await line();
  attempt.say(
    hello({ token: 'secret' }),
    request(1, 'yardmaster/twice', { of: 21 }),
    request(2, 'yardmaster/shutdown'),
  );
  expect(await attempt.next(byId(1))).toMatchObject({ error: { code: -32010 } });
  expect(await attempt.next(byId(2))).toMatchObject({ error: { code: -32010 } });
});

test('tools can be called without a handshake, under the name of bridge and request', async () => {
  await runtime();
  const { say, next } = await line();
  say(hello({ bridge: 'cli-1' }), request(7, 'tools/call', { name: 'whoami', arguments: {} }));
  const answer = await next(byId(7));
  expect(answer.result).toMatchObject({ structuredContent: { principal: 'owner', bridge: 'cli-1', call: 'cli-1:7' } });
});

test('nonsense gets an answer and harms nobody', async () => {
  await runtime();
  const { say, next } = await line();
  say(hello(), 'nonsense', '[1,2]', request(1, 'yardmaster/status'));
  expect(await next((m) => m.id === null)).toMatchObject({ error: { code: -32700 } });
  expect(await next(byId(1))).toMatchObject({ result: { state: 'ready' } });
  say({ id: 2, method: 'tools/list' });
  expect(await next(byId(2))).toMatchObject({ error: { code: -32600 } });
});

test('a home whose path is too long for a socket works all the same (Linux)', async () => {
  const far = new World('x'.repeat(120));
  try {
    expect(Buffer.byteLength(far.home.socket)).toBeGreaterThan(108);
    await runtime(far);
    const { say, next } = await line(far);
    say(hello(), request(1, 'yardmaster/status'));
    expect(await next(byId(1))).toMatchObject({ result: { home: far.home.dir } });
  } finally {
    await far.end();
  }
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s stops it in order: farewell, socket gone, runtime stopped, lock free',
  async (signal) => {
    const child = await runtime();
    const { say, next, closed, heard } = await line();
    say(hello(), request(1, 'tools/call', { name: 'linger', arguments: { ms: 400, trace: 'trace' } }));
    await until(() => world.lines('trace').length === 1);
    child.kill(signal);
    expect(await next(byId(1))).toMatchObject({ result: { structuredContent: { waited: 400 } } });
    await closed;
    expect(heard.at(-1)).toEqual({ jsonrpc: '2.0', method: 'yardmaster/closing', params: {} });
    expect(await exited(child)).toBe(0); // by itself: no handle is left
    expect(world.lines('stops')).toHaveLength(1);
    expect(statSync(world.home.socket, { throwIfNoEntry: false })).toBeUndefined();
    expect((await runtime()).exitCode).toBeNull();
  },
);

test('a client that never reads and never answers does not keep it from stopping', async () => {
  const child = await runtime();
  const { socket, say } = await line();
  say(hello(), request(1, 'tools/call', { name: 'linger', arguments: { ms: 60_000, trace: 'trace' } }));
  await until(() => world.lines('trace').length === 1);
  socket.pause();
  child.kill('SIGTERM');
  expect(await exited(child)).toBe(0);
});

test('a second runtime for the same home says who has it, and leaves it alone', async () => {
  await runtime();
  const second = world.run(['serve', '--background']);
  let said = '';
  second.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  expect(await exited(second)).toBe(75);
  expect(said).toContain(`Another runtime owns ${world.home.dir}`);
  const { say, next } = await line();
  say(hello(), request(1, 'yardmaster/status'));
  expect(await next(byId(1))).toMatchObject({ result: { state: 'ready' } });
});

test('a stale socket of a killed runtime is replaced', async () => {
  const first = await runtime();
  first.kill('SIGKILL');
  await exited(first);
  expect(statSync(world.home.socket, { throwIfNoEntry: false })).toBeDefined();
  await runtime();
});

test('it makes room for a newer version, and not for an attempt that claims to be one', async () => {
  const child = await runtime();
  const attempt = await line();
  attempt.say(hello({ version: '99.0.0', token: 'secret' }), request(1, 'yardmaster/status'));
  await attempt.next(byId(1));
  await sleep(200);
  expect(child.exitCode).toBeNull();

  const newer = await line();
  newer.say(hello({ version: '99.0.0' }));
  await newer.closed;
  expect(newer.heard).toEqual([{ jsonrpc: '2.0', method: 'yardmaster/closing', params: { to: '99.0.0' } }]);
  expect(await exited(child)).toBe(0);
});

test('embedded: one process serves its own client and others, makes room for nobody, and ends with its client', async () => {
  const child = world.run(['mcp', '--embedded']);
  await until(() => world.owner() === child.pid && world.lines('starts').length === 1);
  const other = await line();
  other.say(hello({ version: '99.0.0' }), request(1, 'yardmaster/status'), request(2, 'yardmaster/shutdown'));
  expect(await other.next(byId(1))).toMatchObject({ result: { embedded: true, pid: child.pid } });
  expect(await other.next(byId(2))).toMatchObject({ error: { data: { code: 'not_possible' } } });
  child.stdin?.write(`${JSON.stringify(request(5, 'tools/call', { name: 'echo', arguments: { text: 'x' } }))}\n`);
  const said = await new Promise((resolve) => child.stdout?.once('data', resolve));
  expect(JSON.parse(String(said))).toMatchObject({
    id: 5,
    result: { structuredContent: { text: 'x', pid: child.pid } },
  });
  child.stdin?.end();
  expect(await exited(child)).toBe(0);
  expect(world.lines('stops')).toHaveLength(1);
});

test('embedded, where another runtime has the home, carries bytes to that one', async () => {
  const owner = await runtime();
  const child = world.run(['mcp', '--embedded']);
  child.stdin?.end(`${JSON.stringify(request(5, 'yardmaster/status'))}\n`);
  const said = await new Promise((resolve) => child.stdout?.once('data', resolve));
  expect(JSON.parse(String(said))).toMatchObject({ id: 5, result: { pid: owner.pid, embedded: false } });
  expect(await exited(child)).toBe(0);
});

test.each([0, 20, 60, 150])('embedded, a signal %i ms after its start ends the whole process in order', async (ms) => {
  const child = world.run(['mcp', '--embedded']);
  await until(() => world.lines('starts').length === 1);
  await sleep(ms); // before, while and after its own client is connected
  child.kill('SIGTERM');
  expect(await exited(child)).toBe(0);
  expect(world.lines('stops')).toHaveLength(1);
  expect(world.owner()).toBeUndefined();
});

test('a Claude session that may be ours is greeted before the runtime knows, and called by what it turns out to be', async () => {
  mkdirSync(world.home.dir);
  writeFileSync(join(world.home.dir, 'recover-slowly'), '');
  await runtime();
  const { say, next, heard } = await line();
  const initialize = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  say(hello({ claude_session: 'ours' }), request(0, 'initialize', initialize));
  say(request(1, 'tools/call', { name: 'whoami', arguments: {} }), request(2, 'yardmaster/status'));
  await next(byId(0));
  expect(heard).toHaveLength(1);
  expect(await next(byId(1))).toMatchObject({ result: { structuredContent: { principal: 'attempt' } } });
  expect(await next(byId(2))).toMatchObject({ error: { code: -32010 } });
});
