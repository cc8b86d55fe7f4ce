import { expect, test } from 'vitest';
import { HoldEnds } from '../../src/runtime/hold-ends.ts';
import { isRefusal } from '../../src/runtime/model/refusal.ts';
import { MemoryStore } from '../fakes/memory-store.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

const OWNER = { by: 'owner' } as const;
const ALL = { of: 'fleet' } as const;
const HOUR = 3_600_000;

function yard() {
  const clock = new VirtualClock();
  const store = new MemoryStore(clock);
  const told: string[] = [];
  store.subscribe((changes) => void told.push(...changes.map(({ type }) => type)));
  const problems: string[] = [];
  const ends = new HoldEnds({ store, clock, say: (_, message) => void problems.push(message) });
  const hold = (ms: number) => store.hold(ALL, { kind: 'pause', reason: 'lunch', until: clock.now() + ms }, OWNER);
  return { clock, store, told, ends, hold, problems };
}

test('the end of a hold is told once, when its time is over', async () => {
  const { clock, told, ends, hold, store } = yard();
  ends.start();
  await hold(HOUR);
  await clock.advance(HOUR - 1);
  expect(told).toEqual(['paused']);
  await clock.advance(1);
  expect(told).toEqual(['paused', 'resumed']);
  expect(store.holds().size).toBe(0);
  await clock.advance(10 * HOUR);
  expect(told).toHaveLength(2);
  await ends.stop();
  expect(clock.pending).toBe(0);
});

test('what ended while no runtime ran is told at the start', async () => {
  const { clock, told, ends, hold } = yard();
  await hold(HOUR);
  await clock.advance(2 * HOUR);
  expect(told).toEqual(['paused']);
  ends.start();
  await clock.advance(0);
  expect(told).toEqual(['paused', 'resumed']);
});

test('a clock that jumps ahead is noticed soon; one that jumps back ends nothing early, and nothing twice', async () => {
  const { clock, told, ends, hold } = yard();
  ends.start();
  await hold(HOUR);
  clock.jump(-HOUR);
  await clock.advance(HOUR + 1);
  expect(told).toEqual(['paused']);
  clock.jump(HOUR);
  await clock.advance(60_000);
  expect(told).toEqual(['paused', 'resumed']);
  clock.jump(-5 * HOUR);
  await clock.advance(10 * HOUR);
  expect(told).toHaveLength(2);
});

test('a hold that took the place of another in that moment stays', async () => {
  const { clock, told, store, ends, hold } = yard();
  ends.start();
  await hold(HOUR);
  await clock.advance(HOUR - 1);
  await hold(HOUR);
  await clock.advance(HOUR - 1);
  expect(told).toEqual(['paused', 'paused']);
  expect(isRefusal(await store.resume(ALL, OWNER))).toBe(false);
  await clock.advance(2 * HOUR);
  expect(told).toEqual(['paused', 'paused', 'resumed']);
});

test('what can not be written is written later', async () => {
  const { clock, told, store, ends, hold, problems } = yard();
  const { endHolds } = store;
  store.endHolds = () => Promise.reject(new Error('the disk is full'));
  ends.start();
  await hold(1_000);
  await clock.advance(2_000);
  expect(problems).toHaveLength(1);
  store.endHolds = endHolds;
  await clock.advance(60_000);
  expect(told).toEqual(['paused', 'resumed']);
});
