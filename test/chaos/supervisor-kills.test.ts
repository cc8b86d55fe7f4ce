import { expect, test } from 'vitest';
import { killAtRandom } from './random-kills.ts';

/** What nobody can know: an agent that came to its end and left no record, since its supervisor was killed then. */
const UNKNOWABLE = [
  /^\S+ was started again after it had ended$/,
  /^attempt \d+ of \S+ came to its end, and the task is failed$/,
  /^done\/\S+ is not the result of attempt \d+$/,
];

test('the laws hold when supervisors of runs are killed too', { timeout: 240_000 }, async () => {
  const { wrong, kills, lost } = await killAtRandom({ seed: 20261121, kills: 8, supervisors: true });
  expect(wrong.filter((one) => !UNKNOWABLE.some((pattern) => pattern.test(one))).join('\n')).toBe('');
  expect(kills).toBe(8);
  expect(lost).toBeGreaterThanOrEqual(8);
});
