import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeadlessWorld } from '../headless/world.ts';
import { type Client, shell } from '../world.ts';
import { awayFromTheHour, isKept, limitOf, nextMidnight } from './stopped.ts';

/* What a project may use, and how much runs at once: one that is within runs, the next does not, also for the next runtime. */

const world = new HeadlessWorld();
let client: Client;

const NAMES = ['jobs', 'tokens', 'cost', 'rest', 'one', 'full', 'other'] as const;
const settings = (max_running: number) => ({
  headless: { max_running },
  retry: { max_attempts: 1 },
  agents: {
    echo: { command: shell('cat "$1"'), max: 0 },
    fails: { command: shell('exit 3'), max: 0 },
    waits: { command: shell('until [ -e go ]; do sleep 0.1; done; echo gone'), max: 0 },
  },
  projects: NAMES.map((name) => ({
    ...{ name, path: world.project(name), shared_checkout: true },
    ...(name === 'one' && { max_running: 1 }),
  })),
  allowance: {
    projects: {
      jobs: { daily_jobs: 1 },
      tokens: { daily_tokens: 10_000 },
      cost: { daily_cost: { amount: 0.05, currency: 'USD' } },
      rest: { cooldown: '1h' },
    },
  },
});

beforeAll(async () => {
  await awayFromTheHour();
  world.agents(settings(0) as never);
  client = await world.connect();
});
afterAll(() => world.end());

test.each([
  [
    'daily_jobs',
    'jobs',
    'Do it.',
    { agent: 'echo' },
    'jobs has used 1 of 1 jobs today (allowance.projects.jobs.daily_jobs)',
  ],
  [
    'daily_tokens',
    'tokens',
    '[[usage:10000]][[say:x]]',
    { agent: 'claude' },
    'tokens today (allowance.projects.tokens.daily_tokens)',
  ],
  [
    'daily_cost',
    'cost',
    '[[usage:10000]][[say:x]]',
    { agent: 'claude' },
    'of 0.05 USD (allowance.projects.cost.daily_cost)',
  ],
])('%s', async (what, name, body, more, says) => {
  const project = world.project(name);
  await client.enqueue(project, body, { id: 'one', ...more, mode: 'headless' });
  expect(await client.ended(project, 'one')).toMatchObject({ state: 'done' });
  await client.enqueue(project, body, { id: 'two', ...more, mode: 'headless' });
  await isKept(world, client, project, 'two', { reason: 'allowance', until: nextMidnight(), says });
  expect(await limitOf(client, name, what)).toMatchObject({ state: 'exceeded', resets_at: nextMidnight() });
  const other = world.project('other'); // it is the project's alone
  const { id } = await client.enqueue(other, body, { ...more, mode: 'headless' });
  expect(await client.ended(other, id)).toMatchObject({ state: 'done' });
});

test('cooldown, from the failure on', async () => {
  const project = world.project('rest');
  await client.enqueue(project, 'Fail.', { id: 'one', agent: 'fails' });
  const failed = await client.ended(project, 'one');
  expect(failed).toMatchObject({ state: 'failed' });
  await client.enqueue(project, 'Do it.', { id: 'two', agent: 'echo' });
  const says = 'rest rests after a failure (allowance.projects.rest.cooldown)';
  await isKept(world, client, project, 'two', { reason: 'allowance', says });
  const { waiting } = await client.one(project, 'two');
  const left = Date.parse(waiting?.until ?? '') - Date.now();
  expect(left).toBeGreaterThan(3_000_000);
  expect(left).toBeLessThanOrEqual(3_600_000);
});

test('max_running of a project', async () => {
  const project = world.project('one');
  await client.enqueue(project, 'Wait.', { id: 'one', agent: 'waits' });
  await client.state(project, 'one', 'running');
  await client.enqueue(project, 'Do it.', { id: 'two', agent: 'echo' });
  await isKept(world, client, project, 'two', { reason: 'project_limit', says: '1 of 1' });
  writeFileSync(join(project, 'go'), '');
  expect(await client.ended(project, 'two')).toMatchObject({ state: 'done', attempts: 1 });
});

test('headless.max_running, over all agents without a terminal', async () => {
  world.agents(settings(1) as never);
  await world.cli(['config', 'reload']);
  const project = world.project('full');
  await client.enqueue(project, 'Wait.', { id: 'one', agent: 'waits' });
  await client.state(project, 'one', 'running');
  const more = { agent: 'claude', mode: 'headless' };
  await client.enqueue(project, '[[say:x]]', { id: 'two', ...more });
  await isKept(world, client, project, 'two', { reason: 'no_free_agent', says: '1 of 1' });
  writeFileSync(join(project, 'go'), '');
  expect(await client.ended(project, 'two')).toMatchObject({ state: 'done', attempts: 1 });
});
