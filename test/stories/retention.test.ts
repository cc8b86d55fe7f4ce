import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, shell, World } from './world.ts';

const world = new World();
let client: Client;
let shop: string;
const SETTINGS = { agents: { quick: { command: shell('echo done'), max: 1 } }, journal: { segment_bytes: 4_096 } };
const TASKS = 25;

beforeAll(async () => {
  shop = world.project('shop');
  world.configure(SETTINGS);
  client = await world.connect();
  const tasks = Array.from({ length: TASKS }, (_, n) => ({ id: `t${n}`, project: shop, body: `Number ${n}.` }));
  await client.ask('enqueue_task', { tasks });
  await client.ended(shop, `t${TASKS - 1}`);
});
afterAll(() => world.end());

const runs = (): string[] =>
  readdirSync(join(world.home, 'runs'))
    .filter((name) => !name.startsWith('.'))
    .flatMap((project) => readdirSync(join(world.home, 'runs', project)));

async function seqs(): Promise<number[]> {
  const found: number[] = [];
  for (;;) {
    const args = ['events', '--after', String(found.at(-1) ?? 0), '--limit', '7', '--json'];
    const lines = (await world.cli(args)).stdout.split('\n').filter(Boolean);
    if (lines.length === 0) return found;
    found.push(...lines.map((line) => (JSON.parse(line) as { seq: number }).seq));
  }
}

test('events that the journal has let go are still told, in one row, and the newest too', async () => {
  await world.endRuntime('SIGTERM'); // a snapshot; segments go
  await world.start();
  expect(readdirSync(join(world.home, 'events'))).toHaveLength(1);
  const all = await seqs();
  expect(all).toEqual(all.toSorted((one, other) => one - other));
  expect(new Set(all).size).toBeGreaterThan(3 * TASKS);
  expect(all[0]).toBe(1);
  const newest = (await world.cli(['events', '-n', String(all.length - 2), '--json'])).stdout.split('\n');
  expect(JSON.parse(newest[0] ?? '')).toMatchObject({ seq: all[2] });
});

test('prune says what would go, takes it when told, and leaves every result', async () => {
  expect(runs()).toHaveLength(TASKS);
  world.configure({ ...SETTINGS, retention: { runs: 0, events: 0 } });
  await world.cli(['config', 'reload']);
  const dry = await world.json<{ runs: number; events_files: number }>('prune', '--dry-run');
  expect(dry.runs).toBe(TASKS);
  expect(dry.events_files).toBeGreaterThan(0);
  expect(runs()).toHaveLength(TASKS);
  const { stdout } = await world.cli(['prune']);
  expect(stdout).toMatch(/^gone: 25 run directories, \d+ files of old events\n {2}shop\/t/);
  expect(runs()).toEqual([]);
  expect(world.listed(shop, 'done')).toHaveLength(TASKS);
  const task = await client.one(shop, 't3', { detail: 'result' });
  expect(task.result?.text).toContain('done');
  expect(await client.one(shop, 't3', { detail: 'log' })).toMatchObject({ state: 'done' });
});

test('what went is journalled, and status and doctor show it', async () => {
  const noted = await world.events<{ type: string; code: string; message: string }>('noted');
  expect(noted.find(({ code }) => code === 'pruned')?.message).toMatch(/^25 run directories of ended tasks/);
  expect((await world.cli(['status'])).stdout).toContain('25 old runs cleared away');
  expect((await world.cli(['doctor'])).stdout).toMatch(/history +runs 0ms, events 0ms .*; 25 runs cleared away/);
});

test('without a wish for past events none are kept', async () => {
  const more = Array.from({ length: 10 }, (_, n) => ({ id: `more${n}`, project: shop, body: 'x'.repeat(2_000) }));
  await client.ask('enqueue_task', { tasks: more });
  await client.ended(shop, 'more9');
  await world.endRuntime('SIGTERM');
  const kept = readdirSync(join(world.home, 'events')).flatMap((epoch) =>
    readdirSync(join(world.home, 'events', epoch)),
  );
  expect(kept).toEqual([]);
  expect(existsSync(join(world.home, 'snapshot.json'))).toBe(true);
});
