import { expect, test } from 'vitest';
import type { CommandEnd } from '../../../src/runtime/ports.ts';
import { exited, linesOf, program, SinkWorld } from './world.ts';

const sumOf = (gaps: readonly { readonly count?: number }[]): number =>
  gaps.reduce((sum, { count = 0 }) => sum + count, 0);

test('it gets a line for each event, in order, one run at a time and at most one a second', async () => {
  const world = new SinkWorld(program());
  await world.start();
  let done: (end: CommandEnd) => void = () => {};
  world.end = () => new Promise((resolve) => (done = resolve));
  world.begin(1);
  await world.quiet();
  world.begin(5);
  await world.pass(3_000);
  expect(world.runs).toHaveLength(1);
  world.end = () => exited(0);
  done(exited(0));
  await world.pass(1_000);
  expect(world.runs.map((run) => linesOf(run).map(({ task }) => task))).toEqual([
    ['t1'],
    ['t2', 't3', 't4', 't5', 't6'],
  ]);
  expect(world.runs[0]).toMatchObject({ argv: ['tell', 'them'], timeoutMs: 10_000 });
  expect(world.sinks.views()).toMatchObject([{ state: 'working', to: 'tell', delivered: 6, waiting: 0, missed: 0 }]);
});

test('one that is too slow loses the oldest, counted once: in the journal, and as the first line of the next run', async () => {
  const world = new SinkWorld(program({ buffer: 10 }));
  await world.start();
  let done: (end: CommandEnd) => void = () => {};
  world.end = () => new Promise((resolve) => (done = resolve));
  world.begin(1);
  await world.quiet();
  world.begin(100);
  await world.quiet();
  expect(world.gaps).toEqual([]); // not one for each
  world.end = () => exited(0);
  done(exited(0));
  await world.pass(2_000);
  expect(world.gaps).toMatchObject([{ sink: 'tell', from: 2, to: 91, count: 90 }]);
  const [gap, ...events] = linesOf(world.runs[1] ?? world.runs[0]!);
  expect(gap).toMatchObject({ type: 'sink_gap', from: 2, to: 91, count: 90 });
  expect(events.map(({ task }) => task)).toEqual(Array.from({ length: 10 }, (_, n) => `t${92 + n}`));
});

test('what a run had that failed is a gap; the next one comes later each time, and told plus missed is all there was', async () => {
  const world = new SinkWorld(program({ buffer: 10 }));
  await world.start();
  world.end = () => exited(1, 'no such room\n');
  for (let second = 0; second < 600; second++) {
    world.begin(2);
    await world.pass(1_000);
  }
  expect(world.runs.length).toBeLessThan(14);
  expect(world.logged.filter((line) => line.includes('command of a sink failed'))).toHaveLength(1);
  expect(world.sinks.needs()[0]?.what).toContain('exit code 1: no such room');
  world.end = () => exited(0);
  world.begin(1);
  await world.pass(600_000);
  const [view] = world.sinks.views();
  expect(sumOf(world.gaps)).toBe(view?.missed);
  expect((view?.missed ?? 0) + (view?.delivered ?? 0)).toBe(1_201);
  expect(sumOf(linesOf(world.runs.at(-1)!))).toBe(view?.missed);
  expect(world.sinks.needs()).toEqual([]);
});

test('two that always fail make no gaps of each other', async () => {
  const world = new SinkWorld(program(), program({ name: 'other' }));
  await world.start();
  world.end = () => exited(1);
  world.begin(3);
  await world.pass(60_000);
  const records = world.journal.length;
  await world.pass(24 * 3_600_000);
  expect(world.journal.length - records).toBeLessThanOrEqual(2);
  expect(world.runs).toHaveLength(2);
});

test('what waits at the end is counted', async () => {
  const world = new SinkWorld(program());
  await world.start();
  world.begin(1);
  await world.quiet();
  world.begin(4);
  await world.sinks.stop();
  expect(world.gaps).toMatchObject([{ from: 2, to: 5, count: 4, why: expect.stringContaining('stopped') }]);
});
