import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Depends, findCycle } from '../../../src/runtime/policy/dependencies.ts';

const task = (id: string, ...depends_on: string[]): Depends => ({ id, depends_on });
const among =
  (...tasks: Depends[]) =>
  (id: string) =>
    tasks.find((one) => one.id === id);

test('names the cycle that a new task closes', () => {
  expect(findCycle(among(task('a', 'b')), [task('b', 'a')])).toBe('b → a → b');
  expect(findCycle(among(), [task('a', 'b'), task('b', 'c'), task('c', 'a')])).toBe('a → b → c → a');
  expect(findCycle(among(), [task('a', 'a')])).toBe('a → a');
});

test('names only the cycle, not the way to it', () => {
  expect(findCycle(among(task('b', 'c'), task('c', 'b')), [task('a', 'b')])).toBe('b → c → b');
});

test('a diamond, an unknown or finished dependency and an edit that opens a cycle are none', () => {
  expect(findCycle(among(task('b', 'd'), task('c', 'd'), task('d')), [task('a', 'b', 'c')])).toBeUndefined();
  expect(findCycle(among(), [task('a', 'finished')])).toBeUndefined();
  expect(findCycle(among(task('a', 'b'), task('b', 'a')), [task('b')])).toBeUndefined();
});

test('a chain of 50,000 is no problem', () => {
  const chain = Array.from({ length: 50_000 }, (_, n) => task(`t${n}`, `t${n + 1}`));
  expect(findCycle(among(), chain)).toBeUndefined();
});

test('whatever depends only on what came before has no cycle; an edge back makes one', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(30), { maxLength: 3 }), { minLength: 2, maxLength: 30 }), (edges) => {
      const tasks = edges.map((to, n) => task(`t${n}`, ...to.filter((m) => m < n).map((m) => `t${m}`)));
      expect(findCycle(among(), tasks)).toBeUndefined();
      const last = tasks.length - 1;
      const closed = [...tasks.slice(0, last), task(`t${last}`, 't0'), task('t0', `t${last}`)];
      const cycle = findCycle(among(), closed)?.split(' → ') ?? [];
      expect(cycle.length).toBeGreaterThan(1);
      expect(cycle[0]).toBe(cycle.at(-1));
    }),
  );
});
