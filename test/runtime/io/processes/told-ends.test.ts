import { expect, it } from 'vitest';
import { ToldEnds } from '../../../../src/runtime/io/processes/told-ends.ts';

it('an end that the runtime has in its journal needs no sync of its record', async () => {
  const ends = new ToldEnds();
  const [first, second] = [ends.journalled(1), ends.journalled(2)];
  ends.settle(2, true);
  ends.settle(3, true); // nobody asked
  expect(await second).toBe(true);
  ends.close();
  expect(await first).toBe(false);
});

it('a runtime that says nothing, or is no more, leaves the end to its record', async () => {
  const ends = new ToldEnds();
  expect(await ends.journalled(1)).toBe(false);
  ends.close();
  expect(await ends.journalled(2)).toBe(false);
});
