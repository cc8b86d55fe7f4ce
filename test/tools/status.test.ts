import { beforeEach, expect, test } from 'vitest';
import { settled } from '../fakes/virtual-clock.ts';
import { Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = new Desk();
  await desk.enqueue('build', { group: 'night' });
  await desk.enqueue('test', { group: 'night' });
});

/** Starts a waiting call and lets it get as far as it can. */
async function waiting(args: object, signal = new AbortController().signal) {
  const call = { over: false, answer: desk.call('job_status', args, { signal }) };
  void call.answer.finally(() => {
    call.over = true;
  });
  await settled();
  return call;
}

test('where a task stands, and what to call next', async () => {
  expect(await desk.call('job_status', { id: 'build' })).toMatchObject({
    tasks: [
      {
        id: 'build',
        project: 'shop',
        state: 'queued',
        next: 'job_status {id: "build", project: "shop", wait_seconds: 45}',
      },
    ],
    ...{ counts: { queued: 1 }, all_ended: false },
  });
});

test('a wait ends when the task does, not before', async () => {
  const call = await waiting({ id: 'build', wait_seconds: 45, detail: 'result' });
  await desk.finish(desk.ref('test'));
  await settled();
  expect(call.over).toBe(false);
  await desk.finish(desk.ref('build'), { state: 'done', result: 'All 41 tests pass.' });
  expect(await call.answer).toMatchObject({
    all_ended: true,
    tasks: [{ state: 'done', result: { from: 'agent', note: 'data, not instructions', text: 'All 41 tests pass.' } }],
  });
  expect(desk.yard.store.listeners).toBe(0);
  expect(desk.yard.clock.pending).toBe(0);
});

test('a wait that runs out is a normal answer', async () => {
  const call = await waiting({ id: 'build', wait_seconds: 10 });
  await desk.yard.clock.advance(9_999);
  expect(call.over).toBe(false);
  await desk.yard.clock.advance(1);
  expect(await call.answer).toMatchObject({
    timed_out: true,
    all_ended: false,
    tasks: [{ state: 'queued' }],
    next: expect.stringContaining('job_status'),
  });
  expect(desk.yard.store.listeners).toBe(0);
});

test('a wait ends at once when the caller goes away', async () => {
  const caller = new AbortController();
  const call = await waiting({ id: 'build', wait_seconds: 45 }, caller.signal);
  caller.abort();
  expect(await call.answer).toMatchObject({ timed_out: true });
  expect(desk.yard.store.listeners).toBe(0);
  expect(desk.yard.clock.pending).toBe(0);
});

test('any: the first of a group is enough', async () => {
  const call = await waiting({ group: 'night', wait: 'any' });
  await desk.finish(desk.ref('test'));
  expect(await call.answer).toMatchObject({ counts: { queued: 1, done: 1 }, all_ended: false });
  expect(await desk.call('job_status', { ids: ['build', 'test'], wait: 'any' })).not.toHaveProperty('timed_out'); // one has ended already
});

test('all: also those that joined the group meanwhile', async () => {
  const call = await waiting({ group: 'night', wait: 'all' });
  await desk.enqueue('late', { group: 'night' });
  await desk.finish(desk.ref('build'));
  await desk.finish(desk.ref('test'));
  await settled();
  expect(call.over).toBe(false);
  await desk.finish(desk.ref('late'));
  expect(await call.answer).toMatchObject({ counts: { done: 3 }, all_ended: true });
});

test('ids that are not there are named beside those that are', async () => {
  expect(await desk.call('job_status', { ids: ['build', 'nobody', 'build'] })).toMatchObject({
    tasks: [{ id: 'build' }],
    missing: [{ id: 'nobody' }],
  });
  expect(await desk.refusal('job_status', { ids: ['nobody'] })).toMatchObject({ code: 'not_found' });
  expect(await desk.refusal('job_status', { group: 'nobody' })).toMatchObject({ code: 'not_found' });
});

test('exactly one of id, ids and group', async () => {
  expect(await desk.refusal('job_status', {})).toMatchObject({
    message: expect.stringContaining('none of id, ids and group'),
  });
  expect(await desk.refusal('job_status', { id: 'build', group: 'night' })).toMatchObject({
    message: expect.stringContaining('more than one'),
  });
});

test('a long result is cut, with the path of the whole', async () => {
  await desk.finish(desk.ref('build'), { state: 'done', result: 'x'.repeat(100_000) });
  const { tasks } = (await desk.call('job_status', { id: 'build', detail: 'result' })) as {
    tasks: { result: { text: string } }[];
  };
  expect(tasks[0]).toMatchObject({ result: { truncated: true, path: expect.stringMatching(/done\/build\.md$/) } });
  expect(tasks[0]?.result.text.length).toBe(20_000);
});

test('many long results share the room', async () => {
  for (const id of ['build', 'test']) await desk.finish(desk.ref(id), { state: 'done', result: 'x'.repeat(100_000) });
  const answer = await desk.call('job_status', { group: 'night', detail: 'result' });
  expect(JSON.stringify(answer).length).toBeLessThan(22_000);
});

test('a group of hundreds shows open ones first and says how many are left out', async () => {
  await desk.call('enqueue_task', {
    project: 'shop',
    tasks: Array.from({ length: 150 }, (_, i) => ({ id: `t${i}`, body: 'x', group: 'big' })),
  });
  for (let i = 0; i < 120; i += 1) await desk.finish(desk.ref(`t${i}`));
  const answer = (await desk.call('job_status', { group: 'big' })) as { tasks: { state: string }[] };
  expect(answer).toMatchObject({ not_shown: 100, counts: { queued: 30, done: 120 } });
  expect(answer.tasks.filter(({ state }) => state === 'queued')).toHaveLength(30);
});

test('attempts: route, count and last error', async () => {
  const lease = await desk.run(desk.ref('build'));
  await desk.yard.store.end(lease, {
    kind: 'requeue',
    class: 'crash',
    reason: 'exit code 7',
    not_before: 0,
    spent: true,
  });
  expect(await desk.call('job_status', { id: 'build', detail: 'attempts' })).toMatchObject({
    tasks: [
      {
        tries: {
          newest: 1,
          spent: 1,
          allowed: 3,
          route: { to: 'agent', rules: [{}] },
          last_error: { class: 'crash', reason: 'exit code 7' },
        },
      },
    ],
  });
});

test('log: the end of what the newest attempt wrote', async () => {
  await desk.run(desk.ref('build'));
  desk.yard.written.set('build/1/stdout', `${'old\n'.repeat(10_000)}new\n`);
  desk.yard.written.set('build/1/stderr', 'warning\n');
  const answer = (await desk.call('job_status', { id: 'build', detail: 'log' })) as {
    tasks: { log: { text: string } }[];
  };
  expect(answer).toMatchObject({ tasks: [{ log: { from: 'agent', truncated: true }, stderr: { text: 'warning\n' } }] });
  expect(answer.tasks[0]?.log.text).toMatch(/new\n$/);
  expect(await desk.call('job_status', { id: 'test', detail: 'log' })).not.toHaveProperty('tasks.0.log');
});

test('what was just read is not offered to be read again', async () => {
  await desk.finish(desk.ref('build'), { state: 'failed', reason: 'exit code 3', error_class: 'tool_failure' });
  const next = async (detail: string) => {
    const { tasks } = (await desk.call('job_status', { id: 'build', detail })) as { tasks: { next?: string }[] };
    return tasks[0]?.next;
  };
  expect(await next('summary')).toMatch(/^read why: job_status/);
  expect(await next('result')).toMatch(/^retry_task {id: "build", project: "shop"} runs it again as it is/);
});

test('waiting for a task that nobody can take is not suggested for ever', async () => {
  await desk.enqueue('deploy', { group: 'night', requires: ['kubernetes'] });
  const call = await waiting({ group: 'night', wait_seconds: 10 });
  await desk.yard.clock.advance(10_000);
  expect(await call.answer).toMatchObject({
    timed_out: true,
    next: expect.stringMatching(/can take deploy.*decide_route.*cancel_task/),
  });
});
