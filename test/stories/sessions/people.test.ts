import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { SessionWorld, session, when } from './world.ts';

/* People in the loop: what an agent asks reaches whoever can answer, and nobody else's words reach a dialog. */

let world: SessionWorld;
afterEach(() => world.end());

async function asking(body: string) {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, body, { agent: 'claude' });
  const shown = await when(client, 'auto-0', ({ state, requests }) => state === 'blocked' && requests?.length === 1);
  return { project, client, id, request: shown.requests?.[0]?.request_id ?? '', shown };
}

test('a permission is allowed by answer_request, and the tool runs once', async () => {
  const { project, client, id, request, shown } = await asking('[[ask-permission:echo ran >> ran.txt]][[say:did it]]');
  expect(shown).toMatchObject({ blocked_on: 'permission', task: { id } });
  expect(shown.requests?.[0]?.input).toContain('echo ran');
  const { needs } = await client.ask<{ needs: { what: string; next: string }[] }>('fleet_status');
  expect(needs[0]?.next).toContain(request);
  await client.ask('answer_request', { request_id: request, decision: 'allow' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  expect(world.lines(project, 'ran.txt')).toEqual(['ran']);
  expect(await client.refused('answer_request', { request_id: request, decision: 'deny' })).toMatch(
    /answered|over|allowed/,
  );
});

test('a permission is denied with a reason that the agent reads, and the work goes on', async () => {
  const { project, client, id, request } = await asking('[[ask-permission:echo ran >> ran.txt]][[echo]]');
  await client.ask('answer_request', { request_id: request, decision: 'deny', reason: 'not on this branch' });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done' });
  expect(ended.result?.text).toContain('not on this branch');
  expect(world.lines(project, 'ran.txt')).toEqual([]);
});

test('a question is answered by its words', async () => {
  const { project, client, id, request } = await asking('[[question:Which db?|pg|mysql]][[echo]]');
  expect(await client.refused('answer_request', { request_id: request, decision: 'allow' })).toMatch(/answers/);
  await client.ask('answer_request', { request_id: request, answers: { 'Which db?': 'pg' } });
  const ended = await client.ended(project, id);
  expect(ended.result?.text).toContain('pg');
});

test('a person who answers at the terminal is first, and a later answer says so', async () => {
  const { project, client, id, request } = await asking('[[ask-permission:echo ran >> ran.txt]][[say:did it]]');
  await world.person('send-keys', '-t', 'auto-0', '1');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  expect(world.lines(project, 'ran.txt')).toEqual(['ran']);
  expect(await client.refused('answer_request', { request_id: request, decision: 'deny' })).toBeTruthy();
  await until(() => world.processes().every(({ command }) => !command.includes('reporter-')), 10_000);
});

test('the worker can’t answer its own request', async () => {
  const { client, project, id, request } = await asking(
    '[[bash:env | grep YARDMASTER_ATTEMPT_TOKEN > token.txt]][[ask-permission:echo ran >> ran.txt]][[say:done]]',
  );
  const token = world.lines(project, 'token.txt')[0]?.split('=')[1] ?? '';
  expect(token).not.toBe('');
  const tried = await world.cli(['approve', request], { env: { YARDMASTER_ATTEMPT_TOKEN: token } });
  expect(tried.code).not.toBe(0);
  expect((await session(client, 'auto-0')).state).toBe('blocked');
  await client.ask('answer_request', { request_id: request, decision: 'deny', reason: 'no' });
  await client.ended(project, id);
  expect(world.lines(project, 'ran.txt')).toEqual([]);
});

test('a request outlives the runtime: the next one shows it and its answer still counts', async () => {
  const { project, client, id, request } = await asking('[[ask-permission:echo ran >> ran.txt]][[say:did it]]');
  await client.close();
  await world.endRuntime('SIGKILL');
  const again = await world.connect();
  await when(again, 'auto-0', ({ requests }) => requests?.[0]?.request_id === request);
  await again.ask('answer_request', { request_id: request, decision: 'allow' });
  expect(await again.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(world.lines(project, 'ran.txt')).toEqual(['ran']);
});

test('a message reaches an agent at work, and never a dialog', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[write:a.txt:1]][[sleep:3000]][[write:a.txt:2]][[say:ready]]', {
    agent: 'claude',
  });
  await until(() => world.lines(project, 'a.txt').length === 1);
  const sent = await client.ask('message_session', { name: 'auto-0', text: 'Please keep the old URL working too.' });
  expect(sent).toMatchObject({ name: 'auto-0' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  expect(world.lines(project, 'a.txt')).toEqual(['1', '2']);
});

test('a message to an agent that asks is refused with what to do', async () => {
  const { client, project, id, request } = await asking('[[ask-permission:echo ran >> ran.txt]][[say:did it]]');
  expect(await client.refused('message_session', { name: 'auto-0', text: '1' })).toContain('answer_request');
  await client.ask('answer_request', { request_id: request, decision: 'deny', reason: 'no' });
  await client.ended(project, id);
  expect(world.lines(project, 'ran.txt')).toEqual([]);
});
