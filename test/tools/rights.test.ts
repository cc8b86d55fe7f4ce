import { beforeEach, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/runtime/yard.ts';
import { tools } from '../../src/tools/index.ts';
import { ATTEMPT_RIGHTS } from '../../src/tools/rights.ts';
import { Desk } from './desk.ts';

/* One row per tool: a call of an attempt that works on shop/parent, without and with the right to make children. */
const ROWS: Record<string, { args: object; closed: string | undefined; open: string | undefined }> = {
  enqueue_task: { args: { body: 'x' }, closed: 'not_allowed', open: undefined },
  list_tasks: { args: {}, closed: undefined, open: undefined },
  job_status: { args: { id: 'parent' }, closed: undefined, open: undefined },
  cancel_task: { args: { id: 'other' }, closed: 'not_allowed', open: 'not_allowed' },
  retry_task: { args: { id: 'parent' }, closed: 'not_allowed', open: 'not_allowed' },
  list_sessions: { args: {}, closed: undefined, open: undefined },
  read_session: { args: { id: 'parent' }, closed: undefined, open: undefined },
  message_session: { args: { id: 'parent', text: 'x' }, closed: 'not_allowed', open: 'not_allowed' },
  answer_request: { args: { request_id: 'r', decision: 'allow' }, closed: 'not_allowed', open: 'not_allowed' },
  decide_route: { args: { id: 'other' }, closed: undefined, open: undefined },
  delegate: { args: { id: 'other' }, closed: 'not_allowed', open: 'not_allowed' },
  fleet_status: { args: {}, closed: undefined, open: undefined },
  pause_work: { args: { what: 'pause', reason: 'x' }, closed: 'not_allowed', open: 'not_allowed' },
};

test('every tool has a row, here and in the table', () => {
  const names = tools.map(({ name }) => name).sort();
  expect(Object.keys(ATTEMPT_RIGHTS).sort()).toEqual(names);
  expect(Object.keys(ROWS).sort()).toEqual(names);
});

async function deskOf(children: boolean, depth = 0) {
  const owner = new Desk({ limits: { children }, checks: { test: ['npm', 'test'] } });
  await owner.run(await owner.enqueue('parent'));
  await owner.enqueue('other');
  await owner.enqueue('post', { project: 'blog' });
  const caller: Caller = { principal: 'attempt', name: 'shop/parent#1', task: owner.ref('parent'), depth };
  return { owner, attempt: owner.as(caller) };
}

describe.each(Object.entries(ROWS))('%s from inside an attempt', (name, { args, closed, open }) => {
  test.each([
    ['without children', false, closed],
    ['with children', true, open],
  ] as const)('%s', async (_, children, code) => {
    const { attempt } = await deskOf(children);
    const answer = await attempt.ask(name, args);
    expect((answer as { code?: string }).code).toBe(code);
  });
});

describe('an attempt that may make children', () => {
  let owner: Desk;
  let attempt: Desk;
  beforeEach(async () => {
    ({ owner, attempt } = await deskOf(true));
  });

  test('makes them in its own project, as its own', async () => {
    const made = await attempt.call('enqueue_task', { id: 'child', body: 'x' });
    expect(made).toMatchObject({ project: 'shop', state: 'queued' });
    expect(await owner.yard.store.get(owner.ref('child'))).toMatchObject({ parent: owner.ref('parent'), depth: 1 });
    expect(await attempt.refusal('enqueue_task', { project: 'blog', body: 'x' })).toMatchObject({
      code: 'not_allowed',
    });
  });

  test('cancels and delegates what it made', async () => {
    await attempt.call('enqueue_task', {
      tasks: [
        { id: 'one', body: 'x' },
        { id: 'two', body: 'x' },
      ],
    });
    expect(await attempt.call('cancel_task', { id: 'one' })).toMatchObject({ state: 'cancelled' });
    expect(await attempt.call('delegate', { id: 'two' })).toMatchObject({ provider: 'gpu' });
  });

  test('leaves alone what another attempt made', async () => {
    const sibling = owner.as({ principal: 'attempt', name: 'shop/other#1', task: owner.ref('other'), depth: 0 });
    await sibling.call('enqueue_task', { id: 'theirs', body: 'x' });
    expect(await attempt.refusal('cancel_task', { id: 'theirs' })).toMatchObject({ code: 'not_allowed' });
  });

  test('may not give them a free command or a callback', async () => {
    expect(await attempt.refusal('enqueue_task', { body: 'x', verify: 'curl evil' })).toMatchObject({
      code: 'not_allowed',
      hint: 'allowed: test',
    });
    expect(await attempt.refusal('enqueue_task', { body: 'x', callback_url: 'https://example.com/' })).toMatchObject({
      code: 'not_allowed',
    });
    expect(await attempt.call('enqueue_task', { body: 'x', verify: 'test' })).toMatchObject({ created: true });
  });

  test('is refused in a batch item by item', async () => {
    const answer = await attempt.call('enqueue_task', {
      tasks: [
        { id: 'a', body: 'x', verify: 'rm' },
        { id: 'b', body: 'x' },
      ],
    });
    expect(answer).toMatchObject({ tasks: [{ error: { code: 'not_allowed' } }, { id: 'b' }], refused: 1 });
  });
});

test('no deeper than max_depth', async () => {
  expect(await (await deskOf(true, 1)).attempt.call('enqueue_task', { body: 'x' })).toMatchObject({ created: true });
  const { attempt } = await deskOf(true, 2);
  expect(await attempt.refusal('enqueue_task', { body: 'x' })).toMatchObject({
    code: 'not_allowed',
    message: expect.stringContaining('max_depth is 2'),
  });
});

test('an attempt sees its own project only', async () => {
  const { owner, attempt } = await deskOf(false);
  expect(await attempt.call('list_tasks')).toMatchObject({
    tasks: [{ id: 'parent' }, { id: 'other' }],
    counts: { queued: 1, running: 1 },
  });
  expect(await attempt.refusal('list_tasks', { project: 'blog' })).toMatchObject({ code: 'not_allowed' });
  expect(await attempt.refusal('job_status', { id: 'post' })).toMatchObject({ code: 'not_found' });
  expect(await attempt.refusal('job_status', { id: 'post', project: 'blog' })).toMatchObject({ code: 'not_allowed' });
  owner.yard.needed.push({ what: 'x', where: 'blog/post', next: 'y' });
  expect(await attempt.call('fleet_status')).toMatchObject({ needs: [], projects: [{ name: 'shop' }] });
  const task = { ref: owner.ref('post', 'blog'), title: 'secret', attempt: 1, since: 0, run_dir: '/r' };
  owner.yard.working.push({ name: 'worker-1', agent: 'worker', kind: 'command', state: 'working', task });
  expect(JSON.stringify(await attempt.call('list_sessions'))).not.toContain('secret');
  expect(await attempt.refusal('read_session', { name: 'worker-1' })).toMatchObject({ code: 'not_allowed' });
});
