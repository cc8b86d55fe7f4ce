import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import type { PostEnd } from '../../../src/runtime/ports.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { hook, OK, SinkWorld, shop, type Told, yard } from './world.ts';

const FAILS: PostEnd = { kind: 'answer', status: 500 };

/** What a receiver ends up with: events by id, in the order in which it first took each. */
class Receiver {
  readonly taken: Told[] = [];
  readonly #ids = new Set<string>();

  take(body: string): PostEnd {
    for (const event of (JSON.parse(body) as { events: Told[] }).events) {
      if (this.#ids.has(event.id)) continue;
      this.#ids.add(event.id);
      this.taken.push(event);
    }
    return OK;
  }

  get tasks(): (string | undefined)[] {
    return this.taken.map(({ task }) => task);
  }

  get gaps(): Told[] {
    return this.taken.filter(({ type }) => type === 'sink_gap');
  }
}

const tasks = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, n) => `t${from + n}`);

test('a new sink begins now; events come in order, together, once a second, and the journal is not read for them', async () => {
  const world = new SinkWorld(hook());
  world.begin(50);
  await world.start();
  const reads = world.reads;
  world.begin(1);
  await world.quiet();
  world.begin(7);
  await world.quiet();
  expect(world.bodies.map(({ events }) => events.map(({ task }) => task))).toEqual([['t51']]);
  await world.pass(1_000);
  expect(world.bodies[1]).toMatchObject({ sink: 'hook', journal: 'e1' });
  expect(world.bodies[1]?.events.map(({ task }) => task)).toEqual(tasks(52, 58));
  expect(world.reads).toBe(reads);
  expect(world.sinks.views()).toMatchObject([
    { state: 'working', to: 'a.example', delivered: 8, waiting: 0, missed: 0 },
  ]);
});

test('where no sink is configured nothing is listened to; one that comes begins then, one that goes hears no more', async () => {
  const world = new SinkWorld();
  await world.start();
  expect(world.listeners).toBe(0);
  world.begin(3);
  await world.reconfigure(hook());
  world.begin(1);
  await world.quiet();
  expect(world.bodies[0]?.events.map(({ task }) => task)).toEqual(['t4']);
  await world.reconfigure();
  expect(world.listeners).toBe(0);
  world.begin(2);
  await world.pass(60_000);
  expect(world.posted).toHaveLength(1);
  await world.reconfigure(hook({ url: 'https://b.example/' })); // under its name it goes on where it was
  await world.pass(1_000);
  expect(world.posted[1]?.url).toBe('https://b.example/');
  expect(world.bodies[1]?.events.map(({ task }) => task)).toEqual(['t5', 't6']);
});

test('it is signed with the key of the variable; without one nothing is sent, and a person is told', async () => {
  const world = new SinkWorld(hook({ key_env: 'HOOK' }));
  await world.start();
  world.begin(1);
  await world.quiet();
  expect(world.posted).toEqual([]);
  expect(world.sinks.needs()[0]?.what).toContain('the variable HOOK is not set');
  world.env.HOOK = 'key';
  world.sinks.configured();
  await world.quiet();
  const [{ headers = {}, body = '' } = {}] = world.posted;
  const hex = createHmac('sha256', 'key').update(`${headers['x-yardmaster-timestamp']}.${body}`).digest('hex');
  expect(headers['x-yardmaster-signature']).toBe(`sha256=${hex}`);
  expect(world.sinks.needs()).toEqual([]);
});

test('a sink hears of the events and projects that it names; what it passes over is written down once a minute', async () => {
  const world = new SinkWorld(hook({ events: ['task_dispatched', 'task_block*'], projects: ['shop'] }));
  await world.start();
  world.begin(1, shop);
  world.begin(1, yard);
  world.commit({ type: 'session_changed', session: 's1', what: 'died' });
  await world.pass(5_000);
  expect(world.bodies.flatMap(({ events }) => events.map(({ task }) => task))).toEqual(['t1']);
  const before = world.files.steps;
  await world.pass(61_000);
  const one = world.files.steps - before;
  for (let second = 0; second < 300; second++) {
    world.begin(5, yard);
    await world.pass(1_000);
  }
  expect(world.files.steps - before - one).toBeGreaterThan(0);
  expect(world.files.steps - before - one).toBeLessThanOrEqual(5 * 10);
  await world.pass(61_000);
  const reads = world.reads;
  await world.restart();
  expect(world.reads - reads).toBe(1); // it measures what is behind its place: nothing
  expect(world.sinks.views()).toMatchObject([{ waiting: 0, missed: 0 }]);
});

test('what is not taken is tried again, later each time, and in order; it is logged once and needs a person after a while', async () => {
  const world = new SinkWorld(hook());
  await world.start();
  const receiver = new Receiver();
  world.answer = () => FAILS;
  world.begin(3);
  await world.pass(4_000); // at 0, 1 and 3 s
  expect(world.posted).toHaveLength(3);
  expect(world.sinks.needs()[0]?.what).toContain('HTTP 500; 3 events wait');
  world.begin(2);
  await world.pass(2_999);
  expect(world.posted).toHaveLength(3);
  world.answer = ({ body }) => receiver.take(body);
  await world.pass(60_000);
  expect(receiver.tasks).toEqual(tasks(1, 5));
  expect(world.logged.filter((line) => line.startsWith('a sink takes nothing'))).toHaveLength(1);
  expect(world.sinks.needs()).toEqual([]);
});

test('Retry-After is kept; a receiver that says that it is gone is asked once an hour', async () => {
  const world = new SinkWorld(hook());
  await world.start();
  world.answer = () => ({ kind: 'answer', status: 503, retry_after_ms: 90_000 });
  world.begin(1);
  await world.pass(89_000);
  expect(world.posted).toHaveLength(1);
  world.answer = () => ({ kind: 'answer', status: 410 });
  await world.pass(2_000);
  expect(world.posted).toHaveLength(2);
  expect(world.sinks.needs()[0]).toMatchObject({
    what: expect.stringContaining('gone'),
    next: expect.stringContaining('url'),
  });
  await world.pass(3_500_000);
  expect(world.posted).toHaveLength(2);
  await world.pass(200_000);
  expect(world.posted).toHaveLength(3);
});

test('beyond its backlog it is told of newer events, after a gap that counts exactly', async () => {
  const world = new SinkWorld(hook({ backlog: { events: 100 } }));
  await world.start();
  const receiver = new Receiver();
  world.answer = () => FAILS;
  for (let n = 0; n < 30; n++) {
    world.begin(100);
    await world.pass(30_000);
  }
  world.answer = ({ body }) => receiver.take(body);
  await world.pass(900_000);
  const missed = sumOf(world.gaps);
  expect(missed).toBeGreaterThan(2_000);
  expect(sumOf(receiver.gaps)).toBe(missed);
  expect(receiver.taken[0]).toMatchObject({ type: 'sink_gap', sink: 'hook', from: 1 });
  expect(receiver.taken).toHaveLength(1 + 3_000 - missed);
  expect(receiver.taken.at(-1)?.task).toBe(`t${world.journal.findLast(({ type }) => type === 'attempt_started')?.seq}`);
  expect(world.sinks.views()).toMatchObject([{ waiting: 0, missed, delivered: 3_000 - missed }]);
  const records = world.journal.length;
  await world.pass(3_600_000);
  expect(world.journal).toHaveLength(records); // a gap makes no gap
});

test('a burst that it takes is no reason for a gap; age alone is none either', async () => {
  const world = new SinkWorld(hook({ backlog: { age: '60s' } }));
  await world.start();
  world.config.local_only = true;
  world.begin(5_000);
  await world.pass(3_600_000);
  expect(world.posted).toEqual([]);
  expect(world.sinks.views()).toMatchObject([{ state: 'local_only', waiting: 5_000 }]);
  world.config.local_only = false;
  const receiver = new Receiver();
  world.answer = ({ body }) => receiver.take(body);
  world.sinks.configured();
  await world.pass(10_000);
  expect(receiver.tasks).toEqual(tasks(1, 5_000));
  expect(world.gaps).toEqual([]);
});

test('what was tried in vain for longer than its age is given up', async () => {
  const world = new SinkWorld(hook({ backlog: { age: '60s' } }));
  await world.start();
  world.answer = () => FAILS;
  world.begin(5);
  await world.pass(600_000);
  expect(world.gaps).toMatchObject([{ from: 1, to: 5, count: 5 }]);
});

test('an event that is refused for itself is left out as a gap; the others are told', async () => {
  const world = new SinkWorld(hook());
  await world.start();
  const receiver = new Receiver();
  world.answer = ({ body }) => (body.includes('"t13"') ? { kind: 'answer', status: 422 } : receiver.take(body));
  world.begin(40);
  await world.pass(3_600_000);
  expect(world.gaps).toMatchObject([{ from: 13, to: 13, count: 1, why: expect.stringContaining('HTTP 422') }]);
  expect(receiver.tasks.filter((task) => task !== undefined)).toEqual([...tasks(1, 12), ...tasks(14, 40)]);
  expect(receiver.gaps).toHaveLength(1);
});

test('killed at any moment it loses nothing: what comes twice has its id twice, and gaps add up', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const { fraction } = seededChance(seed);
    const world = new SinkWorld(hook({ backlog: { events: 100 } }));
    await world.start();
    const receiver = new Receiver();
    world.answer = ({ body }) => {
      if (fraction() < 0.4) return FAILS;
      const end = receiver.take(body);
      return fraction() < 0.3 ? { kind: 'broken', reason: 'reset' } : end; // it took them, and its word was lost
    };
    for (let turn = 0; turn < 40; turn++) {
      world.begin(Math.floor(fraction() * 60));
      if (fraction() < 0.3) world.files.failAt(1 + Math.floor(fraction() * 8), 'dies');
      await world.pass(Math.floor(fraction() * 4_000));
      if (!world.files.died) continue;
      world.files.restart();
      await world.restart();
    }
    world.files.heal();
    world.answer = ({ body }) => receiver.take(body);
    await world.pass(3_600_000);
    const told = receiver.taken.flatMap(({ task }) => (task ? [Number(task.slice(1))] : []));
    expect(told, `seed ${seed}`).toEqual([...told].sort((a, b) => a - b));
    expect(unaccounted(world, told), `seed ${seed}`).toEqual([]);
    const [view] = world.sinks.views();
    expect(view, `seed ${seed}`).toMatchObject({ waiting: 0, missed: sumOf(world.gaps) });
    await world.sinks.stop();
  }
}, 120_000);

const sumOf = (gaps: readonly { readonly count?: number }[]): number =>
  gaps.reduce((sum, { count = 0 }) => sum + count, 0);

/** Events that were neither told nor lie in a gap. */
function unaccounted(world: SinkWorld, seqs: readonly number[]): number[] {
  const told = new Set(seqs);
  const missed = (seq: number) => world.gaps.some(({ from, to }) => from <= seq && seq <= to);
  return world.journal
    .filter(({ seq, type }) => type === 'attempt_started' && !told.has(seq) && !missed(seq))
    .map(({ seq }) => seq);
}

test.each([
  ['torn', (world: SinkWorld) => world.files.replace('/home/sinks/hook/place.json', Buffer.from('{"jour'))],
  ['lost', (world: SinkWorld) => world.files.remove('/home/sinks/hook/place.json')],
])('a place that is %s begins at the newest, with a gap that says so', async (_, harm) => {
  const world = new SinkWorld(hook());
  await world.start();
  world.begin(3);
  await world.pass(2_000);
  await world.sinks.stop();
  world.begin(4);
  await harm(world);
  await world.restart();
  world.begin(1);
  await world.pass(5_000);
  expect(world.gaps).toMatchObject([{ count: 0, why: expect.stringContaining('its place was lost') }]);
  expect(world.bodies.at(-1)?.events.at(-1)).toMatchObject({ type: 'task_dispatched' });
});

test('what the journal does not keep any more is a gap that counts what was in it', async () => {
  const world = new SinkWorld(hook());
  await world.start();
  world.answer = () => FAILS;
  world.begin(3_000);
  await world.pass(60_000);
  const receiver = new Receiver();
  world.journal = world.journal.filter(({ seq }) => seq > 2_500);
  world.answer = ({ body }) => receiver.take(body);
  await world.pass(600_000);
  const missed = sumOf(world.gaps);
  expect(missed).toBeGreaterThan(0);
  expect(receiver.tasks.filter(Boolean)).toHaveLength(3_000 - missed);
  expect(world.gaps[0]?.why).toContain('does not keep');
});
