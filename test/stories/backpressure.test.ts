import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Settings, shell, World } from './world.ts';

interface Batch {
  readonly tasks: readonly {
    readonly id?: string;
    readonly error?: { readonly code: string; readonly retry_after_seconds?: number };
  }[];
  readonly refused?: number;
}

const LATER = { not_before: '2099-01-01T00:00:00Z' };

test('what fits is taken, each of the others is told when to come back; files wait where they are', async () => {
  const world = new World();
  const shop = world.project('shop');
  const settings = (max_open: number): Settings =>
    ({
      agents: { echo: { command: shell('cat "$1"') } },
      projects: [{ name: 'shop', path: shop, max_open }],
      dispatcher: { scan: '2s', settle: '100ms' },
    }) as Settings;
  world.configure(settings(2));
  const client = await world.connect();
  const tasks = ['a', 'b', 'c'].map((id) => ({ id, body: id, idempotency_key: id, ...LATER }));
  const { tasks: answers, refused } = await client.ask<Batch>('enqueue_task', { project: shop, tasks });
  expect(refused).toBe(1);
  expect(answers).toMatchObject([{ id: 'a' }, { id: 'b' }, { error: { code: 'full', retry_after_seconds: 60 } }]);
  const again = await client.ask('enqueue_task', { project: shop, ...tasks[0] });
  expect(again).toMatchObject({ id: 'a', created: false }); // it is there, full or not
  const said = await client.refused('enqueue_task', { project: shop, body: 'd' });
  expect(said).toMatch(/"full".*project shop has 2 open tasks.*max_open is 2.*"retry_after_seconds":60/);
  const elsewhere = await client.enqueue(world.project('site'), 'x');
  expect(elsewhere).toMatchObject({ created: true });

  writeFileSync(world.queue(shop, 'inbox', 'dropped.md'), 'Do it.\n');
  const dispatch = join(world.home, 'dispatch', 'dispatch-one.json');
  const file = { id: 'dispatch-one', dispatched_by: 'test', task: 'Do it.', project: 'shop', project_dir: shop };
  writeFileSync(dispatch, JSON.stringify(file));
  const needs = async () => (await client.ask<{ needs: { what: string }[] }>('fleet_status')).needs;
  const waits = (what: RegExp) => until(async () => (await needs()).some((need) => what.test(need.what)));
  await waits(/^1 file waits in the inbox of shop to be taken: project shop has 2 open tasks/);
  await waits(/^1 dispatch file waits to be taken: project shop has 2 open tasks/);
  expect(readFileSync(world.queue(shop, 'inbox', 'dropped.md'), 'utf8')).toBe('Do it.\n');
  expect(JSON.parse(readFileSync(dispatch, 'utf8'))).toEqual(file);

  const unable = await client.ask('retry_task', { project: shop, id: 'b' });
  expect(unable).toMatchObject({ id: 'b', state: 'queued' }); // it is there already
  await client.ended(shop, 'b');
  await until(async () => !existsSync(world.queue(shop, 'inbox', 'dropped.md')) || !existsSync(dispatch)); // one has room
  await client.call('cancel_task', { project: shop, id: 'a' });
  expect(await client.ask('retry_task', { project: shop, id: 'a' })).toMatchObject({ state: 'queued' });
  world.configure(settings(0));
  await until(() => !existsSync(dispatch) && !existsSync(world.queue(shop, 'inbox', 'dropped.md')));
  expect(await client.ended(shop, 'dropped')).toMatchObject({ state: 'done' });
  expect(await client.ended(shop, 'dispatch-one')).toMatchObject({ state: 'done' });
  await until(async () => (await needs()).every(({ what }) => !what.includes('to be taken')));
  await world.end();
}, 120_000);

test('a machine with too much to do takes nothing new, and says when to come back', async () => {
  const world = new World({ limits: { min_free_memory: 1e15 } } as Settings);
  const client = await world.connect();
  const project = world.project('shop');
  expect(await client.refused('enqueue_task', { project, body: 'x' })).toMatch(
    /"busy".*limits\.min_free_memory.*"retry_after_seconds":30/,
  );
  const { code, stderr } = await world.cli(['enqueue', '--project', project, 'x']);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/memory left.*\n.*about 30s/) });
  await world.end();
}, 60_000);
