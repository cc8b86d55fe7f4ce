import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { until } from '../../support/world.ts';
import { Http, heard, modernHeaders, type Options, TOKEN } from './world.ts';

vi.setConfig({ testTimeout: 120_000 });

let http: Http;
afterEach(() => http.close(0));

async function open(options: Options = {}): Promise<void> {
  http = await Http.open(options);
}

/** The head of a POST to /mcp, as its sender writes it. */
function head(more: Record<string, string>, token = TOKEN): string {
  const headers = {
    host: `127.0.0.1:${http.port}`,
    authorization: `Bearer ${token}`,
    ...modernHeaders('echo'),
    ...more,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `POST /mcp HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** Writes until the other end has had enough, or `total` went out; how much that was. */
async function pour(socket: Socket, total: number, frame: (chunk: Buffer) => Buffer[]): Promise<number> {
  const chunk = randomBytes(65_536);
  let sent = 0;
  while (sent < total && socket.writable) {
    for (const part of frame(chunk)) socket.write(part);
    sent += chunk.length;
    if (socket.writableNeedDrain) await happens(socket, 'drain', 'close');
  }
  return sent;
}

function happens(socket: Socket, ...events: string[]): Promise<void> {
  return new Promise((resolve) => {
    for (const event of events) socket.once(event, () => resolve());
  });
}

const plain = (chunk: Buffer) => [chunk];
const chunked = (chunk: Buffer) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')];
const GIGABYTE = 1024 ** 3;

test.each([
  ['announced', { 'content-length': String(GIGABYTE) }, plain],
  ['in chunks', { 'transfer-encoding': 'chunked' }, chunked],
] as const)('a body of a gigabyte, %s, is refused; memory stays flat', async (_name, headers, frame) => {
  await open();
  const before = process.memoryUsage();
  const socket = await http.socket();
  const answer = heard(socket);
  socket.write(head(headers));
  const sent = await pour(socket, GIGABYTE, frame);
  expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*larger than 65536 bytes/);
  const after = process.memoryUsage();
  expect(sent).toBeLessThan(GIGABYTE / 20);
  expect(after.external + after.arrayBuffers - before.external - before.arrayBuffers).toBeLessThan(40_000_000);
});

test('a body is not even read from a stranger', async () => {
  await open();
  const socket = await http.socket();
  const answer = heard(socket);
  socket.write(head({ 'content-length': String(GIGABYTE) }, 'b'.repeat(64)));
  expect(await pour(socket, GIGABYTE, plain)).toBeLessThan(GIGABYTE / 20);
  expect(await answer).toMatch(/^HTTP\/1\.1 401 /);
});

test('who asks before sending is told at once, without having sent it', async () => {
  await open();
  const refused = await http.socket();
  refused.write(head({ 'content-length': '1000000', expect: '100-continue' }));
  expect(await heard(refused)).toMatch(/^HTTP\/1\.1 413 /);
  const welcome = await http.socket();
  welcome.write(head({ 'content-length': '2', expect: '100-continue', connection: 'close' }));
  const [said] = (await once(welcome, 'data')) as [Buffer];
  expect(said.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
  welcome.write('{}');
  expect(await heard(welcome)).toMatch(/^HTTP\/1\.1 400 /);
});

const impatient = { headMs: 300, requestMs: 600, checkMs: 50 };

test.each([
  ['says nothing', () => '', ''],
  ['never ends its head', () => 'POST /mcp HTTP/1.1\r\nHost: x\r\n', 'X: y\r\n'],
  ['never ends its body', () => `${head({ 'content-length': '100' })}{"jso`, ' '],
])('a sender that %s is cut off', async (_name, opening, drop) => {
  await open({ patience: impatient });
  const socket = await http.socket();
  socket.write(opening());
  const drip = setInterval(() => socket.write(drop), 100);
  await heard(socket);
  clearInterval(drip);
});

test('a thousand idle connections keep nobody out, and go when there are too many', async () => {
  await open({ settings: { max_connections: 64 } });
  const idle = await Promise.all(Array.from({ length: 1_000 }, () => http.socket()));
  for (let i = 0; i < 20; i++) {
    const answer = await http.call('echo', { text: `still here ${i}` });
    expect(await answer.text()).toContain(`still here ${i}`);
  }
  await until(() => idle.filter((socket) => !socket.destroyed && !socket.readableEnded).length <= 64);
  for (const socket of idle) socket.destroy();
});

test('idle connections do not push out one that is at work', async () => {
  await open({ settings: { max_connections: 8 } });
  const stream = await http.fetch('/sse');
  const reader = stream.body?.getReader();
  await reader?.read();
  const idle = await Promise.all(Array.from({ length: 100 }, () => http.socket()));
  await until(() => idle.filter((socket) => !socket.destroyed && !socket.readableEnded).length < 8);
  await reader?.cancel(); // it was open until now, or this would have thrown before
  for (const socket of idle) socket.destroy();
});

test.each([
  ['a head without end', () => `GET /mcp HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(100_000)}`, /^HTTP\/1\.1 431 /],
  [
    'two lengths',
    () => `${head({ 'content-length': '2' }).replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n')}{}`,
    /^HTTP\/1\.1 400 /,
  ],
  [
    'a length and chunks',
    () => `${head({ 'content-length': '2', 'transfer-encoding': 'chunked' })}{}`,
    /^HTTP\/1\.1 400 /,
  ],
  ['no HTTP at all', () => `${randomBytes(200).toString('latin1')}\r\n\r\n`, /^HTTP\/1\.1 400 /],
])('%s is answered and cut', async (_name, said, answer) => {
  await open();
  const socket = await http.socket();
  socket.write(said());
  expect(await heard(socket)).toMatch(answer);
  expect((await http.call('whoami', {})).status).toBe(200);
});

test('a client that stops reading its stream is cut off before memory is full of what it does not take', async () => {
  await open({ settings: { max_body_bytes: 32_000_000 } });
  const text = 'x'.repeat(12_000_000); // its answer holds it twice
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo', arguments: { text } } };
  const socket = await http.socket();
  const closed = new Promise<boolean>((resolve) => socket.once('close', () => resolve(true)));
  socket.write(`GET /sse HTTP/1.1\r\nHost: 127.0.0.1:${http.port}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  const [said] = (await once(socket, 'data')) as [Buffer];
  const address = /data: (\S+)/.exec(said.toString())?.[1] ?? '';
  socket.pause();
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(call) };
  let status = 202;
  for (let calls = 0; status === 202; calls++) {
    expect(calls).toBeLessThan(10);
    status = (await http.fetch(address, init)).status;
  }
  expect(status).toBe(404); // its session went with it
  socket.resume();
  expect(await closed).toBe(true);
});
