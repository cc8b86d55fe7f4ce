import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { until } from '../support/world.ts';
import { shell, World } from './world.ts';

let world: World;
afterEach(() => world.end(), 60_000);

it.each([
  ['12 digits', '999999999999d'],
  ['400 digits', `${'9'.repeat(400)}d`],
])(
  "a project's own file asks for a pause of %s: its task waits, and can be looked at",
  async (_, pause) => {
    world = new World({ agents: { bad: { command: shell('exit 1') } } });
    const shop = world.project('shop');
    writeFileSync(join(shop, 'yardmaster.yaml'), JSON.stringify({ retry: { backoff: pause, backoff_max: pause } }));
    const owner = await world.connect();
    const { id } = await owner.enqueue(shop, 'one', { agent: 'bad', max_attempts: 3 });
    await until(async () => (await world.events('task_requeued')).length > 0, 15_000);
    const waits = { state: 'queued', waiting: { reason: 'backoff' } };
    expect(await owner.one(shop, id)).toMatchObject(waits);
    await world.endRuntime('SIGKILL');
    expect(await owner.one(shop, id)).toMatchObject(waits);
  },
  60_000,
);
