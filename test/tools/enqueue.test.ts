import { beforeEach, expect, test } from 'vitest';
import { Desk } from './desk.ts';

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});

test('one task is answered with its name, its place and the next call', async () => {
  await desk.enqueue('earlier');
  const answer = await desk.call('enqueue_task', {
    project: 'shop',
    title: 'Fix the login',
    body: 'Mend it.',
    priority: 'medium',
  });
  expect(answer).toEqual({
    ...{ id: 'fix-the-login', project: 'shop', state: 'queued', created: true, position: 2 },
    hint: 'job_status {id: "fix-the-login", project: "shop", wait_seconds: 45}',
  });
  const urgent = await desk.call('enqueue_task', { project: 'shop', id: 'urgent', body: 'Now.', priority: 'critical' });
  expect(urgent.position).toBe(1);
});

test('the file holds what was asked for and no defaults', async () => {
  await desk.enqueue('plain', { tags: ['auth'] });
  const text = Buffer.from((await desk.yard.store.text(desk.ref('plain')))?.bytes ?? []).toString();
  expect(text).toBe('---\n{"tags":["auth"]}\n---\n\nDo it.\n');
});

test('a title alone is enough; nothing at all is not', async () => {
  expect(await desk.call('enqueue_task', { project: 'shop', title: 'Tidy up' })).toMatchObject({ id: 'tidy-up' });
  expect(await desk.refusal('enqueue_task', { project: 'shop', body: '  ' })).toMatchObject({ code: 'invalid' });
});

test('a missing project is refused with the known ones', async () => {
  await desk.enqueue('a');
  expect(await desk.refusal('enqueue_task', { body: 'x' })).toMatchObject({
    code: 'invalid',
    hint: expect.stringContaining('shop'),
  });
});

test('a batch has one answer each, refusals included, and each may name its own project', async () => {
  await desk.enqueue('taken');
  const tasks = [
    { id: 'a', body: 'x' },
    { id: 'taken', body: 'x' },
    { body: '' },
    { id: 'b', body: 'x', project: 'blog' },
  ];
  const answer = await desk.call('enqueue_task', { project: 'shop', tasks });
  expect(answer).toMatchObject({
    refused: 2,
    tasks: [
      { id: 'a', project: 'shop' },
      { error: { code: 'id_taken' } },
      { error: { code: 'invalid' } },
      { id: 'b', project: 'blog' },
    ],
  });
});

test('a batch takes no other keys beside it', async () => {
  const refusal = await desk.refusal('enqueue_task', {
    project: 'shop',
    group: 'g',
    title: 't',
    tasks: [{ body: 'x' }],
  });
  expect(refusal.message).toContain('title, group');
});

test('a batch is waited for by one call; only what is particular has a hint of its own', async () => {
  const together = await desk.call('enqueue_task', {
    project: 'shop',
    tasks: [
      { id: 'a', body: 'x', group: 'night' },
      { id: 'b', body: 'x', group: 'night', requires: ['kubernetes'] },
    ],
  });
  expect(together).toMatchObject({
    tasks: [{ id: 'a' }, { id: 'b', hint: expect.stringContaining('no configured agent') }],
    next: 'job_status {group: "night", project: "shop", wait: "all", wait_seconds: 45}',
  });
  expect(together).not.toHaveProperty('tasks.0.hint');
  const apart = await desk.call('enqueue_task', {
    project: 'shop',
    tasks: ['c', 'd'].map((id) => ({ id, body: 'x' })),
  });
  expect(apart.next).toBe('job_status {ids: ["c", "d"], project: "shop", wait: "all", wait_seconds: 45}');
});

test('a task that no agent can take says so', async () => {
  const answer = await desk.call('enqueue_task', {
    project: 'shop',
    body: 'x',
    id: 'deploy',
    requires: ['kubernetes'],
  });
  expect(answer.hint).toBe('no configured agent can take it; why: decide_route {id: "deploy", project: "shop"}');
});

test('the same call again changes nothing', async () => {
  const args = { project: 'shop', title: 'Build it', body: 'x' };
  const first = await desk.call('enqueue_task', args, { call: 'b:1' });
  expect(await desk.call('enqueue_task', args, { call: 'b:1' })).toEqual(first);
  expect(desk.yard.store.open().size).toBe(1);
});
