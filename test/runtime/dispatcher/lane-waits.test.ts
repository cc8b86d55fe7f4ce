import { expect, test } from 'vitest';
import { dayOf } from '../../../src/runtime/model/books.ts';
import { Event, type JournalRecord, type ToldEvent } from '../../../src/runtime/model/event.ts';
import { OTHER, PROJECT } from './memory-store.ts';
import { ONE, world } from './world.ts';

const DAY = 24 * 3_600_000;
const MINUTE = 60_000;
const needs = (...requires: string[]) => ({ requires });

type World = ReturnType<typeof world>;
const short = (told: readonly ToldEvent[]) =>
  told.map((event) => ('waiting' in event ? `${event.type} ${event.id} ${event.waiting}` : event.type));

/** What is to be looked at is looked at first. */
async function pass({ clock, settled }: World, ms: number): Promise<void> {
  await settled();
  await clock.advance(ms);
}

/** A word for each number, without a digit in it. */
const word = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('');

/** The worker has done so many jobs today. */
function spend({ books, clock }: World, jobs: number): void {
  const agent = new Map([['worker', { jobs, tokens: 0, money: {} }]]);
  books.days.set(dayOf(clock.now()), { agent, model: new Map(), project: new Map() });
}

test('W1, W2: a wait for an agent that nobody has is told once, with how many wait alike', async () => {
  const here = world(ONE);
  await here.waits.start();
  here.store.add(
    { id: 'a', spec: needs('gpu') },
    { id: 'b', spec: needs('gpu') },
    { id: 'c', spec: { ...needs('gpu'), priority: 'low' } },
    { id: 'd', spec: needs('moon') },
    { id: 'e', spec: needs('gpu'), project: OTHER },
  );
  await pass(here, MINUTE / 2);
  expect(short(here.told).toSorted()).toEqual([
    'dispatch_failed_no_agent a 3',
    'dispatch_failed_no_agent d 1',
    'dispatch_failed_no_agent e 1',
  ]);
  expect(here.told[0]).toMatchObject({ project: PROJECT, detail: expect.stringContaining('gpu') });
  for (const event of here.told) expect(Event.safeParse(event).success).toBe(true);

  here.store.add({ id: 'more', spec: needs('gpu') });
  for (let n = 0; n < 20; n++) {
    here.dispatcher.wake();
    await pass(here, MINUTE);
  }
  expect(here.told).toHaveLength(3);
  await here.dispatcher.stop();
  await here.waits.stop();
  expect(here.clock.pending).toBe(0);
});

test('W1: spent allowance is told when it begins, and again when something ran in between', async () => {
  const here = world({ ...ONE, allowance: { agents: { worker: { daily_jobs: 1 } } } });
  await here.waits.start();
  here.store.add({ id: 'one' }, { id: 'two' }, { id: 'three' });
  await here.settled();
  spend(here, 1);
  here.store.end('one');
  await pass(here, MINUTE);
  const until = (dayOf(here.clock.now()) + 1) * DAY;
  expect(here.told).toMatchObject([{ type: 'dispatch_failed_quota', id: 'two', waiting: 2, until }]);

  await pass(here, DAY); // the next day: one more runs
  expect(here.ids()).toEqual(['one', 'two']);
  spend(here, 1);
  here.store.end('two');
  await pass(here, 2 * MINUTE);
  expect(short(here.told)).toEqual(['dispatch_failed_quota two 2', 'dispatch_failed_quota three 1']);
  await here.dispatcher.stop();
  await here.waits.stop();
});

test('room that is wanting, as where so many may work at once, is no failure', async () => {
  const here = world({ ...ONE, allowance: { agents: { worker: { concurrent_jobs: 1 } } } });
  await here.waits.start();
  here.store.add({ id: 'one' }, { id: 'two' });
  await pass(here, MINUTE);
  expect(here.ids()).toEqual(['one']);
  expect(here.told).toEqual([]);
});

test('that no agent is there at all is told, too', async () => {
  const here = world({ agents: {} });
  await here.waits.start();
  here.store.add({ id: 'a', spec: { agent: 'nobody' } });
  await pass(here, MINUTE);
  expect(short(here.told)).toEqual(['dispatch_failed_no_agent a 1']);
});

test('W2: ten thousand tasks of a thousand lanes make a handful of records, and dispatch goes on', async () => {
  const here = world(ONE);
  await here.waits.start();
  here.store.add(...Array.from({ length: 10_000 }, (_, n) => ({ id: `t${n}`, spec: needs(word(n % 1_000)) })), {
    id: 'fits',
  });
  await pass(here, 100);
  expect(here.ids()).toEqual(['fits']);
  for (let n = 0; n < 5; n++) {
    here.dispatcher.wake();
    await pass(here, 2 * MINUTE);
  }
  expect(here.told).toHaveLength(5);
  const waiting = here.told.map((event) => ('waiting' in event ? event.waiting : 0));
  expect(waiting.reduce((sum, count) => sum + count, 0)).toBe(10_000);
});

test('W3: what is written slowly, or not at all, keeps no task from its agent', async () => {
  const here = world(ONE);
  await here.waits.start();
  here.store.add({ id: 'a', spec: needs('gpu') });
  const never = new Promise<never>(() => {});
  here.recording.by = () => never;
  await pass(here, MINUTE);
  here.store.add({ id: 'b' });
  await here.settled();
  expect(here.ids()).toEqual(['b']);

  const other = world(ONE);
  await other.waits.start();
  other.recording.by = () => Promise.reject(new Error('the disk is full'));
  other.store.add({ id: 'a', spec: needs('gpu') }, { id: 'b' });
  await pass(other, MINUTE);
  expect(other.ids()).toEqual(['b']);
  expect(other.problems.map(String)).toEqual(['Error: the disk is full']);
});

test('W5: what a full disk did not take is told once there is room', async () => {
  const here = world(ONE);
  await here.waits.start();
  const { by } = here.recording;
  here.recording.by = () => Promise.reject(new Error('the disk is full'));
  here.store.add({ id: 'a', spec: needs('gpu') });
  await pass(here, MINUTE / 2);
  here.recording.by = by;
  await pass(here, 2 * MINUTE);
  expect(here.told).toMatchObject([{ type: 'dispatch_failed_no_agent', id: 'a' }]);
});

test('W4: a restart tells nothing that still stands; what moved since is told again', async () => {
  const first = world(ONE);
  await first.waits.start();
  const tasks = [
    { id: 'a', spec: needs('gpu') },
    { id: 'b', spec: { ...needs('gpu'), priority: 'low' as const } },
    { id: 'c', spec: needs('moon') },
  ];
  first.store.add(...tasks);
  await pass(first, MINUTE);
  expect(short(first.told)).toEqual(['dispatch_failed_no_agent a 2', 'dispatch_failed_no_agent c 1']);
  const newest: JournalRecord[] = first.told.map((event, n) => {
    return { seq: 10 + n, at: 1, type: event.type, cause: { by: 'dispatcher' }, events: [event] };
  });

  const second = world(ONE, { newest });
  second.store.add(...tasks);
  await second.waits.start();
  await pass(second, 10 * MINUTE);
  expect(second.told).toEqual([]);

  const third = world(ONE, { newest });
  third.store.add(...tasks.map((task) => (task.id === 'c' ? { ...task, more: { changed_seq: 50 } } : task)));
  await third.waits.start();
  await pass(third, 10 * MINUTE);
  expect(short(third.told)).toEqual(['dispatch_failed_no_agent c 1']);
});
