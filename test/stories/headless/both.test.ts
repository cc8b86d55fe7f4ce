import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { SessionWorld, when } from '../sessions/world.ts';

/* Where sessions are configured too: who gets what, and one conversation over both. */

let world: SessionWorld;
afterEach(() => world.end());

const POOL = { pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } } };
const idOf = (argv: readonly string[]) =>
  /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(argv.find((one) => /^--(?:session-id|resume)=/.test(one)) ?? '')?.[0];

test('a conversation goes on from a run without a terminal into a session, and back', async () => {
  world = new SessionWorld(POOL);
  const project = world.project('shop');
  const client = await world.connect();
  const first = await client.enqueue(project, '[[say:It is 42.]]', { mode: 'headless', agent: 'claude' });
  expect(await client.ended(project, first.id)).toMatchObject({ state: 'done', runs_on: 'claude' });
  const second = await client.enqueue(project, '[[say:And 43?]]', { continues: first.id, agent: 'claude' });
  expect(await client.ended(project, second.id)).toMatchObject({ state: 'done', runs_on: 'auto-0' });
  const more = { continues: second.id, mode: 'headless', agent: 'claude' };
  const third = await client.enqueue(project, '[[say:No, 44.]]', more);
  expect(await client.ended(project, third.id)).toMatchObject({ state: 'done', runs_on: 'claude' });
  const ids = world.begun.map(({ argv }) => idOf(argv));
  expect(ids).toHaveLength(3);
  expect(new Set(ids).size).toBe(1);
  await when(client, 'auto-0', ({ state }) => state === 'idle'); // the agent that was left open there has made way
});

test('a task without a mode waits for a session; one that asks for no terminal does not', async () => {
  world = new SessionWorld(POOL);
  const shop = world.project('shop');
  const site = world.project('site');
  const client = await world.connect();
  const long = await client.enqueue(shop, '[[write:a.txt:1]][[hang]]', { agent: 'claude' });
  await until(() => world.lines(shop, 'a.txt').length === 1, 20_000);
  const waits = await client.enqueue(site, '[[say:here]]', { agent: 'claude' });
  expect(await client.one(site, waits.id)).toMatchObject({ state: 'queued', waiting: { reason: 'no_free_agent' } });
  const goes = await client.enqueue(site, '[[say:here]]', { agent: 'claude', mode: 'headless' });
  expect(await client.ended(site, goes.id)).toMatchObject({ state: 'done', runs_on: 'claude' });
  expect(await client.one(shop, long.id)).toMatchObject({ state: 'running', runs_on: 'auto-0' });
});
