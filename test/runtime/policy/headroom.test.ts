import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { AccountWindow } from '../../../src/runtime/model/profile.ts';
import { headroomOf, tightestText, windowsAfter } from '../../../src/runtime/policy/headroom.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const HOUR = 3_600_000;
const LENGTH = 5 * HOUR;

const five = (used: number, left_ms: number): AccountWindow => ({
  ...{ name: 'five_hour', used, resets_at: NOW + left_ms, length_ms: LENGTH },
});
const week = (used: number, left_ms: number): AccountWindow => ({
  ...{ name: 'seven_day', used, resets_at: NOW + left_ms, length_ms: 168 * HOUR },
});

describe('the room that windows leave', () => {
  const table: [string, AccountWindow[] | undefined, number][] = [
    ['nothing is known', undefined, 1],
    ['90 % used with five minutes to go', [five(0.9, 5 * 60_000)], 1],
    ['90 % used with four hours to go', [five(0.9, 4 * HOUR)], 0.125],
    ['half used at half time', [five(0.5, 2.5 * HOUR)], 1],
    ['all used', [five(1, HOUR)], 0],
    ['more than all used', [five(1.2, HOUR)], 0],
    ['its reset has passed: a new window', [five(1, 0)], 1],
    ['it has no reset, so it could never end', [{ name: 'x', used: 1 }], 1],
    ['its length is unknown, so all of its time is left', [{ name: 'x', used: 0.8, resets_at: NOW + HOUR }], 0.2],
    ['the tightest counts', [five(0.1, 4 * HOUR), week(0.9, 84 * HOUR)], 0.2],
    ['one that is over counts for nothing beside one that is not', [five(1, -1), week(0.5, 84 * HOUR)], 1],
  ];
  test.each(table)('%s', (_, windows, expected) => {
    expect(headroomOf(windows, NOW)).toBeCloseTo(expected, 9);
  });

  it('is said with its window and its reset', () => {
    expect(tightestText([week(0.1, 100 * HOUR), five(0.824, 2 * HOUR)], NOW)).toBe(
      'its five_hour window is 82 % used, resets 2026-11-21T14:00:00.000Z',
    );
    expect(tightestText([five(0.9, -1)], NOW)).toBeUndefined();
  });
});

describe('what is written down of windows', () => {
  const known = [five(0.4, 2 * HOUR)];

  it('is a change of five points, a window that is full, and one that is new', () => {
    expect(windowsAfter(known, [five(0.44, 2 * HOUR)], NOW)).toBeUndefined();
    expect(windowsAfter(known, [five(0.45, 2 * HOUR)], NOW)).toEqual([five(0.45, 2 * HOUR)]);
    expect(windowsAfter([five(0.97, HOUR)], [five(1, HOUR)], NOW)).toEqual([five(1, HOUR)]);
    expect(windowsAfter([five(1, HOUR)], [five(1, HOUR)], NOW)).toBeUndefined();
    expect(windowsAfter(known, [week(0, 100 * HOUR)], NOW)).toEqual([...known, week(0, 100 * HOUR)]);
  });

  it('is no older reading of the same window, however late it comes', () => {
    expect(windowsAfter(known, [five(0.1, 2 * HOUR + 5_000)], NOW)).toBeUndefined(); // told a little apart
    expect(windowsAfter([five(0.05, 4 * HOUR)], [five(0.99, HOUR)], NOW)).toBeUndefined(); // the one before
    expect(windowsAfter(known, [five(0.01, 4.9 * HOUR)], NOW)).toEqual([five(0.01, 4.9 * HOUR)]); // it began anew
  });

  it('is nothing that is over', () => {
    expect(windowsAfter([five(0.9, -1)], [week(0.5, HOUR)], NOW)).toEqual([week(0.5, HOUR)]);
    expect(windowsAfter([], [five(0.9, -1)], NOW)).toBeUndefined();
  });

  test('a run of readings is written down at most some twenty times a window, in whatever order it comes', () => {
    const readings = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 200 });
    fc.assert(
      fc.property(readings, (used) => {
        let state: readonly AccountWindow[] = [];
        let written = 0;
        for (const one of used) {
          const next = windowsAfter(state, [five(one, HOUR)], NOW);
          if (!next) continue;
          written++;
          state = next;
        }
        expect(written).toBeLessThanOrEqual(22);
        const most = Math.max(0, ...used);
        if (used.length > 0) expect(most - (state[0]?.used ?? -1)).toBeLessThan(0.05);
      }),
    );
  });
});
