import { expect, test } from 'vitest';
import { type Breaker, CLOSED, enter, failed, undecided } from '../../../src/runtime/policy/breaker.ts';

const RULE = { after: 3, pause_ms: 60_000 };
const MIDDLE = 0.5; // no jitter

function after(failures: number, breaker: Breaker = CLOSED, now = 0): Breaker {
  let next = breaker;
  for (let n = 0; n < failures; n++) next = failed(next, `trouble ${n + 1}`, RULE, now, MIDDLE);
  return next;
}

test('B1: it opens with the last of so many failures in a row, and says which', () => {
  expect(after(2)).toEqual({ state: 'closed', failures: 2 });
  expect(enter(after(2), 0)).toEqual({ kind: 'free' });
  expect(after(3)).toMatchObject({ state: 'open', failures: 3, until: 60_000, reason: 'trouble 3' });
});

test('B1: what was on its way when it opened makes the pause no longer', () => {
  const open = after(3);
  expect(failed(open, 'late', RULE, 30_000, MIDDLE)).toBe(open);
});

test('B2: one request tries it when the pause is over, and nobody else meanwhile', () => {
  const open = after(3);
  expect(enter(open, 59_999)).toEqual({ kind: 'shut' });
  const entry = enter(open, 60_000);
  expect(entry).toMatchObject({ kind: 'trial', breaker: { state: 'half_open' } });
  if (entry.kind !== 'trial') throw new Error('expected a trial');
  expect(enter(entry.breaker, 1e12)).toEqual({ kind: 'shut' });
  expect(enter(undecided(entry.breaker), 60_000)).toMatchObject({ kind: 'trial' });
});

test('B3: each trial that fails makes the pause twice as long, up to a bound', () => {
  const pauses: number[] = [];
  let now = 0;
  let breaker = after(3);
  for (let n = 0; n < 6; n++) {
    if (breaker.state !== 'open') throw new Error('expected it to be open');
    pauses.push(breaker.until - now);
    now = breaker.until;
    const entry = enter(breaker, now);
    if (entry.kind !== 'trial') throw new Error('expected a trial');
    breaker = failed(entry.breaker, 'again', RULE, now, MIDDLE);
  }
  expect(pauses).toEqual([60_000, 120_000, 240_000, 480_000, 600_000, 600_000]);
  expect(breaker).toMatchObject({ since: 0, trials: 6 });
});

test('B3: pauses differ by up to a quarter', () => {
  const pause = (fraction: number) => failed(after(2), 'x', RULE, 0, fraction);
  expect(pause(0)).toMatchObject({ until: 45_000 });
  expect(pause(0.999)).toMatchObject({ until: 74_970 });
});
