import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { HeadlessWorld, whenRun } from './world.ts';

/* What becomes of a run without a terminal when something is killed, or when its account is at its end. */

let world: HeadlessWorld;
afterEach(() => world.end());

const TWO = '[[write:a.txt:first]][[sleep:3000]][[write:a.txt:second]][[say:both]]';

async function begun(settings: object = {}, body = TWO) {
  world = new HeadlessWorld(settings);
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, body);
  await until(() => world.lines(project, 'a.txt').length === 1, 20_000);
  return { project, client, id, agent: world.begun[0]?.pid ?? 0 };
}

test('an agent that dies at work is followed by one that goes on with its conversation', async () => {
  const { project, client, id, agent } = await begun();
  process.kill(agent, 'SIGKILL');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
  expect(world.lines(project, 'a.txt')).toEqual(['first', 'second']);
  const [first = '', second = ''] = world.conversations;
  expect(second).toContain(first.replace('--session-id=', ''));
  expect(second).toMatch(/^--resume=/);
}, 90_000);

test('an agent whose runtime dies works on, and the next runtime has its result; nobody can speak to it', async () => {
  const { project, client, id } = await begun();
  await world.endRuntime('SIGKILL');
  const name = `shop/${id}`;
  await whenRun(client, name, ({ state }) => state === 'working');
  const refused = await client.refused('message_session', { name, text: 'hello to you' });
  expect(refused).toContain('its input was closed when the runtime before this one ended');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(world.lines(project, 'a.txt')).toEqual(['first', 'second']);
  expect(world.begun).toHaveLength(1);
}, 90_000);

test('an agent that ends while no runtime is there is found done', async () => {
  const { project, id, agent } = await begun();
  await world.endRuntime('SIGKILL');
  await until(() => !world.processes().some(({ pid }) => pid === agent), 20_000);
  const client = await world.connect();
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(world.begun).toHaveLength(1);
}, 90_000);

test('where both die, the next runtime goes on with the conversation', async () => {
  const { project, client, id, agent } = await begun();
  await world.endRuntime('SIGKILL');
  process.kill(agent, 'SIGKILL');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
  expect(world.lines(project, 'a.txt')).toEqual(['first', 'second']);
  expect(world.conversations[1]).toMatch(/^--resume=/);
}, 90_000);

test('an account that has met its limit rests, and the next one goes on with the conversation', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const profiles = ['one', 'two'].map((name) => ({ name, config_dir: join(world.user, `.claude-${name}`) }));
  for (const { config_dir } of profiles) mkdirSync(config_dir, { recursive: true });
  world.agents({ agents: { claude: { profiles } } } as object);
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[write:a.txt:first]][[limit:five_hour:3600]][[say:both]]');
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 2 });
  expect(world.lines(project, 'a.txt')).toEqual(['first']);
  expect(world.conversations[1]).toMatch(/^--resume=/);
  expect(await world.events('profile_paused')).toMatchObject([{ profile: 'one', why: 'limit' }]);
  const file = world.read(project, '.agent-queue/done', `${id}.md`);
  expect(file).toContain('profile: two');
}, 90_000);

test('a conversation that began without a terminal is gone on with by a task that continues it', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const first = await client.enqueue(project, '[[say:I know the password.]]');
  await client.ended(project, first.id);
  const next = await client.enqueue(project, '[[say:And what now?]]', { continues: first.id });
  expect(await client.ended(project, next.id)).toMatchObject({ state: 'done' });
  const [began = '', went = ''] = world.conversations;
  expect(went).toContain(began.replace('--session-id=', ''));
}, 90_000);
