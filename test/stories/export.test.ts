import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, shell, World } from './world.ts';

interface Line {
  readonly kind: string;
  readonly id: string;
  readonly project: string;
  readonly state: string;
  readonly title: string;
  readonly queued_at: string;
  readonly finished_at?: string;
  readonly text?: string;
  readonly [key: string]: unknown;
}

const world = new World({
  agents: { quick: { command: shell('echo the result'), max: 1 }, slow: { command: shell('sleep 60'), max: 1 } },
});
let client: Client;
let shop: string;
let bakery: string;

const exported = async (...args: string[]): Promise<Line[]> => {
  const { stdout, stderr, code } = await world.cli(['export', ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
};

beforeAll(async () => {
  shop = world.project('shop');
  bakery = world.project('bakery');
  client = await world.connect();
  for (let n = 0; n < 5; n++)
    await client.enqueue(shop, `Do number ${n}.`, { id: `t${n}`, agent: 'quick', tags: ['x'] });
  await client.ended(shop, 't4');
  await client.enqueue(bakery, 'Take long.', { id: 'long', agent: 'slow' });
  await client.state(bakery, 'long', 'running');
  await client.enqueue(bakery, 'Bake 20 loaves.\n\nWith "quotes" and ünïcode.', {
    id: 'later',
    title: 'Bake: the bread',
    not_before: '2030-01-01T00:00:00Z',
    priority: 'high',
  });
});
afterAll(() => world.end());

test('every task is one line with what is known of it, in a stable order', async () => {
  const lines = await exported();
  expect(lines.map(({ project, id, state }) => `${project}/${id} ${state}`)).toEqual([
    'bakery/long running',
    'bakery/later queued',
    ...[4, 3, 2, 1, 0].map((n) => `shop/t${n} done`),
  ]);
  expect(lines[6]).toMatchObject({ kind: 'task', path: shop, agent: 'quick', attempts: 1, tags: ['x'] });
  expect(lines[1]).toMatchObject({ priority: 'high', not_before: '2030-01-01T00:00:00.000Z' });
  for (const line of lines) expect(line.queued_at).toMatch(/^20\d\d-.*Z$/);
  expect(await exported()).toEqual(lines);
});

test('filters let through what they name, and no key of an attempt leaves', async () => {
  expect((await exported('--state', 'running,queued')).map(({ id }) => id)).toEqual(['long', 'later']);
  expect(await exported('--project', shop)).toHaveLength(5);
  expect(await exported('--since', '1h')).toHaveLength(7);
  expect(await exported('--since', '2100-01-01')).toEqual([]);
  const everything = JSON.stringify(await exported('--events', '--bodies'));
  expect(['task_claimed', '"token"'].map((word) => everything.includes(word))).toEqual([true, false]);
  const { code, stderr } = await world.cli(['export', '--state', 'asleep']);
  expect(code).toBe(1);
  expect(stderr).toContain('allowed: queued, claimed, running');
});

test('with bodies a waiting task comes back as itself in another queue, and results are there', async () => {
  const [waiting] = await exported('--state', 'queued', '--bodies');
  const copy = world.project('copy');
  await client.enqueue(copy, 'Wait too.', { id: 'first', not_before: '2030-01-01T00:00:00Z' }); // makes the queue
  writeFileSync(world.queue(copy, 'inbox', 'later.md'), waiting?.text ?? '');
  await client.state(copy, 'later', 'queued');
  const again = (await exported('--project', copy, '--bodies')).find(({ id }) => id === 'later');
  expect(again).toMatchObject({ title: 'Bake: the bread', priority: 'high', text: waiting?.text });
  const [done] = await exported('--state', 'done', '--project', shop, '--bodies');
  expect(done?.text).toContain('the result');
});

test('events follow the tasks, oldest first, with texts only when they are asked for', async () => {
  const lines = (await exported('--events')).filter(({ kind }) => kind === 'event');
  const seqs = lines.map(({ seq }) => seq as number);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  const texts = ['ünïcode', 'the result'];
  expect(texts.map((text) => JSON.stringify(lines).includes(text))).toEqual([false, false]);
  const whole = (await exported('--events', '--bodies')).filter(({ kind }) => kind === 'event');
  expect(texts.map((text) => JSON.stringify(whole).includes(text))).toEqual([true, true]);
});
