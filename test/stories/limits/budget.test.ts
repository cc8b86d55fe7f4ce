import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { SessionWorld, when } from '../sessions/world.ts';
import type { Client } from '../world.ts';
import { isKept } from './stopped.ts';

/* What one attempt may cost, and how many turns it may take: without a terminal and in a session. */

const world = new SessionWorld();
let client: Client;

const PRICES = { currency: 'USD', models: { sonnet: { input: 4, output: 20 } } };
const settings = (claude: object) =>
  ({
    headless: { max_running: 0 },
    pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } },
    agents: { claude, codex: {} },
  }) as never;

beforeAll(async () => {
  world.sessions(settings({ prices: PRICES }));
  client = await world.connect();
});
afterAll(() => world.end());

/** 0.01 USD. */
const CHEAP = '[[say:cheap]]';
/** More than 0.40 USD, and it never comes to an end. */
const DEAR = '[[usage:100000]][[say:dear]][[sleep:600000]]';

test.each([
  ['headless', 'headless', 'claude'],
  ['session', 'session', 'auto-0'],
])('budget_usd of a run, %s', async (name, mode, runs_on) => {
  const project = world.project(name);
  const more = { agent: 'claude', mode, budget_usd: 0.05 };
  await client.enqueue(project, CHEAP, { id: 'one', ...more });
  expect(await client.ended(project, 'one')).toMatchObject({ state: 'done', runs_on });

  const begun = world.begun.length;
  await client.enqueue(project, DEAR, { id: 'two', ...more });
  await until(() => world.begun.length > begun, 30_000);
  await world.endRuntime('SIGKILL'); // it is at work, and whoever looks next finds what it costs
  const failed = await client.ended(project, 'two');
  expect(failed).toMatchObject({ state: 'failed', error_class: 'budget', attempts: 1 });
  expect(failed.reason).toMatch(/has cost 0\.4\d+ USD so far, more than its budget_usd of 0\.05/);
  await world.endRuntime('SIGKILL');
  expect(await client.one(project, 'two')).toMatchObject({ state: 'failed', attempts: 1 });
  expect(world.begun).toHaveLength(begun + 1); // nobody has tried again
  const file = world.read(world.queue(project, 'failed', 'two.md'));
  expect(file).toMatch(/used_cost: 0\.4/);
  expect(world.processes().filter(({ command }) => command.includes('claude.mjs --'))).toEqual([]);
});

test('budget_usd where nobody knows what it costs: it does not begin', async () => {
  const project = world.project('unknown');
  await client.enqueue(project, CHEAP, { id: 'codex', agent: 'codex', budget_usd: 5 });
  await isKept(world, client, project, 'codex', {
    reason: 'no_eligible_agent',
    says: "can't keep budget_usd",
  });

  world.sessions(settings({}));
  await world.cli(['config', 'reload']);
  await client.enqueue(project, CHEAP, { id: 'unpriced', agent: 'claude', mode: 'session', budget_usd: 5 });
  await isKept(world, client, project, 'unpriced', { reason: 'no_eligible_agent', says: "can't keep budget_usd" });

  const prices = { ...PRICES, models: { 'another-model': { input: 1, output: 1 } } };
  world.sessions(settings({ prices }));
  await world.cli(['config', 'reload']);
  const failed = await client.ended(project, 'unpriced'); // it says so as soon as the model is known
  expect(failed).toMatchObject({ state: 'done' });
  await client.enqueue(project, DEAR, { id: 'stopped', agent: 'claude', mode: 'session', budget_usd: 5 });
  expect(await client.ended(project, 'stopped')).toMatchObject({
    ...{ state: 'failed', error_class: 'budget' },
    reason: expect.stringContaining('agents.claude.prices names no price of sonnet'),
  });
});

test('max_turns, which only a run without a terminal keeps', async () => {
  const project = world.project('turns');
  const more = { agent: 'claude', max_turns: 2 };
  await client.enqueue(project, '[[write:a.txt:1]][[say:two]]', { id: 'one', mode: 'headless', ...more });
  expect(await client.ended(project, 'one')).toMatchObject({ state: 'done' });
  const long = '[[write:b.txt:1]][[write:b.txt:2]][[write:b.txt:3]]';
  await client.enqueue(project, long, { id: 'two', mode: 'headless', ...more });
  expect(await client.ended(project, 'two')).toMatchObject({
    ...{ state: 'failed', error_class: 'logic_error', attempts: 1 },
    reason: expect.stringContaining('maximum number of turns (2)'),
  });
  expect(world.lines(project, 'b.txt')).toHaveLength(2);
  await client.enqueue(project, CHEAP, { id: 'session', mode: 'session', ...more });
  const says = "can't keep max_turns";
  await isKept(world, client, project, 'session', { reason: 'no_eligible_agent', says });
  await when(client, 'auto-0', ({ state }) => state === 'idle');
});
