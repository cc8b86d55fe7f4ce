import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Status, shell, World } from './world.ts';

const world = new World();
let client: Client;
let shop: string;

const noted = async (code: string): Promise<string[]> => {
  const found = await world.events<{ type: string; code: string; message: string }>('noted');
  return found.filter((event) => event.code === code).map(({ message }) => message);
};
const needs = async (): Promise<string[]> =>
  (await client.ask<{ needs: { what: string }[] }>('fleet_status')).needs.map(({ what }) => what);

beforeAll(async () => {
  shop = world.project('shop');
  world.configure({ agents: {} });
  client = await world.connect();
});
afterAll(() => world.end());

test('an agent that is added to the file takes the task that waits for it, without a restart', async () => {
  const { id } = await client.enqueue(shop, 'Say hello.', { agent: 'late' });
  expect((await client.one(shop, id)).state).toBe('queued');
  const pid = world.runtime;
  world.configure({ agents: { late: { command: shell('echo hello') } } });
  await client.state(shop, id, 'done');
  expect(world.runtime).toBe(pid);
  expect(await noted('config_changed')).toEqual([expect.stringContaining('agents.late')]);
});

test('a broken file stays without effect, status names it, and SIGHUP reads the mended one at once', async () => {
  writeFileSync(world.config, 'agents: {');
  await until(async () => (await needs()).some((what) => what.includes('last good one stays in force')));
  const { id } = await client.enqueue(shop, 'Say hello again.', { agent: 'late' });
  await client.state(shop, id, 'done');
  const { stdout, code } = await world.cli(['doctor']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/missing +config .*goes on with the last good one/s);
  world.configure({ agents: { late: { command: shell('echo hello') } }, retry: { max_attempts: 9 } });
  process.kill(world.runtime as number, 'SIGHUP');
  await until(async () => (await noted('config_changed')).some((message) => message.includes('retry.max_attempts')));
  expect(await needs()).toEqual([]);
});

test('config reload answers what is in force and what waits for a restart', async () => {
  world.configure({ agents: {}, journal: { segment_bytes: 65_536 } });
  const { stdout, code } = await world.cli(['config', 'reload']);
  expect(code).toBe(0);
  // What the watch has noticed before is not told again here.
  await until(async () => (await noted('config_changed')).some((message) => /agents.late.*journal/.test(message)));
  expect(stdout).toMatch(/in force after a restart: journal.segment_bytes/);
  expect(await needs()).toEqual([expect.stringContaining('only after a restart: journal.segment_bytes')]);
  await world.endRuntime('SIGTERM');
  expect(await needs()).toEqual([]);
});

test("a project's own file counts for its tasks alone, and may give it no agent", async () => {
  const plain = world.project('plain');
  world.configure({ agents: { fails: { command: shell('exit 3') } }, retry: { max_attempts: 2, backoff: '1ms' } });
  mkdirSync(shop, { recursive: true });
  writeFileSync(join(shop, 'yardmaster.yaml'), 'retry: { max_attempts: 1 }\n');
  await world.cli(['config', 'reload']);
  const spent = async (project: string): Promise<number> => {
    const { id } = await client.enqueue(project, 'Try.', { agent: 'fails' });
    await client.state(project, id, 'failed');
    return (await client.one(project, id, { detail: 'attempts' })).tries?.newest ?? 0;
  };
  expect([await spent(shop), await spent(plain)]).toEqual([1, 2]);
  writeFileSync(join(shop, 'yardmaster.yaml'), 'agents: { own: { command: [sh] } }\n');
  await until(async () => (await needs()).some((what) => what.includes('agents: is for the user')));
  const { tasks } = await client.ask<Status>('list_tasks', { project: shop, state: ['failed'] });
  expect(tasks).toHaveLength(1);
});
