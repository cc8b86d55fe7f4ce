import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Settings, shell, World } from './world.ts';

interface Held {
  readonly scope: string;
  readonly name?: string;
  readonly what: string;
  readonly state: string;
  readonly by: string;
  readonly running: number;
  readonly waiting: number;
}
interface Fleet {
  readonly paused: { readonly all: boolean; readonly projects: readonly string[]; readonly holds?: readonly Held[] };
  readonly agents: readonly { readonly id: string; readonly status: string; readonly detail?: string }[];
  readonly needs: readonly { readonly what: string; readonly next: string }[];
}

const fleet = (client: Client) => client.ask<Fleet>('fleet_status');

/** `slow` runs until a file lets it go on. */
function slowWorld(): { world: World; go: () => void } {
  const world = new World();
  const file = join(world.root, 'go');
  const slow = { command: shell(`while [ ! -e ${file} ]; do sleep 0.1; done; echo done`), max: 2 };
  const quick = { command: shell('echo quick') };
  world.configure({ agents: { slow, quick } } as Settings);
  return { world, go: () => writeFileSync(file, '') };
}

test('a drain lets what runs go on, begins nothing, says when it is drained, and outlives a kill', async () => {
  const { world, go } = slowWorld();
  const client = await world.connect();
  const project = world.project('shop');
  await client.enqueue(project, 'first', { id: 'first', agent: 'slow', workspace: 'project' });
  await client.state(project, 'first', 'running');
  const drained = world.cli(['drain', '--agent', 'slow', '--reason', 'its update', '--timeout', '50s']);
  await until(async () => (await fleet(client)).paused.holds?.[0]?.state === 'draining');
  await client.enqueue(project, 'next', { id: 'next', agent: 'slow' });
  expect((await client.one(project, 'next')).waiting).toMatchObject({
    reason: 'paused',
    detail: 'slow is drained by a person: its update',
  });
  expect((await fleet(client)).agents).toContainEqual(
    expect.objectContaining({ id: 'slow', status: 'offline', detail: 'drained by a person: its update' }),
  );
  go();
  const { code, stdout, stderr } = await drained;
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/agent slow drained by a person: its update/),
  });
  expect(stderr).toMatch(/1 attempt runs still/);
  await world.endRuntime('SIGKILL');
  const { needs, paused } = await fleet(client);
  expect(paused.holds).toMatchObject([{ scope: 'agent', name: 'slow', state: 'drained', by: 'person', waiting: 1 }]);
  expect(needs).toContainEqual(
    expect.objectContaining({
      what: expect.stringMatching(/^slow is drained by a person: its update \(1 task waits, since /),
      next: expect.stringMatching(/^yardmaster resume --agent slow /),
    }),
  );
  expect(await client.refused('pause_work', { what: 'resume', agent: 'slow' })).toMatch(
    /yardmaster resume --agent slow/,
  );
  expect(await client.refused('pause_work', { what: 'pause', agent: 'slow', reason: 'mine' })).toMatch(/not_allowed/);
  expect((await client.one(project, 'next')).state).toBe('queued');
  const elsewhere = await world.cli(['resume']);
  expect(elsewhere).toMatchObject({ code: 0, stdout: expect.stringMatching(/^nothing was held there/) });
  expect(elsewhere.stdout).toContain('what else is held ends with yardmaster resume --agent slow');
  expect((await world.cli(['sessions'])).stdout).toMatch(/slow-1.*\n +drained by a person: its update/);
  expect(await world.cli(['resume', '--agent', 'slow'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^resumed: work begins there again/),
  });
  expect(await client.ended(project, 'next')).toMatchObject({ state: 'done', attempts: 1 });
  await world.end();
}, 120_000);

test('a pause of a project ends by its time, and one of everything by a word; others go on', async () => {
  const { world } = slowWorld();
  const client = await world.connect();
  const [shop, site] = [world.project('shop'), world.project('site')];
  await client.enqueue(shop, 'warm', { id: 'warm', agent: 'quick' });
  await client.ended(shop, 'warm');
  expect(await client.refused('pause_work', { what: 'pause', project: 'shop' })).toMatch(/reason is missing/);
  expect(await client.refused('pause_work', { what: 'pause', agent: 'nobody', reason: 'x' })).toMatch(/slow/);
  const held = await client.ask('pause_work', { what: 'pause', project: 'shop', reason: 'a rebase', for: '4s' });
  expect(held).toMatchObject({ hold: { scope: 'project', name: 'shop', state: 'paused', by: 'owner' } });
  await client.enqueue(shop, 'later', { id: 'later', agent: 'quick' });
  await client.enqueue(site, 'now', { id: 'now', agent: 'quick' });
  expect((await client.one(shop, 'later')).waiting).toMatchObject({ reason: 'paused', until: expect.any(String) });
  expect(await client.ended(site, 'now')).toMatchObject({ state: 'done' });
  expect(await client.ended(shop, 'later')).toMatchObject({ state: 'done' }); // nobody resumed it
  const ended = () => world.told<{ type: string; by: string; project?: string; reason?: string }>('resumed');
  await until(async () => (await ended()).length > 0);
  expect(await ended()).toMatchObject([{ by: 'dispatcher', project: 'shop', reason: 'its time is over' }]);
  expect((await world.cli(['pause', '--reason', 'the disk', '--json'])).stdout).toMatch(/"by":"person"/);
  await client.enqueue(site, 'held', { id: 'held', agent: 'quick' });
  expect((await world.cli(['status'])).stdout).toMatch(/everything paused by a person: the disk; 0 run, 1 waits/);
  expect(await client.refused('pause_work', { what: 'resume' })).toMatch(/yardmaster resume/);
  expect((await world.cli(['resume'])).code).toBe(0);
  expect(await client.ended(site, 'held')).toMatchObject({ state: 'done' });
  await world.end();
}, 120_000);
