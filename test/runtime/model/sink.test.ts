import { expect, it } from 'vitest';
import { eventPattern } from '../../../src/runtime/model/sink.ts';

it('as many stars as one likes are one star, and cost no more', () => {
  const begun = performance.now();
  const pattern = eventPattern(`${'*'.repeat(40)}!`);
  expect(pattern.test('dispatch_failed_no_agent')).toBe(false);
  expect(performance.now() - begun).toBeLessThan(1_000);
  expect(eventPattern('task_**').test('task_failed')).toBe(true);
});
