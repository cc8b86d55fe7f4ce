import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Accepted, type Client, type Era, type Status, shell, World } from './world.ts';

const AGENTS = {
  echo: { command: shell('cat "$1"; echo finished'), max: 4 },
  gate: { command: shell('until [ -e open ]; do sleep 0.05; done; echo through'), max: 2, capabilities: ['gate'] },
  stubborn: { command: shell('trap "" TERM; echo up; while :; do sleep 0.1; done'), capabilities: ['stubborn'] },
  slow: { command: shell('sleep 60'), ttl: '400ms', capabilities: ['slow'] },
  crashing: { command: shell('echo "it broke" >&2; kill -9 $$'), capabilities: ['crash'] },
  mending: { command: shell('[ -e mended ] && echo well || { touch mended; exit 3; }'), capabilities: ['mend'] },
};

const world = new World();
world.configure({
  agents: AGENTS,
  projects: [{ name: 'batch', path: world.project('batch'), shared_checkout: true }],
  headless: { max_running: 8, grace: '300ms' },
  retry: { backoff: '150ms', backoff_max: '300ms' },
  dispatcher: { settle: '100ms', default_agent: 'echo' },
});
let client: Client;

beforeAll(async () => {
  client = await world.connect('new');
});
afterAll(() => world.end());

describe.each<Era>(['old', 'new'])('a client of the %s era', (era) => {
  test('hands over a task, waits, and reads the result', async () => {
    const talk = await world.connect(era);
    expect(await talk.tools()).toHaveLength(13);
    const project = world.project(`first-${era}`);
    const task = await talk.enqueue(project, 'Say hello.', { title: 'Greeting', priority: 'high' });
    expect(task).toMatchObject({ id: 'greeting', project: `first-${era}`, state: 'queued', created: true });
    const ended = await talk.ended(project, task.id);
    expect(ended).toMatchObject({ state: 'done', attempts: 1, runs_on: 'echo', priority: 'high' });
    expect(ended.result?.text).toContain('[greeting.md] Say hello.');
    expect(ended.result?.text).toContain('finished');
    await until(() => world.listed(project, 'done').length === 1 && world.listed(project, 'inbox').length === 0);
    expect(world.read(project, '.agent-queue/done/greeting.md')).toMatch(/^---\n[\s\S]*status: completed[\s\S]*---\n/);
    await talk.close();
  });

  test('reads queues and tasks as resources, and is helped to complete their addresses', async () => {
    const talk = await world.connect(era);
    const project = world.project(`books-${era}`);
    const { id } = await talk.enqueue(project, 'Wait at the gate', { requires: ['gate'] });
    await talk.state(project, id, 'running');
    expect(await talk.resource('queue://inbox')).toContain(`task://books-${era}/${id}`);
    expect(await talk.resource(`queue://books-${era}/inbox`)).toContain('Wait at the gate');
    expect(await talk.resource(`task://books-${era}/${id}`)).toContain('state: running');
    expect(await talk.complete('task://{project}/{id}', 'project', 'books')).toContain(`books-${era}`);
    expect(await talk.complete('task://{project}/{id}', 'id', 'wait', { project: `books-${era}` })).toEqual([id]);
    writeFileSync(join(project, 'open'), '');
    await talk.ended(project, id);
    expect(await talk.resource(`queue://books-${era}/done`)).toContain(id);
    expect(await talk.resource(`task://books-${era}/${id}`)).toContain('through');
    await talk.close();
  });
});

test('a batch is waited for by its group, the first of them or all', async () => {
  const project = 'batch';
  const { tasks } = await client.ask<{ tasks: Accepted[] }>('enqueue_task', {
    project,
    tasks: [
      { id: 'held', body: 'x', group: 'release', requires: ['gate'] },
      { id: 'quick', body: 'y', group: 'release' },
      { body: '', group: 'release' },
    ],
  });
  expect(tasks.map((one) => ('error' in one ? 'refused' : one.state))).toEqual(['queued', 'queued', 'refused']);
  expect(JSON.stringify(tasks[2])).toMatch(/title/);
  const first = await client.ask<Status>('job_status', { project, group: 'release', wait: 'any', wait_seconds: 20 });
  expect(first.tasks.filter(({ state }) => state === 'done').map(({ id }) => id)).toEqual(['quick']);
  expect(first.all_ended).toBe(false);
  writeFileSync(join(world.user, 'batch', 'open'), '');
  const all = await client.ask<Status>('job_status', { project, group: 'release', wait: 'all', wait_seconds: 20 });
  expect(all.counts).toMatchObject({ done: 2 });
  expect(all.all_ended).toBe(true);
});

test('dependants wait for what they depend on, and fail with it', async () => {
  const project = world.project('chain');
  await client.ask('enqueue_task', {
    project,
    tasks: [
      { id: 'base', body: 'x', requires: ['gate'] },
      { id: 'middle', body: 'y', depends_on: ['base'] },
      { id: 'top', body: 'z', depends_on: ['middle', 'base'] },
      { id: 'doomed', body: 'd', requires: ['slow'], max_attempts: 1, depends_on: ['base'] },
      { id: 'with-it', body: 'w', depends_on: ['doomed'] },
    ],
  });
  await client.state(project, 'base', 'running');
  expect(await client.one(project, 'middle')).toMatchObject({ state: 'queued', waiting: { reason: 'dependency' } });
  writeFileSync(join(project, 'open'), '');
  const [base, middle, top] = [
    await client.ended(project, 'base'),
    await client.ended(project, 'middle'),
    await client.ended(project, 'top'),
  ];
  expect(Date.parse(middle.started_at ?? '')).toBeGreaterThanOrEqual(Date.parse(base.finished_at ?? ''));
  expect(Date.parse(top.started_at ?? '')).toBeGreaterThanOrEqual(Date.parse(middle.finished_at ?? ''));
  expect(top.result?.text).toContain('done/middle.md'); // results of dependencies are passed on by path
  expect(await client.ended(project, 'doomed')).toMatchObject({ state: 'failed', error_class: 'timeout' });
  expect(await client.ended(project, 'with-it')).toMatchObject({
    state: 'failed',
    error_class: 'dependency',
    attempts: 0,
  });
});

test('a dependency that is not there is said at once and shown to people, and may come later', async () => {
  const project = world.project('absent');
  const { hint } = await client.enqueue(project, 'x', { id: 'patient', depends_on: ['latecomer'] });
  expect(hint).toContain('waits for latecomer');
  expect((await world.cli(['status'])).stdout).toContain('task patient waits for latecomer');
  await client.enqueue(project, 'y', { id: 'latecomer' });
  expect(await client.ended(project, 'patient')).toMatchObject({ state: 'done' });
  expect((await world.cli(['status'])).stdout).not.toContain('latecomer');
});

test('a cycle is refused and named', async () => {
  const project = world.project('cycle');
  const { tasks } = await client.ask<{ tasks: unknown[] }>('enqueue_task', {
    project,
    tasks: [
      { id: 'hen', body: 'x', depends_on: ['egg'] },
      { id: 'egg', body: 'y', depends_on: ['hen'] },
    ],
  });
  expect(JSON.stringify(tasks)).toMatch(/cycle.*(hen.*egg|egg.*hen)/);
});

test('one task at a time works in a shared checkout', async () => {
  const project = world.project('checkout');
  const first = await client.enqueue(project, 'first', { requires: ['gate'] });
  await client.state(project, first.id, 'running');
  const second = await client.enqueue(project, 'second');
  expect(second.position).toBe(1);
  expect(await client.one(project, second.id)).toMatchObject({ state: 'queued', waiting: { reason: 'checkout_busy' } });
  writeFileSync(join(project, 'open'), '');
  expect(await client.ended(project, second.id)).toMatchObject({ state: 'done' });
});

test('two projects may have the same id, and an id that is not unique is asked back', async () => {
  const [left, right] = [world.project('left'), world.project('right')];
  await client.enqueue(left, 'one', { id: 'twin' });
  await client.enqueue(right, 'two', { id: 'twin' });
  expect((await client.ended(left, 'twin')).result?.text).toContain('one');
  expect((await client.ended(right, 'twin')).result?.text).toContain('two');
  expect(await client.refused('job_status', { id: 'twin' })).toMatch(/left.*right/);
});

test('an idempotency key makes one task, however often it is sent', async () => {
  const project = world.project('once');
  const send = () => client.enqueue(project, 'pay', { idempotency_key: 'k-1' });
  const answers = await Promise.all([send(), send(), send()]);
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
  expect(answers.filter(({ created }) => created)).toHaveLength(1);
  await client.ended(project, answers[0].id);
  expect(await send()).toMatchObject({ created: false, state: 'done' });
});

test('a waiting task is cancelled at once, with its reason', async () => {
  const project = world.project('cancel-queued');
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const { id } = await client.enqueue(project, 'never', { not_before: later });
  expect(await client.one(project, id)).toMatchObject({ waiting: { reason: 'not_before', until: later } });
  expect(await client.ask('cancel_task', { project, id, reason: 'done by hand' })).toMatchObject({
    state: 'cancelled',
  });
  expect(await client.one(project, id)).toMatchObject({ state: 'cancelled', reason: 'done by hand' });
  expect(await client.ask('cancel_task', { project, id })).toMatchObject({ note: 'it was cancelled already' });
  await until(
    () => existsSync(world.queue(project, 'failed', `${id}.md`)) && world.listed(project, 'inbox').length === 0,
  );
});

test('a running task whose agent ignores SIGTERM is killed after the grace', async () => {
  const project = world.project('cancel-running');
  const { id } = await client.enqueue(project, 'stay', { requires: ['stubborn'] });
  await until(async () => (await client.one(project, id, { detail: 'log' })).log?.text.includes('up') ?? false);
  await client.state(project, id, 'running'); // its first word may be there before the record of its start
  const asked = Date.now();
  expect(await client.ask('cancel_task', { project, id })).toMatchObject({ state: 'running' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'cancelled' });
  expect(Date.now() - asked).toBeGreaterThanOrEqual(290); // timers and the wall clock differ by a little
  // A child forked in that very moment dies of the same signal, a moment after the agent that was waited for.
  await until(() => !world.processes().some(({ command }) => command.includes('trap')), 2_000);
});

test('not_before holds a task back until its time', async () => {
  const project = world.project('later');
  const at = Date.now() + 1_200;
  const { id } = await client.enqueue(project, 'soon', { not_before: new Date(at).toISOString() });
  const { started_at } = await client.ended(project, id);
  expect(Date.parse(started_at ?? '')).toBeGreaterThanOrEqual(at - 5);
});

test('what runs too long is ended; after the last attempt it is dead and says why', async () => {
  const project = world.project('ttl');
  const { id } = await client.enqueue(project, 'long', { requires: ['slow'], max_attempts: 2 });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'failed', error_class: 'timeout', attempts: 2 });
  expect(world.read(project, '.agent-queue/failed', `${id}.md`)).toMatch(/long/); // the original text is kept
});

test('a crash is tried again after a pause, up to max_attempts; a retry makes a new task of it', async () => {
  const project = world.project('crash');
  const { id } = await client.enqueue(project, 'boom', { requires: ['crash'] });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'failed', attempts: 2 }); // exit 137: a failing tool, one retry
  expect((await client.one(project, id, { detail: 'result' })).result?.text).toContain('it broke');
  const again = await client.ask<{ id: string; retry_of: string }>('retry_task', { project, id });
  expect(again).toMatchObject({ id: `${id}-2`, retry_of: id });
  expect(await client.ended(project, again.id)).toMatchObject({ state: 'failed' });
  expect(await client.refused('retry_task', { project, id })).toContain(`${id}-2`);
});

test('an attempt that fails once is made good by the next', async () => {
  const project = world.project('mend');
  const { id } = await client.enqueue(project, 'mend', { requires: ['mend'] });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
});
