import { beforeEach, expect, test } from 'vitest';
import { Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = new Desk();
  await desk.enqueue('build', { group: 'night' });
});

test('an overview with counts, filtered and in pages', async () => {
  await desk.enqueue('test', { group: 'night' });
  await desk.enqueue('post', { project: 'blog' });
  await desk.finish(desk.ref('build'));
  expect(await desk.call('list_tasks')).toMatchObject({
    tasks: [{ id: 'test' }, { id: 'post' }, { id: 'build' }],
    counts: { queued: 2, done: 1 },
  });
  expect(await desk.call('list_tasks', { project: 'shop' })).toMatchObject({ counts: { queued: 1, done: 1 } });
  expect(await desk.call('list_tasks', { state: 'done' })).toMatchObject({
    tasks: [{ id: 'build', project: 'shop', state: 'done' }],
  });
  expect(await desk.call('list_tasks', { state: ['done', 'queued'], group: 'night' })).toMatchObject({
    tasks: { length: 2 },
  });
  const first = await desk.call('list_tasks', { limit: 2 });
  const second = await desk.call('list_tasks', { limit: 2, cursor: first.next_cursor });
  expect(second).toMatchObject({ tasks: [{ id: 'build' }] });
  expect(second).not.toHaveProperty('next_cursor');
});

test('what changed lately, as a span or a time', async () => {
  await desk.yard.clock.advance(3_600_000);
  await desk.enqueue('late');
  expect(await desk.call('list_tasks', { changed_since: '30m' })).toMatchObject({ tasks: [{ id: 'late' }] });
  expect(await desk.call('list_tasks', { changed_since: '2026-12-01T08:30:00Z' })).toMatchObject({
    tasks: [{ id: 'late' }],
  });
  expect(await desk.call('list_tasks', { changed_since: '2h' })).toMatchObject({ tasks: { length: 2 } });
  expect(await desk.refusal('list_tasks', { changed_since: 'yesterday' })).toMatchObject({
    code: 'invalid',
    message: 'changed_since is "yesterday"',
  });
  expect(await desk.call('list_tasks', { project: 'shop', state: 'failed' })).toMatchObject({
    tasks: [],
    hint: expect.stringContaining('filter'),
  });
});

test('an id that two projects have must be named with its project', async () => {
  await desk.enqueue('build', { project: 'blog' });
  const refusal = await desk.refusal('cancel_task', { id: 'build' });
  expect(refusal).toMatchObject({ code: 'invalid', message: 'id "build" is in 2 projects: shop, blog' });
  expect(await desk.call('cancel_task', { id: 'build', project: 'blog' })).toMatchObject({
    project: 'blog',
    state: 'cancelled',
  });
  expect(await desk.refusal('cancel_task', { id: 'nobody' })).toMatchObject({ code: 'not_found' });
  expect(await desk.refusal('cancel_task', { id: 'build', project: 'nowhere' })).toMatchObject({
    code: 'not_found',
    hint: 'known: shop, blog',
  });
});

test('a running task is asked to end, and the reason is kept', async () => {
  await desk.run(desk.ref('build'));
  expect(await desk.call('cancel_task', { id: 'build', reason: 'done by hand' })).toMatchObject({ state: 'running' });
  expect(await desk.yard.store.get(desk.ref('build'))).toMatchObject({ cancel: 'done by hand' });
});

test('a failed task is retried as a new one, a done one is not', async () => {
  await desk.finish(desk.ref('build'), { state: 'failed', error_class: 'crash', reason: 'exit code 7' });
  expect(await desk.call('retry_task', { id: 'build' })).toMatchObject({
    state: 'queued',
    retry_of: 'build',
    project: 'shop',
  });
  await desk.enqueue('other');
  await desk.finish(desk.ref('other'));
  expect(await desk.refusal('retry_task', { id: 'other' })).toMatchObject({ code: 'not_possible' });
});
