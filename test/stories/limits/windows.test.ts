import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Route } from '../../../src/runtime/model/route.ts';
import { until } from '../../support/world.ts';
import { HeadlessWorld } from '../headless/world.ts';
import type { Client } from '../world.ts';

/* How full the windows of an account are is told by its agent, and says which account and which agent is next. */

const world = new HeadlessWorld();
let client: Client;

beforeAll(async () => {
  const dir = (name: string) => world.project(name);
  const profiles = ['work', 'home'].map((name) => ({ name, config_dir: dir(`claude-${name}`) }));
  world.agents({ headless: { max_running: 0 }, agents: { claude: { profiles } } } as never);
  client = await world.connect();
});
afterAll(() => world.end());

interface Profile {
  readonly name: string;
  readonly state: string;
  readonly windows?: readonly { readonly name: string; readonly used: number; readonly resets_at: string }[];
}
const profiles = async () => (await client.ask<{ profiles?: Profile[] }>('fleet_status')).profiles ?? [];
const inUse = async () => (await profiles()).find(({ state }) => state === 'in_use')?.name;
const TASK = { agent: 'claude', mode: 'headless' };

test('the next attempt runs on the account with most room, also of the next runtime', async () => {
  const project = world.project('shop');
  expect(await inUse()).toBe('work');
  await client.enqueue(project, '[[window:five_hour:30:17000]][[window:five_hour:82:17000]][[say:x]]', {
    id: 'one',
    ...TASK,
  });
  expect(await client.ended(project, 'one')).toMatchObject({ state: 'done' });
  const seen = (await profiles()).find(({ name }) => name === 'work')?.windows;
  expect(seen).toEqual([{ name: 'five_hour', used: 0.82, resets_at: expect.any(String) }]);
  expect(await inUse()).toBe('home');
  await world.endRuntime('SIGKILL');
  expect(await inUse()).toBe('home');

  // Fuller, but nearly over: it has more room than the other one.
  await client.enqueue(project, '[[window:five_hour:97:120]][[say:x]]', { id: 'two', ...TASK });
  expect(await client.ended(project, 'two')).toMatchObject({ state: 'done' });
  await until(async () => (await profiles()).every(({ windows }) => windows !== undefined));
  expect(await inUse()).toBe('home');
  const { route } = await client.ask<{ route: Route }>('decide_route', { project, ...TASK });
  expect(route.rules.map(({ says }) => says).join('\n')).toMatch(
    /^claude: most room, .*; its five_hour window is 97 % used, resets 20/m,
  );
  const { stdout } = await world.cli(['profiles', 'list']);
  expect(stdout).toMatch(/work .*five_hour 82 %/);

  const told = await world.events<{ type: string; profile: string }>('profile_used');
  expect(told.map(({ profile }) => profile).filter((name) => name === 'work').length).toBeLessThanOrEqual(2);
});
