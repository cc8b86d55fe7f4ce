import { afterAll, beforeAll, expect, test } from 'vitest';
import { tools } from '../../src/tools/index.ts';
import { until } from '../support/world.ts';
import { World } from './world.ts';

const shell = (script: string) => ['sh', '-c', script, 'agent', '{prompt_file}'];
const world = new World({
  agents: { echo: { command: shell('cat "$1"'), max: 4 }, wait: { command: shell('sleep 60'), max: 4 } },
  dispatcher: { default_agent: 'echo' },
  headless: { max_running: 8, grace: '100ms' },
  http: { max_body_bytes: 100_000 },
});
beforeAll(() => world.start());
afterAll(() => world.end());

const LATER = { not_before: '2099-01-01T00:00:00Z' };

test('a task is posted, has an address, is waited for there, and its result is read', async () => {
  const project = world.project('shop');
  const made = await world.post('/api/v1/tasks', { project, title: 'Say hello', body: 'Hello, yard.' });
  expect(made).toMatchObject({ status: 201, json: { id: 'say-hello', project: 'shop', created: true } });
  expect(made.headers.location).toBe('/api/v1/tasks/shop/say-hello');
  const ended = await world.get(`${made.headers.location}?wait_seconds=25&detail=result`);
  expect(ended.status).toBe(200);
  expect(ended.json).toMatchObject({ all_ended: true, tasks: [{ state: 'done', runs_on: 'echo' }] });
  expect(ended.json.tasks[0]?.result.text).toContain('Hello, yard.');
});

test('a batch is posted as a group; it is listed, paged and waited for together', async () => {
  const project = world.project('batch');
  const tasks = ['one', 'two', 'three'].map((id) => ({ id, body: id, group: 'g 1' }));
  const made = await world.post('/api/v1/tasks', { project, tasks });
  expect(made).toMatchObject({ status: 200, json: { tasks: tasks.map(({ id }) => ({ id, created: true })) } });
  const all = await world.get('/api/v1/status?group=g%201&wait=all&wait_seconds=25');
  expect(all.json).toMatchObject({ all_ended: true, counts: { done: 3 } });
  const first = await world.get('/api/v1/tasks?project=batch&state=done,failed&limit=2');
  expect(first.json.tasks).toHaveLength(2);
  const rest = await world.get(
    `/api/v1/tasks?project=batch&state=done&state=failed&limit=2&cursor=${encodeURIComponent(first.json.next_cursor)}`,
  );
  const ids = [...first.json.tasks, ...rest.json.tasks].map(({ id }) => id).sort();
  expect(ids).toEqual(['one', 'three', 'two']);
  const named = await world.get('/api/v1/status?project=batch&ids=one,two');
  expect(named.json.tasks).toHaveLength(2);
});

test('a task is cancelled with a reason and retried as a new one', async () => {
  const project = world.project('change');
  await world.post('/api/v1/tasks', { project, id: 'later', body: 'x', ...LATER });
  const cancelled = await world.post('/api/v1/tasks/change/later/cancel', { reason: 'not needed' });
  expect(cancelled).toMatchObject({ status: 200, json: { state: 'cancelled' } });
  const retried = await world.post('/api/v1/tasks/change/later/retry');
  expect(retried).toMatchObject({ status: 200, json: { id: 'later-2', retry_of: 'later' } });
  const path = encodeURIComponent(project);
  expect(await world.get(`/api/v1/tasks/${path}/later`)).toMatchObject({
    status: 200,
    json: { tasks: [{ state: 'cancelled', reason: expect.stringContaining('not needed') }] },
  });
});

test('fleet, sessions and routes are the answers of their tools', async () => {
  expect((await world.get('/api/v1/fleet')).json).toMatchObject({ version: '0.0.0-test', agents: expect.any(Array) });
  expect((await world.get('/api/v1/sessions?limit=1')).json.sessions).toHaveLength(1);
  expect((await world.get('/api/v1/sessions/echo-1')).json).toMatchObject({ note: expect.stringContaining('idle') });
  expect((await world.post('/api/v1/route', { priority: 'critical' })).json.route).toMatchObject({ to: 'agent' });
  const message = await world.post('/api/v1/sessions/echo-1/message', { text: 'hi' });
  expect(message).toMatchObject({ status: 409, json: { code: 'not_possible' } });
  expect(await world.post('/api/v1/requests/req-1', { decision: 'deny' })).toMatchObject({ status: 404 });
  expect(await world.post('/api/v1/delegate', { body: 'x' })).toMatchObject({
    status: 409,
    json: { code: 'not_configured' },
  });
});

test('every tool is there under its own name, with its schemas', async () => {
  const { json } = await world.get('/api/v1/tools');
  expect(json.tools.map(({ name }) => name)).toEqual(tools.map(({ name }) => name));
  for (const tool of json.tools) expect(tool).toMatchObject({ input_schema: { type: 'object' }, hints: {} });
  expect((await world.get('/api/v1/tools/list_tasks')).json).toMatchObject({ name: 'list_tasks' });
  expect((await world.post('/api/v1/tools/fleet_status')).json).toMatchObject({ version: '0.0.0-test' });
  expect(await world.post('/api/v1/tools/drop_everything')).toMatchObject({
    status: 404,
    json: { code: 'not_found', hint: expect.stringContaining('openapi.json') },
  });
});

test('what a tool refuses has a status, a code and a next step', async () => {
  const project = world.project('errors');
  await world.post('/api/v1/tasks', { project, id: 'here', body: 'x', ...LATER });
  const cases: [string, string, unknown, number, string][] = [
    ['GET', '/api/v1/tasks/errors/nowhere', undefined, 404, 'not_found'],
    ['GET', '/api/v1/tasks/nobody/here', undefined, 404, 'not_found'],
    ['GET', '/api/v1/tasks?state=asleep', undefined, 400, 'invalid'],
    ['GET', '/api/v1/tasks?limit=many', undefined, 400, 'invalid'],
    ['GET', '/api/v1/tasks?colour=red', undefined, 400, 'invalid'],
    ['GET', '/api/v1/tasks?limit=1&limit=2', undefined, 400, 'invalid'],
    ['POST', '/api/v1/tasks', { project, id: 'here', body: 'y' }, 409, 'id_taken'],
    ['POST', '/api/v1/tasks', { project, body: 7 }, 400, 'invalid'],
    ['POST', '/api/v1/tasks', { body: 'nowhere to go' }, 400, 'invalid'],
    ['POST', '/api/v1/tasks', { project: '/etc', body: 'x' }, 403, 'not_allowed'],
    ['POST', '/api/v1/tasks/errors/here/retry', { id: 'here' }, 400, 'invalid'],
    ['POST', '/api/v1/tasks/errors/here/cancel?reason=x', {}, 400, 'invalid'],
  ];
  for (const [method, path, body, status, code] of cases) {
    const answer = await world.ask(method, path, body);
    expect([path, answer.status, answer.json.code]).toEqual([path, status, code]);
    expect(answer.json).toEqual({ code, message: expect.stringMatching(/./), hint: expect.stringMatching(/./) });
  }
});

test('a body that is no JSON object is refused and changes nothing', async () => {
  const before = (await world.get('/api/v1/tasks')).json.counts;
  const json = { 'content-type': 'application/json' };
  for (const body of ['{"project":', '[]', '"x"', '7', 'null', '{"a":1}}'])
    expect(await world.ask('POST', '/api/v1/tasks', body, json)).toMatchObject({
      status: 400,
      json: { code: 'invalid' },
    });
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const sent = await world.send('POST', '/api/v1/tasks', 'project=shop', { authorization: 'Bearer owner', ...form });
  expect(sent).toMatchObject({ status: 415, json: { hint: expect.stringContaining('--json') } });
  expect((await world.get('/api/v1/tasks')).json.counts).toEqual(before);
});

test('a body beyond the limit is refused before it is read, and in the middle of a stream', async () => {
  const headers = { authorization: 'Bearer owner', 'content-type': 'application/json' };
  const body = `{"body":"${'x'.repeat(5_000_000)}"}`;
  const announced = await world.send('POST', '/api/v1/tasks', body, headers);
  expect(announced).toMatchObject({ status: 413, json: { code: 'too_large' } });
  const streamed = await world.send('POST', '/api/v1/tasks', body, { ...headers, 'transfer-encoding': 'chunked' });
  expect(streamed).toMatchObject({ status: 413, json: { code: 'too_large' } });
});

test('paths are decoded once and never lead elsewhere', async () => {
  const paths: [string, number][] = [
    ['/api/v1/tasks/%2e%2e/%2e%2e/fleet', 404],
    ['/api/v1/tasks/..%2f..%2f..%2fetc/passwd', 404],
    ['/api/v1/tasks/shop/..%2fdone%2fsay-hello', 400],
    ['/api/v1/tasks/shop/%252e%252e', 400],
    ['/api/v1/tasks/shop/a%00b', 400],
    ['/api/v1/tasks/shop/%zz', 400],
    ['/api/v1/tasks/shop/', 404],
    ['/api/v1/tasks//say-hello', 404],
    ['/api/v1//fleet', 404],
    ['/API/v1/fleet', 404],
    ['/api/v1/tools/__proto__', 404],
    ['/api/v1/fleet/', 404],
    ['/api/v2/fleet', 404],
    ['/watchdog/', 404],
    ['//api/v1/fleet', 404],
  ];
  for (const [path, status] of paths) expect([path, (await world.get(path)).status]).toEqual([path, status]);
  expect((await world.get('/mcp')).text).toBe('elsewhere');
  expect((await world.get('/api/v1/tasks/../fleet')).status).toBe(200); // as every browser reads it
});

test('HEAD says what GET would, OPTIONS and 405 say what is allowed', async () => {
  const head = await world.ask('HEAD', '/api/v1/tasks');
  expect(head).toMatchObject({ status: 200, text: '', headers: { 'content-type': expect.stringContaining('json') } });
  expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
  const options = await world.ask('OPTIONS', '/api/v1/tasks');
  expect(options).toMatchObject({ status: 204, headers: { allow: 'GET, POST, HEAD, OPTIONS' } });
  const wrong = await world.ask('DELETE', '/api/v1/tasks/shop/say-hello');
  expect(wrong).toMatchObject({
    status: 405,
    json: { code: 'method_not_allowed' },
    headers: { allow: 'GET, HEAD, OPTIONS' },
  });
  expect(await world.ask('HEAD', '/api/v1/events')).toMatchObject({
    status: 200,
    headers: { 'content-type': expect.stringContaining('text/event-stream') },
  });
});

test('the same request under the same Idempotency-Key changes nothing twice, also after a restart', async () => {
  const project = world.project('once');
  const key = { 'idempotency-key': '5f0c2d1e-once' };
  const task = { project, title: 'Only once', body: 'x', ...LATER };
  const both = await Promise.all([world.post('/api/v1/tasks', task, key), world.post('/api/v1/tasks', task, key)]);
  expect(both.map(({ json }) => json.id)).toEqual(['only-once', 'only-once']);
  await world.restart();
  expect(await world.post('/api/v1/tasks', task, key)).toMatchObject({ status: 201, json: { id: 'only-once' } });
  const count = async () => (await world.get('/api/v1/tasks?project=once')).json.tasks.length;
  expect(await count()).toBe(1);
  // Another request is another one, whatever its key.
  await world.post('/api/v1/tasks', { ...task, body: 'y' }, key);
  expect(await count()).toBe(2);
  await world.post('/api/v1/tasks/once/only-once/cancel', {}, key);
  const retry = () => world.post('/api/v1/tasks/once/only-once/retry', {}, key);
  expect((await retry()).json.id).toBe('only-once-3');
  expect((await retry()).json.id).toBe('only-once-3');
  const bad = await world.post('/api/v1/tasks', task, { 'idempotency-key': 'two words' });
  expect(bad).toMatchObject({ status: 400, json: { message: expect.stringContaining('Idempotency-Key') } });
});

test('an attempt has the rights that it has over MCP', async () => {
  const project = world.project('inside');
  await world.post('/api/v1/tasks', { project, id: 'worker', body: 'x', agent: 'wait' });
  await until(() =>
    [...world.runtime.yard.store.open().values()].some(({ id, state }) => id === 'worker' && state === 'running'),
  );
  const me = { authorization: `Bearer ${world.token('worker')}` };
  expect((await world.get('/api/v1/tasks/inside/worker', me)).json.tasks[0]?.state).toBe('running');
  const closed: [string, string, unknown][] = [
    ['GET', '/api/v1/tasks/shop/say-hello', undefined],
    ['POST', '/api/v1/tasks/inside/worker/retry', {}],
    ['POST', '/api/v1/tasks/inside/worker/cancel', {}],
    ['POST', '/api/v1/requests/req-1', { decision: 'allow' }],
    ['GET', '/api/delegated/status', undefined],
    ['GET', '/watchdog/status', undefined],
  ];
  for (const [method, path, body] of closed)
    expect([path, (await world.ask(method, path, body, me)).status]).toEqual([path, 403]);
  expect(await world.post('/api/v1/tasks', { project, body: 'child' }, me)).toMatchObject({ status: 403 });
  expect(await world.get('/api/v1/tasks?project=shop', me)).toMatchObject({ status: 403 });
});

test('a caller that goes away is not waited for', async () => {
  const project = world.project('gone');
  await world.post('/api/v1/tasks', { project, id: 'later', body: 'x', ...LATER });
  const gone = new AbortController();
  const headers = { authorization: 'Bearer owner' };
  const url = `http://127.0.0.1:${world.port}/api/v1/tasks/gone/later?wait_seconds=40`;
  const waiting = fetch(url, { headers, signal: gone.signal }).catch((error: Error) => error.name);
  setImmediate(() => gone.abort());
  expect(await waiting).toBe('AbortError');
  expect((await world.get('/api/v1/fleet')).status).toBe(200);
});

test('the description names every path, and what it refers to is in it', async () => {
  const { json } = await world.get('/api/v1/openapi.json');
  expect(json.openapi).toBe('3.1.0');
  for (const path of [
    '/api/v1/tasks/{project}/{id}',
    '/api/v1/events',
    '/watchdog/status',
    '/api/v1/tools/enqueue_task',
  ])
    expect(Object.keys(json.paths)).toContain(path);
  const text = JSON.stringify(json);
  for (const [, ref = ''] of text.matchAll(/"\$ref":"#\/(components\/[^"]+)"/g))
    expect(ref.split('/').reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], json)).toBeDefined();
  for (const [path, operations] of Object.entries(json.paths))
    for (const { parameters = [] } of Object.values(operations)) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect(parameters.filter((one) => one.in === 'path').map(({ name }) => name)).toEqual(named);
    }
  const ids = Object.values(json.paths)
    .flatMap((operations) => Object.values(operations))
    .flatMap(({ operationId }) => operationId ?? []);
  expect(new Set(ids).size).toBe(ids.length);
});
