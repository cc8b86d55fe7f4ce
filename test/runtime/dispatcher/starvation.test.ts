import { afterEach, expect, test } from 'vitest';
import { longestTurns } from '../../../src/runtime/policy/order.ts';
import { RUN, STEP, StarvationYard } from './starvation-yard.ts';

/* The bounds of policy/order.ts through the real dispatcher and the real store: every task that was at the top. */

const PROJECTS = [
  { name: 'bulk', path: '/code/bulk', shared_checkout: true },
  { name: 'a', path: '/code/a', shared_checkout: true, weight: 2 },
  { name: 'b', path: '/code/b', shared_checkout: true, weight: 1 },
  { name: 'c', path: '/code/c', shared_checkout: true, weight: 0.5 },
];
const PRIORITIES = ['low', 'default', 'high', 'critical'] as const;
const TRICKLE = { a: 3, b: 7, c: 13 };

let yard: StarvationYard | undefined;
afterEach(async () => {
  await yard?.stop();
  yard = undefined;
});

async function opened(agents: object): Promise<StarvationYard> {
  yard = new StarvationYard({ projects: PROJECTS, headless: { max_running: 0 }, agents });
  return yard.open();
}

const ONE = { worker: { command: ['work'], max: 1 } };

test('10,000 low tasks of one project and a trickle of three others: each goes within its bound, held and restarted too', async () => {
  const yard = await opened(ONE);
  await yard.add('bulk', { priority: 'low' }, 10_000);
  for (let n = 0; n < 1_200; n++) {
    for (const [project, every] of Object.entries(TRICKLE)) {
      if (n % every === 0) await yard.add(project, { priority: PRIORITIES[(n / every) % 4] ?? 'low' });
    }
    if (n === 400) await yard.hold('b');
    if (n === 440) await yard.resume('b');
    if (n === 800) await yard.restart();
    await yard.turn();
  }
  const { checked, late, waiting, longest } = yard.outOfBounds();
  console.log(
    `${checked} checked, longest waits at the top ${JSON.stringify(longest)}, ${waiting} of the trickle wait`,
  );
  expect(late).toEqual([]);
  expect(checked).toBeGreaterThan(9_000);
  expect(waiting).toBeLessThan(40); // those that age still: nothing of the trickle has piled up
  expect(yard.order).toHaveLength(1_201); // the first began as it came
}, 300_000);

test('a fresh critical task of a small project goes within its turns of ten thousand old low ones', async () => {
  const yard = await opened(ONE);
  await yard.add('bulk', { priority: 'low' }, 10_000);
  yard.now += 4 * STEP;
  for (let n = 0; n < 40; n++) {
    const from = yard.order.length;
    const [id = ''] = await yard.add('a', { priority: 'critical' });
    while (yard.order.at(-1)?.id !== id) {
      await yard.turn();
      expect(yard.order.length - from).toBeLessThanOrEqual(2);
    }
  }
  expect(longestTurns(0, 2, [1])).toBeGreaterThanOrEqual(2);
}, 120_000);

test('of a stream of critical tasks every fourth turn goes to a low one that has waited', async () => {
  const yard = await opened(ONE);
  await yard.add('bulk', { priority: 'low' }, 100);
  yard.now += 4 * STEP;
  await yard.add('bulk', { priority: 'critical' }, 100);
  for (let n = 0; n < 41; n++) await yard.turn();
  const raised = yard.order.slice(1).map((one) => one.raised); // the first began as the first came
  expect(raised.filter((one) => one)).toHaveLength(10);
  for (let n = 0; n + 4 <= raised.length; n++) expect(raised.slice(n, n + 4)).toContain(true);
}, 120_000);

test('age lifts a low task over a stream of default ones of its project', async () => {
  const yard = await opened(ONE);
  await yard.add('a', { priority: 'default' }, 1);
  const [low = ''] = await yard.add('a', { priority: 'low' });
  const turns = (3 * STEP) / RUN + 20;
  for (let n = 0; n < turns; n++) {
    await yard.add('a', { priority: 'high' });
    await yard.turn();
  }
  expect(yard.seen.get(low)?.begun).toBeDefined();
  expect(yard.outOfBounds().late).toEqual([]);
}, 120_000);

test('shares follow the weights, within two dispatches in any stretch, also after a held project and a restart', async () => {
  const yard = await opened(ONE);
  await yard.add('bulk', { priority: 'low' }, 1_000);
  for (const name of ['a', 'b', 'c']) await yard.add(name, { priority: 'low' }, 600);
  const near = async (count: number, wanted: Record<string, number>) => {
    const from = yard.order.length;
    for (let n = 0; n < count; n++) await yard.turn();
    for (const [name, share] of Object.entries(wanted)) {
      const had = yard.order.slice(from).filter(({ project }) => project === name).length;
      expect(Math.abs(had - share), `${name} had ${had} of ${count}`).toBeLessThanOrEqual(2);
    }
  };
  await near(180, { a: 80, b: 40, c: 20, bulk: 40 });
  await yard.hold('a');
  await yard.turn();
  await near(100, { a: 0, b: 40, c: 20, bulk: 40 });
  await yard.resume('a');
  await near(90, { a: 40, b: 20, c: 10, bulk: 20 }); // what it did not get is not made up for
  await yard.restart();
  await near(90, { a: 40, b: 20, c: 10, bulk: 20 });
}, 120_000);

test('where only some agents can do a task, it goes within its bound of what begins there', async () => {
  const yard = await opened({ lint: { command: ['lint'], max: 1 }, other: { command: ['other'], max: 1 } });
  await yard.add('bulk', { priority: 'low', agent: 'lint' }, 600);
  await yard.add('a', { priority: 'low', agent: 'other' }, 600);
  await yard.add('b', { priority: 'low' }, 300);
  const [rare = ''] = await yard.add('a', { priority: 'low', agent: 'lint' });
  for (let n = 0; n < 200; n++) {
    await yard.add('bulk', { priority: 'critical', agent: 'lint' });
    await yard.add('a', { priority: 'critical', agent: 'other' });
    if (n === 60) await yard.hold('b');
    if (n === 120) await yard.resume('b');
    if (n === 140) await yard.restart();
    await yard.turn();
  }
  const { late, longest } = yard.outOfBounds();
  console.log(`longest waits at the top where places differ ${JSON.stringify(longest)}`);
  expect(late).toEqual([]);
  expect(yard.seen.get(rare)?.begun).toBeDefined();
}, 120_000);
