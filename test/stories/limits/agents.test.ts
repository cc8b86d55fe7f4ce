import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatService } from '../../fakes/chat-service.ts';
import { until } from '../../support/world.ts';
import { HeadlessWorld } from '../headless/world.ts';
import { type Client, shell } from '../world.ts';
import { awayFromTheHour, isKept, limitOf, nextMidnight } from './stopped.ts';

/* What an agent or a provider may use: one that is within runs, the next does not, also for the next runtime. */

const world = new HeadlessWorld();
let service: ChatService;
let client: Client;

/** 12,500 tokens and some, 0.05 USD and some. */
const DEAR = '[[usage:10000]][[say:dear]]';
const CLAUDE = { agent: 'claude', mode: 'headless' };

const settings = (claude: object) => ({
  headless: { max_running: 0 },
  agents: {
    few: { command: shell('cat "$1"'), max: 0 },
    alone: { command: shell('until [ -e go ]; do sleep 0.1; done; echo gone'), max: 0 },
  },
  projects: [
    { name: 'alone', path: join(world.user, 'alone'), shared_checkout: true },
    { name: 'claude', path: join(world.user, 'claude') },
  ],
  delegation: {
    interval: '200ms',
    providers: {
      near: {
        ...{ kind: 'openai-chat', base_url: service.url, model: 'small' },
        prices: { currency: 'CAD', models: { 'small-2026-11-01': { input: 2, output: 4 } } },
      },
      far: { kind: 'openai-chat', base_url: service.url, model: 'large' },
    },
  },
  allowance: {
    agents: {
      few: { daily_jobs: 1 },
      alone: { concurrent_jobs: 1 },
      near: { daily_cost: { amount: 0.004, currency: 'CAD' } },
      far: { daily_tokens: 1_000 },
      claude,
    },
  },
});

async function allow(claude: object): Promise<void> {
  world.agents(settings(claude) as never);
  await world.cli(['config', 'reload']);
}

beforeAll(async () => {
  await awayFromTheHour();
  service = await ChatService.start({ answer: () => 'thought' });
  world.agents(settings({ models: ['sonnet'] }) as never);
  client = await world.connect();
});
afterAll(async () => {
  await world.end();
  await service.close();
});

test('daily_jobs', async () => {
  const project = world.project('few');
  await client.enqueue(project, 'One.', { id: 'one', agent: 'few' });
  expect(await client.ended(project, 'one')).toMatchObject({ state: 'done' });
  await client.enqueue(project, 'Two.', { id: 'two', agent: 'few' });
  const says = 'few has used 1 of 1 jobs today (allowance.agents.few.daily_jobs)';
  await isKept(world, client, project, 'two', { reason: 'allowance', until: nextMidnight(), says });
  expect(await limitOf(client, 'few', 'daily_jobs')).toMatchObject({ used: 1, limit: 1, state: 'exceeded' });
});

test('concurrent_jobs, until the one at work has ended', async () => {
  const project = world.project('alone');
  await client.enqueue(project, 'One.', { id: 'one', agent: 'alone' });
  await client.state(project, 'one', 'running');
  await client.enqueue(project, 'Two.', { id: 'two', agent: 'alone' });
  await isKept(world, client, project, 'two', { reason: 'allowance', says: 'alone has 1 of 1 jobs at work' });
  expect(await client.one(project, 'one')).toMatchObject({ state: 'running', attempts: 1 });
  writeFileSync(join(project, 'go'), '');
  expect(await client.ended(project, 'one')).toMatchObject({ state: 'done' });
  expect(await client.ended(project, 'two')).toMatchObject({ state: 'done', attempts: 1 });
});

test('models', async () => {
  const project = world.project('claude');
  await client.enqueue(project, '[[say:may]]', { id: 'may', model: 'sonnet', ...CLAUDE });
  expect(await client.ended(project, 'may')).toMatchObject({ state: 'done', model: 'sonnet' });
  await client.enqueue(project, '[[say:may not]]', { id: 'may-not', model: 'opus', ...CLAUDE });
  const says = 'may not use opus (allowance.agents.claude.models)';
  await isKept(world, client, project, 'may-not', { reason: 'no_eligible_agent', says });
  expect(world.begun).toHaveLength(1);
  await client.call('cancel_task', { project, id: 'may-not' });
});

test('daily_tokens, then daily_cost, of what the agent itself has told', async () => {
  const project = world.project('claude');
  await allow({ daily_tokens: 10_000 });
  await client.enqueue(project, DEAR, { id: 'tokens', ...CLAUDE });
  expect(await client.ended(project, 'tokens')).toMatchObject({ state: 'done' });
  const begun = world.begun.length;
  await client.enqueue(project, DEAR, { id: 'cost', ...CLAUDE });
  const tokens = {
    reason: 'allowance',
    until: nextMidnight(),
    says: 'tokens today (allowance.agents.claude.daily_tokens)',
  };
  await isKept(world, client, project, 'cost', tokens);
  expect(await limitOf(client, 'claude', 'daily_tokens')).toMatchObject({ limit: 10_000, remaining: 0 });
  expect(world.begun).toHaveLength(begun);

  await allow({ daily_cost: { amount: 0.1, currency: 'USD' } });
  expect(await client.ended(project, 'cost')).toMatchObject({ state: 'done', attempts: 1 });
  await client.enqueue(project, DEAR, { id: 'more', ...CLAUDE });
  const cost = { reason: 'allowance', until: nextMidnight(), says: 'of 0.1 USD (allowance.agents.claude.daily_cost)' };
  await isKept(world, client, project, 'more', cost);
  expect(await limitOf(client, 'claude', 'daily_cost')).toMatchObject({ currency: 'USD', state: 'exceeded' });
  expect(world.begun).toHaveLength(begun + 1);
});

test("a provider's daily_tokens, and its daily_cost by its prices", async () => {
  const project = world.project('away');
  for (const [provider, says] of [
    ['far', 'far has used 1500 of 1000 tokens today (allowance.agents.far.daily_tokens)'],
    ['near', 'near has used 0.004 of 0.004 CAD (allowance.agents.near.daily_cost)'],
  ] as const) {
    const asked = service.requests.length;
    const { id } = await client.ask<{ id: string }>('delegate', { project, body: 'Compare.', provider });
    expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
    expect(await client.refused('delegate', { project, body: 'Again.', provider })).toContain(`not now: ${says}`);
    const next = await client.enqueue(project, 'Again.', { preferred_ai: provider });
    await isKept(world, client, project, next.id, { reason: 'allowance', until: nextMidnight(), says });
    expect(service.requests).toHaveLength(asked + 1);
    await until(() => world.listed(project, 'done').includes(`${id}.md`));
  }
});
