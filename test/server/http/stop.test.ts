import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { type HttpParts, listenHttp } from '../../../src/server/http/listen.ts';
import { until } from '../../support/world.ts';
import { Http, modernCall, modernHeaders, settings } from './world.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ym-http-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const trace = () => {
  try {
    return readFileSync(join(home, 'trace'), 'utf8');
  } catch {
    return '';
  }
};

function refused(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(true));
    socket.once('connect', () => resolve(socket.destroy() === undefined));
  });
}

test('a call that is open gets its answer; what comes then is sent away; streams end; nothing is left', async () => {
  const http = await Http.open({ home });
  const idle = await http.socket();
  const stream = await http.fetch('/sse');
  const open = http.call('linger', { ms: 500, trace: 'trace' });
  await until(() => trace() === 'began\n');
  const late = await http.socket(); // connected before, asks afterwards
  const closing = http.close(20_000);
  late.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:'.concat(String(http.port), '\r\n\r\n'));
  const [said] = (await new Promise<Buffer[]>((resolve) => late.once('data', (chunk) => resolve([chunk])))) as [Buffer];
  expect(said.toString()).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1/i);
  expect(await (await open).text()).toContain('"waited":500');
  await stream.text(); // ends
  await closing;
  await until(() => idle.destroyed || idle.readableEnded);
  expect(await refused(http.port)).toBe(true);
  await http.close(0); // twice is once
});

test('a call that does not come to its end is cut when the grace is over', async () => {
  const http = await Http.open({ home });
  const open = http.call('linger', { ms: 60_000, trace: 'trace' }).then(
    (answer) => answer.text(),
    () => 'cut',
  );
  await until(() => trace() === 'began\n');
  await http.close(100);
  await open;
  await until(() => trace() === 'began\ncancelled\n');
});

test('a client that goes away ends its call', async () => {
  const http = await Http.open({ home });
  const gone = new AbortController();
  const body = JSON.stringify(modernCall('linger', { ms: 60_000, trace: 'trace' }));
  const init = { method: 'POST', body, headers: modernHeaders('linger'), signal: gone.signal };
  const open = expect(http.fetch('/mcp', init)).rejects.toThrow();
  await until(() => trace() === 'began\n');
  gone.abort();
  await open;
  await until(() => trace() === 'began\ncancelled\n');
  await http.close(0);
});

const parts: HttpParts = {
  log: { debug() {}, info() {}, warn() {}, error() {} },
  state: () => 'ready',
  whose: async () => undefined,
  mcp: () => Promise.reject(new Error('nobody asked for it')),
  web: async () => undefined,
};

test('a port that is taken, and a place that others reach, are refused with what to do', async () => {
  const http = await Http.open();
  const taken = await listenHttp({ ...settings, port: http.port }, parts);
  expect(taken).toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining(`127.0.0.1:${http.port} is taken`),
    hint: expect.stringContaining('http.port'),
  });
  for (const host of ['0.0.0.0', '::', '192.0.2.7', 'example.org']) {
    expect(await listenHttp({ ...settings, host }, parts)).toMatchObject({
      code: 'not_allowed',
      hint: expect.stringContaining('http.allow_remote'),
    });
  }
  const elsewhere = await listenHttp({ ...settings, host: '192.0.2.7', allow_remote: true }, parts);
  expect(elsewhere).toMatchObject({ code: 'unavailable', message: expect.stringContaining("can't be used") });
  const local = await listenHttp({ ...settings, host: 'localhost' }, parts);
  expect(isRefusal(local)).toBe(false);
  if (!isRefusal(local)) await local.close(0);
  await http.close(0);
});
