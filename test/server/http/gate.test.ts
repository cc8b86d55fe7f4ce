import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Http, modernCall, modernHeaders, TOKEN } from './world.ts';

let http: Http;
beforeEach(async () => {
  http = await Http.open();
});
afterEach(() => http.close(0));

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** With every header as it is given: `fetch` would not send a foreign Host. */
function send(path: string, headers: Record<string, string>, method = 'GET', body = ''): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: http.port, path, method, headers, agent: false });
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    request.end(body);
  });
}

const auth = { authorization: `Bearer ${TOKEN}` };
const own = () => `127.0.0.1:${http.port}`;
const post = (headers: Record<string, string>) =>
  send('/mcp', { ...modernHeaders('whoami'), ...headers }, 'POST', JSON.stringify(modernCall('whoami', {})));

test('the owner’s token opens it', async () => {
  const { status, body } = await post(auth);
  expect(status).toBe(200);
  expect(body).toContain('"principal":"owner"');
});

describe('without the right token', () => {
  test.each([
    ['none', {}, 'Bearer realm="yardmaster"'],
    ['a wrong one', { authorization: `Bearer ${'b'.repeat(64)}` }, 'error="invalid_token"'],
    ['one that begins right', { authorization: `Bearer ${TOKEN.slice(0, -1)}` }, 'error="invalid_token"'],
    ['another scheme', { authorization: `Basic ${Buffer.from(`owner:${TOKEN}`).toString('base64')}` }, 'realm'],
    ['in the address', {}, 'realm'],
  ])('%s: 401, and how to get one', async (name, headers, challenge) => {
    const path = name === 'in the address' ? `/mcp?token=${TOKEN}` : '/mcp';
    for (const method of ['GET', 'POST', 'DELETE', 'PUT', 'OPTIONS']) {
      const got = await send(path, headers as Record<string, string>, method);
      expect(got.status).toBe(401);
      expect(got.headers['www-authenticate']).toContain(challenge);
      expect(JSON.parse(got.body)).toMatchObject({
        code: 'not_allowed',
        hint: expect.stringContaining('yardmaster token'),
      });
    }
  });

  test('no path says whether it exists', async () => {
    const answers = await Promise.all(
      ['/sse', '/messages?sessionId=1', '/nothing', '/api/v1/tools'].map((path) => send(path, {})),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1);
  });

  test('only /healthz answers, with one word', async () => {
    const { status, body } = await send('/healthz', {});
    expect([status, JSON.parse(body)]).toEqual([200, { status: 'ok' }]);
    expect((await send('/healthz', { host: 'evil.example' })).status).toBe(403);
    expect((await send('/healthz', {}, 'POST')).status).toBe(405);
  });

  test('nothing of a token gets into the log', async () => {
    await send('/mcp', { authorization: 'Bearer stolen-secret-stolen-secret-stolen' });
    await post(auth);
    expect(http.logged.join('\n')).not.toMatch(new RegExp(`stolen|${TOKEN}`));
  });
});

describe('a page of the web', () => {
  test('that points its own name here gets nothing, even with the token', async () => {
    for (const host of [
      `evil.example:${http.port}`,
      'evil.example',
      '127.0.0.1',
      '127.0.0.1:1',
      `127.0.0.1.:${http.port}`,
      `localhost.evil.example:${http.port}`,
      `[::2]:${http.port}`,
    ]) {
      const got = await post({ ...auth, host });
      expect([host, got.status]).toEqual([host, 403]);
      expect(got.body).not.toContain('evil');
    }
  });

  test('of another server gets nothing, even with the token', async () => {
    for (const origin of [
      'http://evil.example',
      `http://evil.example:${http.port}`,
      'null',
      'http://localhost:1',
      `http://127.0.0.1:${http.port}.evil.example`,
      'file://',
    ]) {
      expect([origin, (await post({ ...auth, origin })).status]).toEqual([origin, 403]);
    }
  });

  test('of our own, and programs that are no browsers, are served', async () => {
    for (const host of [own(), `localhost:${http.port}`, `LOCALHOST:${http.port}`, `[::1]:${http.port}`]) {
      expect((await post({ ...auth, host, origin: `http://${host}` })).status).toBe(200);
      expect((await post({ ...auth, host })).status).toBe(200);
    }
  });

  test('asking beforehand (OPTIONS) learns nothing', async () => {
    const got = await send(
      '/mcp',
      { origin: 'http://evil.example', 'access-control-request-method': 'POST' },
      'OPTIONS',
    );
    expect(got.status).toBe(403);
    expect(Object.keys(got.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('with the token', () => {
  test.each([
    ['an unknown path', 'GET', '/nowhere', {}, 404],
    ['a wrong method', 'PUT', '/mcp', {}, 405],
    ['a stream without a session', 'GET', '/mcp', {}, 405],
    ['no type', 'POST', '/mcp', {}, 415],
    ['a foreign type', 'POST', '/mcp', { 'content-type': 'text/plain' }, 415],
    ['a compressed body', 'POST', '/mcp', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 415],
    ['an absolute target', 'GET', 'http://evil.example/mcp', {}, 400],
    ['a doubled slash', 'GET', '//evil.example/mcp', {}, 400],
  ])('%s is refused with the reason', async (_name, method, path, headers, status) => {
    const got = await send(path, { ...auth, host: own(), ...headers }, method, method === 'POST' ? '{}' : '');
    expect(got.status).toBe(status);
    if (status === 405) expect(got.headers.allow).toContain('POST');
    const said = JSON.parse(got.body) as { message?: string; error?: { message: string } };
    expect(said.message ?? said.error?.message).toBeTruthy();
  });

  test('what is not JSON gets a parse error, what is no JSON-RPC an error', async () => {
    for (const body of ['nonsense', '', '{', 'null', '7', '[]', '{"a":1}', '[[]]', `${'['.repeat(30_000)}`]) {
      const got = await send('/mcp', { ...auth, ...modernHeaders('whoami') }, 'POST', body);
      expect([body.slice(0, 9), got.status]).toEqual([body.slice(0, 9), 400]);
      expect(JSON.parse(got.body)).toMatchObject({ error: { code: expect.any(Number) } });
    }
    expect((await post(auth)).status).toBe(200);
  });

  test('a call that names itself by Idempotency-Key keeps that name; one that does not has none', async () => {
    const named = await http.call('whoami', {}, { 'idempotency-key': 'k-1' });
    expect(await named.text()).toMatch(/"call":"key:owner:whoami [0-9a-f]{32} k-1"/);
    expect(await (await http.call('whoami', {})).text()).not.toContain('"call"');
  });
});

test('a new token takes the old one’s place at once', async () => {
  const next = 'c'.repeat(64);
  const stream = await http.fetch('/sse');
  const reader = stream.body?.getReader();
  await reader?.read();
  http.bearers.replace(next);
  http.server.sweep();
  expect(await reader?.read()).toMatchObject({ done: true });
  expect((await post(auth)).status).toBe(401);
  expect((await post({ authorization: `Bearer ${next}` })).status).toBe(200);
});
