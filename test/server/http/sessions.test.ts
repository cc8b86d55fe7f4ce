import { afterEach, expect, test } from 'vitest';
import type { Caller } from '../../../src/runtime/yard.ts';
import { until } from '../../support/world.ts';
import { Http, type Options, TOKEN } from './world.ts';

let http: Http;
afterEach(() => http.close(0));

async function open(options: Options = {}): Promise<void> {
  http = await Http.open(options);
}

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };

function post(body: object, session?: string, token = TOKEN): Promise<Response> {
  const headers = session === undefined ? json : { ...json, 'mcp-session-id': session };
  return http.fetch('/mcp', { method: 'POST', headers, body: JSON.stringify(body) }, token);
}

async function initialize(token = TOKEN): Promise<string> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } };
  const answer = await post({ jsonrpc: '2.0', id: 0, method: 'initialize', params }, undefined, token);
  expect(answer.status).toBe(200);
  await answer.text();
  const session = answer.headers.get('mcp-session-id') ?? '';
  expect((await post({ jsonrpc: '2.0', method: 'notifications/initialized' }, session, token)).status).toBe(202);
  return session;
}

const whoami = (id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'whoami', arguments: {} } });

async function said(answer: Response): Promise<string> {
  return `${answer.status} ${await answer.text()}`;
}

function attempt(name: string): Caller {
  return { principal: 'attempt', name, task: { project: 'p', id: name } as never, depth: 0 };
}

/** The stream of a session, and what it has said so far. */
async function stream(path: string, headers: Record<string, string>, token = TOKEN) {
  const response = await http.fetch(path, { headers: { accept: 'text/event-stream', ...headers } }, token);
  expect(response.status).toBe(200);
  const heard = { text: '', ended: false };
  const reader = (response.body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream()).getReader();
  const end = async (): Promise<void> => {
    for (let next = await reader.read(); !next.done; next = await reader.read()) heard.text += next.value;
  };
  void end()
    .catch(() => {})
    .then(() => {
      heard.ended = true;
    });
  return { heard, cancel: () => reader.cancel() };
}

test('a session is its principal’s alone, on both old transports', async () => {
  await open();
  http.attempts.set('x'.repeat(40), attempt('one')).set('y'.repeat(40), attempt('two'));
  const session = await initialize('x'.repeat(40));
  expect(await said(await post(whoami(), session, 'x'.repeat(40)))).toContain('"name":"one"');
  for (const other of ['y'.repeat(40), TOKEN]) {
    expect(await said(await post(whoami(), session, other))).toMatch(/^404 .*Session not found/);
    expect((await http.fetch('/mcp', { method: 'DELETE', headers: { 'mcp-session-id': session } }, other)).status).toBe(
      404,
    );
    expect(
      (await http.fetch('/mcp', { headers: { accept: 'text/event-stream', 'mcp-session-id': session } }, other)).status,
    ).toBe(404);
  }
  expect(await said(await post(whoami(), session, 'x'.repeat(40)))).toContain('"name":"one"');

  const sse = await stream('/sse', {}, 'x'.repeat(40));
  await until(() => sse.heard.text.includes('sessionId='));
  const address = /data: (\S+)/.exec(sse.heard.text)?.[1] ?? '';
  const send = (token: string) =>
    http.fetch(address, { method: 'POST', headers: json, body: JSON.stringify(whoami()) }, token);
  expect((await send(TOKEN)).status).toBe(404);
  expect((await send('x'.repeat(40))).status).toBe(202);
  await until(() => sse.heard.text.includes('"name\\":\\"one'));
});

test('the same request of a session has the same name; another session’s has another', async () => {
  await open();
  const [one, two] = [await initialize(), await initialize()];
  const name = async (session: string, id: number) =>
    /"call":"([^"]*):/.exec(await said(await post(whoami(id), session)))?.[1];
  expect(await name(one, 7)).toBe(one);
  expect(await name(two, 7)).toBe(two);
  expect(one).toMatch(/^[0-9a-f-]{36}$/);
});

test('an attempt that has ended is nobody; its session ends with it', async () => {
  await open();
  const token = 'x'.repeat(40);
  http.attempts.set(token, attempt('one'));
  const session = await initialize(token);
  const { heard } = await stream('/mcp', { 'mcp-session-id': session }, token);
  http.attempts.delete(token);
  expect((await post(whoami(), session, token)).status).toBe(401);
  http.server.sweep();
  await until(() => heard.ended);
});

test('the session that was idle for longest makes room, and its client learns why', async () => {
  await open({ sessions: { max: 2, idleMs: 60_000 } });
  const [first, second] = [await initialize(), await initialize()];
  await said(await post(whoami(), first)); // the second is idle for longer now
  const third = await initialize();
  expect(await said(await post(whoami(), second))).toMatch(
    /^404 .*its place was needed \(http\.max_sessions\)\. Initialize again/,
  );
  expect(await said(await post(whoami(), first))).toMatch(/^200 /);
  expect(await said(await post(whoami(), third))).toMatch(/^200 /);
});

test('sessions at work are kept; who comes then is told to come later', async () => {
  await open({ sessions: { max: 1, idleMs: 0 } });
  const session = await initialize();
  const { heard, cancel } = await stream('/mcp', { 'mcp-session-id': session });
  http.server.sweep(); // an open stream is use enough
  const answer = await post({
    jsonrpc: '2.0',
    id: 0,
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  });
  expect(answer.headers.get('retry-after')).toBe('1');
  expect(await said(answer)).toMatch(/^503 .*http\.max_sessions/);
  expect(heard.ended).toBe(false);
  await cancel();
});

test('a session that nobody uses ends; so does one that its client ends', async () => {
  await open({ sessions: { max: 8, idleMs: 0 } });
  const [unused, ended] = [await initialize(), await initialize()];
  expect((await http.fetch('/mcp', { method: 'DELETE', headers: { 'mcp-session-id': ended } })).status).toBe(200);
  expect(await said(await post(whoami(), ended))).toMatch(/^404 .*its client ended it/);
  http.server.sweep();
  expect(await said(await post(whoami(), unused))).toMatch(/^404 .*was not used/);
  expect(await said(await post(whoami(), 'never-was'))).toMatch(
    /^404 .*perhaps the runtime was started again.*no task was lost/,
  );
});

test('a handshake that is refused leaves no session', async () => {
  await open({ sessions: { max: 1, idleMs: 60_000 } });
  const session = await initialize();
  const { cancel } = await stream('/mcp', { 'mcp-session-id': session });
  await cancel();
  for (let i = 0; i < 3; i++)
    expect((await post({ jsonrpc: '2.0', id: 0, method: 'initialize', params: {} })).status).toBe(400);
  expect(await said(await post(whoami(), session))).toMatch(/^200 /);
});

test('a stream that broke is continued after the last event that its client saw', async () => {
  await open();
  const session = await initialize();
  const subscribe = { jsonrpc: '2.0', id: 1, method: 'resources/subscribe', params: { uri: 'queue://inbox' } };
  expect((await post(subscribe, session)).status).toBe(200);
  const before = await stream('/mcp', { 'mcp-session-id': session });
  http.server.changed(['queue://inbox']);
  await until(() => /id: \S+\ndata: .*resources\/updated/.test(before.heard.text));
  await before.cancel();
  const last = [...before.heard.text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? '';
  http.server.changed(['queue://inbox']); // nobody listens
  http.server.changed(['queue://inbox']);
  const after = await stream('/mcp', { 'mcp-session-id': session, 'last-event-id': last });
  await until(() => after.heard.text.split('resources/updated').length === 3);
  await after.cancel();
});
