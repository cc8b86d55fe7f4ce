import { expect, it } from 'vitest';
import { headroomOf, tightestText, windowsAfter } from '../../../src/runtime/policy/headroom.ts';

it('a window that is to end beyond all dates is none: nobody waits for it, and nothing breaks on it', () => {
  const now = Date.UTC(2026, 0, 1);
  const far = [{ name: 'primary', used: 1, resets_at: 1e18 }];
  expect(tightestText(far, now)).toBeUndefined();
  expect(headroomOf(far, now)).toBe(1);
  expect(windowsAfter([], far, now)).toBeUndefined();
});
