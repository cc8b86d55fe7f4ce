import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Client as NewClient } from '@modelcontextprotocol/client';
import { StdioClientTransport as NewStdio } from '@modelcontextprotocol/client/stdio';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as OldStdio } from '@modelcontextprotocol/sdk/client/stdio.js';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runBridge } from '../../src/bridge.ts';
import { LINE_LIMIT } from '../../src/lines.ts';
import { exited, standIn, until, World } from '../support/world.ts';

// Many processes on a busy machine: nothing here measures time.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.end());

interface Answer {
  readonly id: number | string | null;
  readonly result?: Record<string, unknown>;
  readonly error?: { code: number; message: string };
}

/** A client that speaks in lines and writes down what it hears. */
function lineClient(env: Record<string, string> = {}) {
  const child = world.run(['mcp'], env);
  const heard: Answer[] = [];
  let rest = '';
  child.stdout?.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) heard.push(JSON.parse(line) as Answer);
  });
  return {
    child,
    heard,
    say: (...messages: object[]) => child.stdin?.write(messages.map((m) => `${JSON.stringify(m)}\n`).join('')),
    answerTo: async (id: number | string | null): Promise<Answer> => {
      await until(() => heard.some((answer) => answer.id === id));
      return heard.find((answer) => answer.id === id) as Answer;
    },
  };
}

const initialize = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
};
const status = (id: number) => ({ jsonrpc: '2.0', id, method: 'yardmaster/status' });
const call = (id: number, name: string, args: object) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

async function killRuntime(): Promise<void> {
  const pid = world.owner();
  if (pid === undefined) return;
  process.kill(pid, 'SIGKILL');
  await until(() => world.owner() !== pid);
}

test('twenty kills of the runtime under a working client: every call is answered, and once', {
  timeout: 120_000,
}, async () => {
  const { say, heard, answerTo } = lineClient();
  say(initialize, { jsonrpc: '2.0', method: 'notifications/initialized' });
  await answerTo('init');
  const pids = new Set<unknown>();
  for (let round = 0; round < 20; round++) {
    const first = round * 10;
    for (let id = first; id < first + 10; id++) say(call(id, 'echo', { text: `text ${id}` }));
    if (round % 2 === 0) await answerTo(first); // some in the middle of answering, some before
    await killRuntime();
    for (let id = first; id < first + 10; id++) {
      const { result = {} } = await answerTo(id);
      expect(result.structuredContent).toMatchObject({ text: `text ${id}` });
      pids.add((result.structuredContent as { pid: number }).pid);
    }
  }
  expect(pids.size).toBeGreaterThan(10);
  const answered = heard.flatMap(({ id }) => (id === undefined ? [] : [id])); // the rest is news of lists
  expect(answered).toHaveLength(201);
  expect(new Set(answered).size).toBe(201);
});

test('a call that waits while its runtime is killed is taken up by the next one', async () => {
  const { say, answerTo, heard } = lineClient();
  say(initialize, call(1, 'linger', { ms: 300, trace: 'trace' }));
  await until(() => world.lines('trace').length === 1);
  await killRuntime();
  expect((await answerTo(1)).result?.structuredContent).toEqual({ waited: 300 });
  expect(world.lines('trace')).toEqual(['began', 'began']);
  expect(heard).toHaveLength(2);
});

test('a hundred bridges at once leave one runtime, and all are served by it', { timeout: 180_000 }, async () => {
  const clients = Array.from({ length: 100 }, () => lineClient());
  for (const { say } of clients) say(status(1));
  const pids = new Set<unknown>();
  for (const { child, heard } of clients) {
    await until(() => heard.length > 0, 120_000);
    pids.add(heard[0]?.result?.pid);
    child.stdin?.end();
    expect(await exited(child)).toBe(0);
  }
  expect([...pids]).toEqual([world.owner()]);
  expect(world.lines('starts')).toEqual([String(world.owner())]);
});

test('it ends when its input ends, after the answers that were asked for', async () => {
  const { child, heard } = lineClient();
  child.stdin?.end(`${JSON.stringify(initialize)}\n${JSON.stringify(call(2, 'linger', { ms: 300, trace: 'trace' }))}`);
  expect(await exited(child)).toBe(0);
  await until(() => heard.length === 2);
  expect(heard.map(({ id }) => id)).toEqual(['init', 2]);
});

test('it does not wait long for an answer that does not come', async () => {
  const { child, heard } = lineClient();
  child.stdin?.end(
    [initialize, call(2, 'linger', { ms: 60_000, trace: 'trace' })].map((m) => `${JSON.stringify(m)}\n`).join(''),
  );
  expect(await exited(child)).toBe(0);
  expect(heard).toHaveLength(1);
  await until(() => world.lines('trace').includes('cancelled'));
});

test('calls wait for a runtime that is still recovering; the handshake does not', async () => {
  mkdirSync(world.home.dir, { recursive: true });
  writeFileSync(join(world.home.dir, 'recover-slowly'), '');
  const { say, answerTo, heard } = lineClient();
  say(initialize, call(1, 'echo', { text: 'x' }), status(2));
  expect((await answerTo(2)).result?.state).toBe('recovering');
  await answerTo('init');
  expect(heard.some(({ id }) => id === 1)).toBe(false);
  expect((await answerTo(1)).result?.structuredContent).toMatchObject({ text: 'x' });
});

test('a runtime that cannot recover says so to who waits, and the log has the reason', async () => {
  mkdirSync(world.home.dir, { recursive: true });
  writeFileSync(join(world.home.dir, 'refuse-to-start'), '');
  const { say, answerTo } = lineClient();
  say(initialize, call(1, 'echo', { text: 'x' }));
  const { result } = await answerTo(1);
  expect(result?.isError).toBe(true);
  expect(JSON.stringify(result)).toContain(`told not to. See ${world.home.log}`);
});

test('without any runtime each request is answered with where to look, and a later one tries again', async () => {
  mkdirSync(join(world.home.dir, '..'), { recursive: true });
  writeFileSync(world.home.dir, 'a file where the home should be');
  const { say, answerTo } = lineClient();
  say(initialize);
  expect((await answerTo('init')).error?.message).toContain(world.home.dir);
  say(status(1));
  expect((await answerTo(1)).error).toBeDefined();
});

test('a program that ends at once is started three times, then the log is named', async () => {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const program = { serve: [process.execPath, '-e', 'process.exit(4)'] as [string, ...string[]], env: world.env };
  const bridge = runBridge({ home: world.home, program, input, output });
  input.write(`${JSON.stringify(initialize)}\n`);
  const answer = JSON.parse(String(await new Promise((resolve) => output.once('data', resolve)))) as Answer;
  expect(answer.error?.message).toBe(`Yardmaster: The runtime ended 3 times while starting. See ${world.home.log}`);
  input.end();
  await bridge;
});

test('a runtime that was stopped on purpose stays stopped until somebody asks', async () => {
  const { say, answerTo } = lineClient();
  say(status(1));
  const { result } = await answerTo(1);
  say({ jsonrpc: '2.0', id: 2, method: 'yardmaster/shutdown' });
  expect((await answerTo(2)).result).toEqual({ stopping: true, pid: result?.pid });
  await until(() => world.owner() === undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_500)); // long enough for a bridge that would not wait
  expect(world.owner()).toBeUndefined();
  say(status(3));
  expect((await answerTo(3)).result?.pid).toBe(world.owner());
  expect(world.lines('starts')).toHaveLength(2);
});

test('a message beyond the limit is refused by its id, and the next one works', async () => {
  const { child, say, answerTo } = lineClient();
  say(initialize);
  child.stdin?.write(`{"jsonrpc":"2.0","method":"tools/call","params":{"name":"echo","arguments":{"text":"`);
  child.stdin?.write('a'.repeat(LINE_LIMIT));
  child.stdin?.write(`"}},"id":5}\n`);
  expect((await answerTo(5)).error).toMatchObject({ code: -32600 });
  say(call(6, 'echo', { text: 'b'.repeat(4_000_000) }));
  expect((await answerTo(6)).result?.structuredContent).toMatchObject({ text: 'b'.repeat(4_000_000) });
});

test('a client that reads late gets everything', async () => {
  const { child, say, answerTo, heard } = lineClient();
  say(initialize);
  await answerTo('init');
  child.stdout?.pause();
  const text = 'c'.repeat(1_000_000);
  for (let id = 1; id <= 30; id++) say(call(id, 'echo', { text }));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  child.stdout?.resume();
  await until(() => heard.length === 31, 40_000);
});

test('an attempt’s token does not go to the runtime that its bridge happens to start', async () => {
  const probe = join(world.home.dir, 'env');
  const [input, output] = [new PassThrough(), new PassThrough()];
  const script = `const fs = require('fs'), to = ${JSON.stringify(probe)}; fs.writeFileSync(to + '.part', JSON.stringify(process.env)); fs.renameSync(to + '.part', to); process.exit(4)`;
  const env = { ...world.env, YARDMASTER_ATTEMPT_TOKEN: 'secret', CLAUDE_CODE_SESSION_ID: 's', OTHER: 'kept' };
  const bridge = runBridge({
    home: world.home,
    program: { serve: [process.execPath, '-e', script], env },
    input,
    output,
  });
  await until(() => existsSync(probe));
  input.end();
  await bridge;
  const got = JSON.parse(world.lines('env').join('\n')) as Record<string, string>;
  expect(got.OTHER).toBe('kept');
  expect(got.YARDMASTER_ATTEMPT_TOKEN).toBeUndefined();
  expect(got.CLAUDE_CODE_SESSION_ID).toBeUndefined();
});

test.each(['older', 'newer'])('an SDK client of the %s protocol works across kills without noticing', async (era) => {
  const server = { command: process.execPath, args: [standIn, 'mcp'], env: world.env };
  const info = { name: 'test', version: '1' };
  const older = new OldClient(info);
  const newer = new NewClient(info, { versionNegotiation: { mode: 'auto' } });
  if (era === 'older') await older.connect(new OldStdio(server));
  else await newer.connect(new NewStdio(server));
  const echo = (text: string): Promise<Record<string, unknown>> =>
    (era === 'older' ? older : newer).callTool({ name: 'echo', arguments: { text } }) as Promise<
      Answer['result'] & object
    >;
  for (let round = 0; round < 5; round++) {
    const texts = ['0', '1', '2', '3', '4'];
    const calls = texts.map(echo);
    await killRuntime();
    const answers = await Promise.all(calls);
    expect(answers.map(({ structuredContent }) => (structuredContent as { text: string }).text)).toEqual(texts);
  }
  await older.close();
  await newer.close();
});
