import { expect, test } from 'vitest';
import { Pace } from '../../../src/runtime/store/pace.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

test('what comes when a slice has just looked for the last time is done without another push', async () => {
  const clock = new VirtualClock();
  const waiting = ['first'];
  const done: string[] = [];
  const pace = new Pace(clock, async () => {
    done.push(...waiting.splice(0));
    if (done.length === 1)
      queueMicrotask(() => {
        waiting.push('late');
        pace.want();
      });
    return 'done';
  });
  pace.want();
  await clock.advance(2_000);
  expect(done).toEqual(['first', 'late']);
  expect(clock.pending).toBe(0);
});
