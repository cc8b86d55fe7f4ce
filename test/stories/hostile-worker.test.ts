import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, World } from './world.ts';

/* Workers that say whatever they like. */

const WORKER = ['mcp', '--toolset', 'worker'];

interface Given {
  readonly id: string;
  readonly project: string;
  readonly attempt: number;
  readonly token: string;
}

const held = ({ id, project, attempt, token }: Given) => ({ id, project, attempt, token });

describe('a hostile worker', () => {
  let world: World;
  afterEach(() => world.end());

  const register = async (client: Client, name: string, more: object = {}) => ({
    worker: name,
    key: (await client.ask<{ key: string }>('register_worker', { name, ...more })).key,
  });
  const claimed = async (client: Client, who: object): Promise<Given> => {
    const { task } = await client.ask<{ task: Given | null }>('claim_task', { ...who, wait_seconds: 20 });
    if (task === null) throw new Error('there was no task');
    return task;
  };

  it('names a price beyond all numbers: the journal stays readable, and what is spent stays spent', async () => {
    world = new World({});
    const shop = world.project('shop');
    world.configure({
      projects: [{ name: 'shop', path: shop }],
      allowance: { projects: { shop: { daily_cost: { amount: 5, currency: 'USD' } } } },
    });
    const owner = await world.connect();
    const worker = await world.connect('new', WORKER);
    const who = await register(worker, 'odd');
    const { id } = await owner.enqueue(shop, 'one', { max_attempts: 3 });
    const given = await claimed(worker, who);
    const usage = { cost: { amount: 1e305, currency: 'USD' } };
    await worker.ask('fail_task', { ...held(given), reason: 'so', usage });
    await until(async () => (await world.events('quota_exceeded')).length > 0);
    expect(await world.events('quota_exceeded')).toMatchObject([{ name: 'shop', used: expect.any(Number) }]);
    const spent = async () => {
      const { allowance } = await owner.ask<{ allowance: { of: string; limits: { used: number; state: string }[] }[] }>(
        'fleet_status',
      );
      return allowance.find(({ of }) => of === 'project')?.limits[0];
    };
    const before = await spent();
    expect(before).toMatchObject({ state: 'exceeded' });
    await world.endRuntime('SIGKILL');
    expect(await spent()).toEqual(before);
    await world.endRuntime('SIGTERM'); // with a snapshot
    expect(await spent()).toEqual(before);
    expect(await owner.one(shop, id)).toMatchObject({ state: 'queued' });
  }, 90_000);

  it('speaks of attempts that never were: the journal does not grow', async () => {
    world = new World({});
    const shop = world.project('shop');
    const owner = await world.connect();
    await owner.enqueue(shop, 'one', { agent: 'odd' });
    const worker = await world.connect('new', WORKER);
    const tasks = Array.from({ length: 256 }, (_, at) => ({
      id: `x${at}`,
      project: 'shop',
      attempt: at + 1,
      token: 't',
    }));
    expect(await worker.refused('heartbeat', { worker: 'nobody', key: 'k', tasks })).toContain('stale');
    const who = await register(worker, 'odd', { capabilities: ['\u0007', 'fr\u001b[31mench'] });
    const given = await claimed(worker, who);
    const later = tasks.map(({ attempt }) => ({ ...held(given), attempt: attempt + 1 }));
    await worker.ask('heartbeat', { ...who, tasks: later });
    const none = { id: 'nope', project: 'shop', attempt: 1, token: 't' };
    expect(await worker.refused('complete_task', { ...none, result: 'x' })).toContain('stale');
    expect(await worker.refused('fail_task', { ...none, reason: 'x' })).toContain('stale');
    expect(await world.events('report_refused')).toEqual([]);
    for (const result of ['a', 'b', 'c'])
      expect(await worker.refused('complete_task', { ...held(given), token: 'another', result })).toContain('stale');
    expect(await world.events('report_refused')).toHaveLength(1);
    expect(await world.events('worker_registered')).toMatchObject([{ worker: { capabilities: ['french'] } }]);
    expect(await worker.ask('complete_task', { ...held(given), result: 'ok' })).toMatchObject({ state: 'done' });
  }, 90_000);

  it('brings more data than anybody asked for: the journal does not take it', async () => {
    world = new World({});
    const owner = await world.connect();
    const worker = await world.connect('new', WORKER);
    const who = await register(worker, 'odd');
    await owner.enqueue(world.project('shop'), 'one', { agent: 'odd' });
    const given = await claimed(worker, who);
    const much = { ...held(given), result: 'x'.repeat(3_000_000), structured: 'y'.repeat(3_000_000) };
    expect(await worker.refused('complete_task', much)).toContain('the limit is');
    const deep = JSON.parse('['.repeat(3_000) + ']'.repeat(3_000)) as unknown;
    await worker.ask('complete_task', { ...much, structured: deep });
    const [end] = await world.events<{ type: string; outcome: object }>('task_finished');
    expect(end?.outcome).not.toHaveProperty('structured');
    expect(JSON.stringify(end).length).toBeLessThan(300_000);
  }, 90_000);
});
