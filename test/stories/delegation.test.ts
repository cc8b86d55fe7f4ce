import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { JobService } from '../fakes/job-service.ts';
import { until } from '../support/world.ts';
import { type Client, type Status, shell, World } from './world.ts';

const world = new World();
let service: JobService;
let client: Client;

beforeAll(async () => {
  service = await JobService.start();
  world.configure({
    agents: { echo: { command: shell('cat "$1"'), max: 2 } },
    delegation: {
      interval: '200ms',
      default_provider: 'far',
      providers: {
        far: { kind: 'jobs', base_url: service.url, ai: ['gpu', 'gemini'], idempotent_submit: true },
        gone: { kind: 'jobs', base_url: 'http://127.0.0.1:9' },
      },
    },
    retry: { backoff: '100ms', backoff_max: '200ms' },
  });
  client = await world.connect();
});
afterAll(async () => {
  await world.end();
  await service.close();
});

test('a prompt is delegated, polled and brought home with its cost', async () => {
  const project = world.project('away');
  const sent = await client.ask<{ id: string; state: string; provider: string }>('delegate', {
    project,
    title: 'Compare two licences',
    body: 'Compare MIT and Apache.',
    provider: 'gpu',
  });
  const ended = await client.ended(project, sent.id);
  expect(ended).toMatchObject({ state: 'done', runs_on: 'far', job_id: 'job-1', attempts: 1 });
  expect(ended.result?.text).toContain('Compare MIT and Apache.');
  expect(service.job('job-1').order).toMatchObject({ preferred_ai: 'gpu', type: 'analyze' });
  await until(() => existsSync(world.queue(project, 'done', `${sent.id}.md`)));
  const file = world.read(world.queue(project, 'done', `${sent.id}.md`));
  expect(file).toMatch(/cost_cad: 0\.0123[\s\S]*cost_cad: 0\.0123/); // in the front matter and in the footer
  expect(world.listed(project, 'inbox')).toEqual([]);
});

test('a waiting task is handed over by its id; what the file says against it is obeyed', async () => {
  const project = world.project('by-id');
  const later = { not_before: '2099-01-01T00:00:00Z' };
  const local = await client.enqueue(project, 'stay here', { ...later, allow_delegation: false });
  expect(await client.refused('delegate', { project, id: local.id })).toMatch(/allow_delegation/);
  const { id } = await client.enqueue(project, 'off with you', later);
  expect(await client.refused('delegate', { project, id })).toMatch(/not before 2099-01-01.*nothing was changed/);
  expect(await client.refused('delegate', { project, id, provider: 'moon' })).toMatch(/allowed: auto, far, gone/);
  const waiting = await client.enqueue(project, 'nobody here can', { requires: ['wings'] });
  const handle = await client.ask('delegate', { project, id: waiting.id, provider: 'gpu' });
  expect(handle).toMatchObject({ id: waiting.id, provider: 'far' });
  const ended = await client.ended(project, waiting.id);
  expect(ended).toMatchObject({ state: 'done', cost: { amount: 0.0123, currency: 'CAD' }, model: 'fake-1' });
});

test('a job on its way is seen by job_status and by delegate list', async () => {
  const project = world.project('seen');
  const { id } = await client.ask<{ id: string }>('delegate', { project, body: 'take your time' });
  const job = () => [...service.jobs.values()].find(({ order }) => order.prompt.includes('take your time'));
  await until(() => job() !== undefined);
  const { job_id } = job() ?? { job_id: '' };
  service.settle(job_id, 'processing');
  await until(async () => JSON.stringify(await client.one(project, id)).includes('"state":"processing"'));
  expect(await client.one(project, id)).toMatchObject({
    delegated: { provider: 'far', state: 'processing', job_id, age_seconds: expect.any(Number) },
  });
  const { stdout } = await world.cli(['delegate', 'list', '--provider', 'far']);
  expect(stdout).toMatch(new RegExp(`seen/${id} +far +\\S+ +processing +${job_id}`));
  const listed = await world.json<{ jobs: { job_id: string }[] }>('delegate', 'list');
  expect(listed.jobs.map((one) => one.job_id)).toContain(job_id);
  service.settle(job_id, 'completed');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
});

test('an unknown provider is refused by delegate; in a task it means local, and says so', async () => {
  const project = world.project('nowhere');
  expect(await client.refused('delegate', { project, body: 'x', provider: 'nobody' })).toMatch(
    /allowed: auto, far, gone/,
  );
  const keys = { preferred_ai: 'nobody', allow_delegation: true };
  const { route } = await client.ask<{ route: { to: string; rules: { says: string }[] } }>('decide_route', keys);
  expect(route.to).toBe('agent');
  expect(route.rules.map(({ says }) => says).join('; ')).toContain('nobody');
  const { id } = await client.enqueue(project, 'x', keys);
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', runs_on: 'echo' });
});

test('a job that fails upstream fails its task, with what the provider said', async () => {
  const project = world.project('upstream');
  const sent = await client.ask<{ id: string }>('delegate', { project, body: 'hard' });
  await until(() => [...service.jobs.values()].some(({ order }) => order.prompt.includes('hard')));
  const job = [...service.jobs.values()].find(({ order }) => order.prompt.includes('hard'));
  if (job) service.settle(job.job_id, 'failed', 'out of tokens');
  expect(await client.ended(project, sent.id)).toMatchObject({
    state: 'failed',
    error_class: 'upstream',
    reason: expect.stringContaining('out of tokens'),
  });
});

test('a runtime that dies between submit and answer makes no second job', async () => {
  const project = world.project('once');
  service.fault('submit', { kind: 'stall', accepting: true });
  const sent = await client.ask<{ id: string }>('delegate', { project, body: 'only one of me' });
  const mine = () => [...service.jobs.values()].filter(({ order }) => order.prompt.includes('only one of me'));
  await until(() => mine().length === 1);
  await world.endRuntime('SIGKILL');
  expect(await client.ended(project, sent.id)).toMatchObject({ state: 'done' });
  expect(mine()).toHaveLength(1);
});

test('a delegated task that is cancelled ends as cancelled', async () => {
  const project = world.project('call-back');
  const sent = await client.ask<{ id: string }>('delegate', { project, body: 'never mind' });
  const job = () => [...service.jobs.values()].find(({ order }) => order.prompt.includes('never mind'));
  await until(() => job() !== undefined);
  const { job_id } = job() ?? { job_id: '' };
  service.settle(job_id, 'processing');
  await client.ask('cancel_task', { project, id: sent.id, reason: 'changed my mind' });
  expect(await client.ended(project, sent.id)).toMatchObject({ state: 'cancelled' });
});

test("a seeds' queue is taken over: nothing runs again, jobs are polled on, everything is listed", async () => {
  const order = { type: 'analyze', priority: 'normal', prompt: 'from the seeds', source: 'seed' };
  const made = await fetch(`${service.url}/api/v1/jobs`, { method: 'POST', body: JSON.stringify(order) });
  const { job_id } = (await made.json()) as { job_id: string };
  const project = world.project('seeds');
  const put = (path: string, text: string) => writeFileSync(world.queue(project, path), text);
  for (const folder of ['inbox', 'done', 'failed']) mkdirSync(world.queue(project, folder), { recursive: true });
  put('inbox/sent-to-tmux.md.dispatched', '---\ntitle: Sent to tmux\npriority: high\n---\nold work\n');
  put('inbox/far-away.md', '---\ntitle: Far away\npreferred_ai: gemini\n---\nask gemini\n');
  const marker = { project, task_file: 'far-away.md', job_id, provider: 'far', started_at: '2026-11-01T10:00:00Z' };
  put('inbox/far-away.md.delegated', JSON.stringify(marker));
  put('inbox/half-sent.md', 'half sent\n');
  put('inbox/half-sent.md.delegated', JSON.stringify({ project, task_file: 'half-sent.md', provider: 'far' }));
  put('inbox/waiting.md', 'still waiting\n');
  put(
    'done/older.md',
    '---\nstatus: completed\nprovider: gemini\nmodel: pro\ncost_cad: 0.0100\njob_id: j-9\ndelegated_at: 2026-10-01T10:00:00Z\n---\nthe answer\n\n---\nprovider: gemini, cost_cad: 0.0100\n',
  );
  put('done/bare.md', 'no front matter at all\n');
  put('failed/broken.md', '---\nstatus: failed\nfailed_reason: it broke\n---\noriginal text\n');

  await client.enqueue(project, 'first', { id: 'first' });
  await client.ended(project, 'first');
  expect(await client.ended(project, 'far-away')).toMatchObject({ state: 'done', job_id });
  const { tasks } = await client.ask<Status>('list_tasks', { project, limit: 100 });
  const states = Object.fromEntries(tasks.map(({ id, state }) => [id, state]));
  expect(states).toEqual({
    first: 'done',
    'far-away': 'done',
    older: 'done',
    bare: 'done',
    broken: 'failed',
    'sent-to-tmux': 'unknown',
    'half-sent': 'unknown',
  });
  expect([...service.jobs.values()].filter(({ order: { prompt } }) => /half sent|gemini/.test(prompt))).toEqual([]);
  const status = (await world.cli(['status'])).stdout;
  expect(status).toMatch(/sent-to-tmux/);
  expect(status).toMatch(/half-sent/);
  expect(status).toMatch(/1 file lay in the inbox of seeds/);
  expect(readFileSync(world.queue(project, 'done', 'older.md'), 'utf8')).toContain('the answer');

  const imported = await world.cli(['import', project]);
  expect(imported.code).toBe(0);
  expect((await client.ended(project, 'sent-to-tmux')).result?.text).toContain('old work');
  await client.state(project, 'waiting', 'done');
  expect((await client.ended(project, 'waiting')).result?.text).toContain('still waiting');
  expect(await client.ended(project, 'half-sent')).toMatchObject({ state: 'done' });
  await until(async () => world.listed(project, 'inbox').length === 0);
});
