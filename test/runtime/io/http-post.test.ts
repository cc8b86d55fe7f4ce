import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { type Address, httpPoster } from '../../../src/runtime/io/http-post.ts';

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../fixtures/tls/${name}`, import.meta.url)), 'utf8');
const never = new AbortController().signal;
const LOOPBACK = { address: '127.0.0.1', family: 4 };
const order = (url: string) => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: '{"id":"a"}',
  private: true,
  timeout_ms: 20_000,
});
const open: { server: Server; sockets: Set<Socket> }[] = [];

afterEach(async () => {
  for (const { server, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  open.push({ server, sockets });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

const serve = (answer: RequestListener) => listening(createServer(answer));

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

/** Says one address the first time that it is asked, and another one ever after. */
function turncoat(first: Address, then: Address) {
  const asked: string[] = [];
  const lookup = async (host: string) => [asked.push(host) === 1 ? first : then];
  return { asked, lookup };
}

test('posts the body once, with its headers, under the name that was asked for', async () => {
  const seen: { host: string | undefined; body: string; type: string | undefined }[] = [];
  const port = await serve(async (request, answer) => {
    seen.push({ host: request.headers.host, body: await bodyOf(request), type: request.headers['content-type'] });
    answer.writeHead(202).end('thanks');
  });
  const { asked, lookup } = turncoat(LOOPBACK, { address: '169.254.169.254', family: 4 });
  const end = await httpPoster({ lookup }).post(order(`http://hook.example:${port}/in?a=1`), never);
  expect(end).toEqual({ kind: 'answer', status: 202 });
  expect(seen).toEqual([{ host: `hook.example:${port}`, body: '{"id":"a"}', type: 'application/json' }]);
  expect(asked).toEqual(['hook.example']); // resolved once: what it says later is of no matter (P1)
});

test('speaks TLS to the pinned address with the name of the address', async () => {
  const names: (string | false | null | undefined)[] = [];
  const server = createSecureServer({ key: pem('hook.key'), cert: pem('hook.crt') }, (request, answer) => {
    if (request.socket instanceof TLSSocket) names.push(request.socket.servername);
    answer.end();
  });
  const port = await listening(server as unknown as Server);
  const lookup = async () => [LOOPBACK];
  const trusting = httpPoster({ lookup, ca: pem('hook.crt') });
  expect(await trusting.post(order(`https://hook.example:${port}/`), never)).toEqual({ kind: 'answer', status: 200 });
  expect(names).toEqual(['hook.example']);
  const wary = await httpPoster({ lookup }).post(order(`https://hook.example:${port}/`), never);
  expect(wary).toMatchObject({ kind: 'broken', reason: expect.stringMatching(/self.signed|certificate/i) });
  const other = await trusting.post(order(`https://127.0.0.1:${port}/`), never);
  expect(other).toMatchObject({ kind: 'broken', reason: expect.stringMatching(/IP|altname/i) });
});

test('one address that may not be called forbids them all (P2)', async () => {
  let calls = 0;
  const port = await serve((_request, answer) => {
    calls++;
    answer.end();
  });
  const posted = (address: string, family: number, url: string, mayBePrivate: boolean) =>
    httpPoster({ lookup: async () => [LOOPBACK, { address, family }] }).post(
      { ...order(url), private: mayBePrivate },
      never,
    );
  for (const [address, family] of [
    ['169.254.169.254', 4],
    ['::ffff:a9fe:a9fe', 6],
    ['0.0.0.0', 4],
  ] as const) {
    const end = await posted(address, family, `http://hook.example:${port}/`, true);
    expect(end).toMatchObject({ kind: 'forbidden', reason: expect.stringContaining(`hook.example is at ${address}`) });
  }
  const shut = await posted('1.1.1.1', 4, `https://hook.example:${port}/`, false);
  expect(shut).toMatchObject({ kind: 'forbidden', reason: expect.stringContaining('callbacks.private') });
  const open = await posted('1.1.1.1', 4, `http://hook.example:${port}/`, true);
  expect(open).toMatchObject({ kind: 'forbidden', reason: expect.stringContaining('http:// is only for') });
  const literal = await httpPoster().post({ ...order(`http://[::ffff:127.0.0.1]:${port}/`), private: false }, never);
  expect(literal).toMatchObject({ kind: 'forbidden', reason: expect.stringContaining('private network') });
  expect(calls).toBe(0);
});

test('a redirect is an answer, and is not followed (P3)', async () => {
  const paths: (string | undefined)[] = [];
  const port = await serve((request, answer) => {
    paths.push(request.url);
    answer.writeHead(307, { location: 'http://169.254.169.254/latest' }).end();
  });
  const end = await httpPoster().post(order(`http://127.0.0.1:${port}/in`), never);
  expect(end).toEqual({ kind: 'answer', status: 307, location: 'http://169.254.169.254/latest' });
  expect(paths).toEqual(['/in']);
});

test('an answer without end is read to its bound', async () => {
  const port = await serve((_request, answer) => {
    answer.writeHead(200);
    const pour = () => {
      while (answer.write('x'.repeat(16_384)));
    };
    answer.on('drain', pour);
    pour();
  });
  expect(await httpPoster().post(order(`http://127.0.0.1:${port}/`), never)).toEqual({ kind: 'answer', status: 200 });
});

test('an answer that drips for ever counts by its first word', async () => {
  const port = await serve((_request, answer) => {
    answer.writeHead(200).write('t');
  });
  const brief = { ...order(`http://127.0.0.1:${port}/`), timeout_ms: 300 };
  expect(await httpPoster().post(brief, never)).toEqual({ kind: 'answer', status: 200 });
});

test('says how long to wait', async () => {
  const port = await serve((_request, answer) => answer.writeHead(503, { 'retry-after': '7' }).end());
  const end = await httpPoster().post(order(`http://127.0.0.1:${port}/`), never);
  expect(end).toEqual({ kind: 'answer', status: 503, retry_after_ms: 7_000 });
});

test('silence, a cut connection, nobody there, and a name that nobody knows are broken, each with its reason', async () => {
  const silent = await serve(() => {});
  const rude = await serve((request) => request.socket.destroy());
  const ask = (port: number, more = {}) => httpPoster().post({ ...order(`http://127.0.0.1:${port}/`), ...more }, never);
  expect(await ask(silent, { timeout_ms: 100 })).toMatchObject({
    kind: 'broken',
    reason: expect.stringContaining('no answer within'),
  });
  expect(await ask(rude)).toMatchObject({ kind: 'broken' });
  expect(await ask(1)).toMatchObject({ kind: 'broken', reason: expect.stringContaining('ECONNREFUSED') });
  const nobody = Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
  const unknown = httpPoster({ lookup: () => Promise.reject(nobody) }).post(order('https://hook.example/'), never);
  expect(await unknown).toEqual({ kind: 'broken', reason: 'hook.example could not be resolved (ENOTFOUND)' });
  const stuck = httpPoster({ lookup: () => new Promise(() => {}) }).post(
    { ...order('https://hook.example/'), timeout_ms: 50 },
    never,
  );
  expect(await stuck).toMatchObject({ kind: 'broken', reason: expect.stringContaining('within 50 ms') });
});

test('is called off at once', async () => {
  const off = new AbortController();
  const port = await serve(() => off.abort());
  const end = await httpPoster().post(order(`http://127.0.0.1:${port}/`), off.signal);
  expect(end).toEqual({ kind: 'broken', reason: 'the request was called off' });
});
