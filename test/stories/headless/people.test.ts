import { readdirSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { HeadlessWorld, whenRun } from './world.ts';

/* What agents without a terminal ask, and who answers. */

let world: HeadlessWorld;
afterEach(() => world.end());

const ASKS = '[[ask-permission:echo built >> out.txt]][[say:Over.]]';

test('a tool is allowed from outside while the run waits, and the run goes on', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, ASKS);
  const name = `shop/${id}`;
  const { requests = [] } = await whenRun(client, name, ({ state }) => state === 'blocked');
  const [request] = requests;
  expect(request).toMatchObject({ kind: 'permission', input: expect.stringContaining('echo built') });
  const { needs } = await client.ask<{ needs: { what: string }[] }>('fleet_status');
  expect(needs[0]?.what).toContain(`the agent of ${id} asks to use Bash`);
  const refused = await client.refused('message_session', { name, text: 'go on please' });
  expect(refused).toContain('answer_request');
  expect(await client.ask('answer_request', { request_id: request?.request_id, decision: 'allow' })).toMatchObject({
    ...{ answered: true, as: 'allowed', session: name },
  });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(world.lines(project, 'out.txt')).toEqual(['built']);
  expect(await world.events('task_blocked')).toMatchObject([{ id, session: name, on: 'permission' }]);
  expect(await world.events('task_unblocked')).toMatchObject([{ id, session: name }]);
});

test('a tool that a person denies is not used, and the result says that nothing is certain', async () => {
  world = new HeadlessWorld({ retry: { max_attempts: 1 } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, ASKS);
  const { requests = [] } = await whenRun(client, `shop/${id}`, ({ state }) => state === 'blocked');
  const denied = await world.cli(['deny', requests[0]?.request_id ?? '', '--reason', 'not here']);
  expect(denied.stdout).toContain('denied');
  expect(await client.ended(project, id)).toMatchObject({ state: 'failed', error_class: 'permission' });
  expect(world.lines(project, 'out.txt')).toEqual([]);
});

test('a question is answered, and the run goes on with the answer', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[question:Which database?|postgres|sqlite]][[echo]]');
  const { requests = [] } = await whenRun(client, `shop/${id}`, ({ blocked_on }) => blocked_on === 'question');
  await client.ask('answer_request', {
    ...{ request_id: requests[0]?.request_id, answers: { 'Which database?': 'postgres' } },
  });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 1 });
  expect(ended.result?.text).toContain('postgres');
});

test('what nobody answers in time is denied, and the attempt fails', async () => {
  world = new HeadlessWorld({ blocked_timeout: '2s' });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, ASKS);
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'failed', error_class: 'permission', attempts: 1 });
  expect(ended.result?.text).toContain('nobody answered for 2 s');
  expect(world.lines(project, 'out.txt')).toEqual([]);
  await until(() => world.processes().every(({ command }) => !command.includes('reporter-')), 10_000);
});

test('time in which it waits for somebody does not count', async () => {
  world = new HeadlessWorld({ agents: { claude: { ttl: '3s' } } } as object);
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, ASKS);
  const { requests = [] } = await whenRun(client, `shop/${id}`, ({ state }) => state === 'blocked');
  const asked = Date.now();
  await until(() => Date.now() > asked + 4_500, 10_000); // longer than it may run
  await client.ask('answer_request', { request_id: requests[0]?.request_id, decision: 'allow' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
});

test('a request outlives the runtime: the next one shows it, takes the answer, and refuses messages', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, ASKS);
  const name = `shop/${id}`;
  const before = await whenRun(client, name, ({ state }) => state === 'blocked');
  await until(() => readdirSync(world.home, { recursive: true }).some((file) => String(file).endsWith('.blocked')));
  await world.endRuntime('SIGKILL');
  const after = await whenRun(client, name, ({ state }) => state === 'blocked');
  expect(after.requests).toEqual(before.requests);
  await client.ask('answer_request', { request_id: after.requests?.[0]?.request_id, decision: 'allow' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(world.lines(project, 'out.txt')).toEqual(['built']);
  expect(world.begun).toHaveLength(1);
  expect(await world.events('task_blocked')).toHaveLength(1);
  expect(await world.events('task_unblocked')).toHaveLength(1);
});

test('a run that is interrupted waits for the next word', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[write:a.txt:begun]][[bash:sleep 60]]');
  const name = `shop/${id}`;
  await whenRun(client, name, ({ detail }) => detail?.includes('sleep 60') === true);
  expect((await world.cli(['interrupt', name])).code).toBe(0);
  await whenRun(client, name, ({ blocked_on }) => blocked_on === 'interrupted');
  await client.ask('message_session', { name, text: 'Leave that: [[say:Left it.]]' });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 1 });
  expect(ended.result?.text).toContain('Left it.');
});
