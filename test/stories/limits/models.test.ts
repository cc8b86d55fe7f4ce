import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeadlessWorld } from '../headless/world.ts';
import type { Client } from '../world.ts';
import { awayFromTheHour, isKept, limitOf, nextHour, nextMidnight } from './stopped.ts';

/* What a model may use: one that is within runs, the next does not, also for the next runtime. */

const world = new HeadlessWorld();
let client: Client;

beforeAll(async () => {
  await awayFromTheHour();
  world.agents({
    headless: { max_running: 0 },
    models: { default: 'usual' },
    allowance: {
      models: {
        many: { daily_tokens: 10_000 },
        often: { hourly_requests: 1 },
        ceiling: { cost_ceiling_usd: 0.05 },
        dear: { daily_cost: { amount: 0.05, currency: 'USD' } },
        usual: { hourly_requests: 1, instead: 'spare' },
      },
    },
  } as never);
  client = await world.connect();
});
afterAll(() => world.end());

const TASK = { agent: 'claude', mode: 'headless' };
const modelsAskedFor = () => world.begun.flatMap(({ argv }) => argv.filter((one) => one.startsWith('--model=')));

test.each([
  ['daily_tokens', 'many', 'tokens today (allowance.models.many.daily_tokens)', nextMidnight],
  [
    'hourly_requests',
    'often',
    'often has used 1 of 1 requests this hour (allowance.models.often.hourly_requests)',
    nextHour,
  ],
  ['cost_ceiling_usd', 'ceiling', 'of 0.05 USD (allowance.models.ceiling.cost_ceiling_usd)', nextMidnight],
  ['daily_cost', 'dear', 'of 0.05 USD (allowance.models.dear.daily_cost)', nextMidnight],
])('%s', async (what, model, says, until) => {
  const project = world.project(model);
  await client.enqueue(project, '[[usage:10000]][[say:one]]', { id: 'one', model, ...TASK });
  expect(await client.ended(project, 'one')).toMatchObject({ state: 'done', model });
  await client.enqueue(project, '[[say:two]]', { id: 'two', model, ...TASK });
  await isKept(world, client, project, 'two', { reason: 'allowance', until: until(), says });
  expect(await limitOf(client, model, what)).toMatchObject({ state: 'exceeded', resets_at: until() });
  expect(modelsAskedFor().filter((one) => one === `--model=${model}`)).toHaveLength(1);
});

test('instead: a task that names no model gets the other one, also of the next runtime', async () => {
  const project = world.project('usual');
  for (const [id, model] of [
    ['one', 'usual'],
    ['two', 'spare'],
  ] as const) {
    await client.enqueue(project, '[[say:done]]', { id, ...TASK });
    expect(await client.ended(project, id)).toMatchObject({ state: 'done', model });
  }
  await world.endRuntime('SIGKILL');
  await client.enqueue(project, '[[say:done]]', { id: 'three', ...TASK });
  expect(await client.ended(project, 'three')).toMatchObject({ state: 'done', model: 'spare' });
  await client.enqueue(project, '[[say:done]]', { id: 'four', model: 'usual', ...TASK });
  const says = 'usual has used 1 of 1 requests this hour';
  await isKept(world, client, project, 'four', { reason: 'allowance', until: nextHour(), says });
});
