import { beforeEach, expect, test } from 'vitest';
import type { Progress } from '../../src/tools/tool.ts';
import { settled } from '../fakes/virtual-clock.ts';
import { Desk } from './desk.ts';

let desk: Desk;
beforeEach(async () => {
  desk = new Desk();
  for (const id of ['build', 'test', 'ship']) await desk.enqueue(id, { group: 'night' });
});

/** A waiting call and what its client hears. */
async function waiting(args: object, signal = new AbortController().signal) {
  const heard: Progress[] = [];
  const answer = desk.call('job_status', args, { signal, progress: (step) => heard.push(step) });
  await settled();
  return { heard, answer, last: () => heard.at(-1)?.message };
}

const night = { group: 'night', wait_seconds: 45 };

test('each change of a task that is waited for is told at once, in words', async () => {
  const { heard, answer, last } = await waiting(night);
  expect(heard).toMatchObject([{ total: 3, message: '0 of 3 done, 3 queued' }]);
  await desk.yard.clock.advance(1_000);
  await desk.run(desk.ref('build'));
  await desk.yard.clock.advance(40_000);
  await desk.finish(desk.ref('test')); // claimed, started and ended in one moment
  await desk.yard.clock.advance(100);
  expect(last()).toBe('1 of 3 done, 1 queued; build running for 40 s');
  await desk.yard.clock.advance(1_000);
  await desk.finish(desk.ref('ship'), { state: 'failed', error_class: 'crash', reason: 'it fell' });
  await desk.yard.clock.advance(500);
  expect(last()).toBe('1 of 3 done, 1 failed; build running for 41 s');
  await desk.yard.clock.advance(45_000);
  await answer;
});

test('changes that come together are told together, and the last one is not lost', async () => {
  const { heard, last } = await waiting(night);
  await desk.run(desk.ref('build'));
  await desk.run(desk.ref('test'));
  await desk.run(desk.ref('ship'));
  expect(heard).toHaveLength(1);
  await desk.yard.clock.advance(100);
  expect(heard).toHaveLength(2);
  expect(last()).toMatch(/^0 of 3 done; build and 2 more running/);
});

test('where nothing changes it is told all the same, at least every 15 seconds', async () => {
  const { heard, answer } = await waiting(night);
  await desk.yard.clock.advance(44_000);
  expect(heard.length).toBeGreaterThanOrEqual(4);
  await desk.yard.clock.advance(1_000);
  await answer;
});

test('it grows with each word, from the next runtime as well', async () => {
  const { heard } = await waiting(night);
  await desk.yard.clock.advance(20_000);
  await desk.finish(desk.ref('test'));
  await desk.yard.clock.advance(5_000);
  const first = [...heard]; // then its runtime was killed
  const next = await waiting(night); // the same call, sent again: it knows nothing of the first
  await desk.yard.clock.advance(20_000);
  const values = [...first, ...next.heard].map(({ progress }) => progress);
  expect(values.length).toBeGreaterThan(5);
  expect([...new Set(values)].sort((a, b) => a - b)).toEqual(values);
  expect(Math.max(...values)).toBeLessThan(3);
});

test('nothing is told after the answer, and nothing is left waiting', async () => {
  const { heard, answer } = await waiting({ id: 'build', wait_seconds: 45 });
  await desk.finish(desk.ref('build'));
  await answer;
  const count = heard.length;
  await desk.yard.clock.advance(60_000);
  expect(heard).toHaveLength(count);
  expect(desk.yard.clock.pending).toBe(0);
  expect(desk.yard.store.listeners).toBe(0);
});

test('a caller that goes away hears no more', async () => {
  const caller = new AbortController();
  const { heard, answer } = await waiting(night, caller.signal);
  caller.abort();
  await answer;
  await desk.run(desk.ref('build'));
  await desk.yard.clock.advance(60_000);
  expect(heard).toHaveLength(1);
});

test('a thousand who wait are one listener at the queue', async () => {
  const ids = Array.from({ length: 1_000 }, (_, i) => `t${i}`);
  for (const id of ids) await desk.enqueue(id);
  const calls = ids.map((id) => desk.call('job_status', { id, project: 'shop', wait_seconds: 45 }));
  await settled();
  expect(desk.yard.store.listeners).toBe(1);
  for (const id of ids) await desk.finish(desk.ref(id));
  for (const answer of await Promise.all(calls)) expect(answer).toMatchObject({ all_ended: true });
  expect(desk.yard.store.listeners).toBe(0);
  expect(desk.yard.clock.pending).toBe(0);
});
