import { describe, expect, it } from 'vitest';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';

describe('the system clock', () => {
  it('calls once after the time, and not at all when cancelled', async () => {
    const clock = systemClock();
    const calls: string[] = [];
    const cancel = clock.after(1, () => calls.push('cancelled'));
    cancel();
    const began = clock.now();
    const hold = setInterval(() => undefined, 1_000); // its own timers keep nothing alive
    await new Promise<void>((done) => clock.after(20, done));
    clearInterval(hold);
    expect(clock.now() - began).toBeGreaterThanOrEqual(15);
    expect(calls).toEqual([]);
  });

  it('does not ring at once for more than setTimeout can hold', async () => {
    const clock = systemClock();
    let rang = false;
    const cancel = clock.after(2 ** 40, () => {
      rang = true;
    });
    const hold = setInterval(() => undefined, 1_000);
    await new Promise<void>((done) => clock.after(10, done));
    clearInterval(hold);
    cancel();
    expect(rang).toBe(false);
  });
});

describe('system chance', () => {
  it('gives as many bytes as asked for, never the same', () => {
    const chance = systemChance();
    expect(chance.hex(6)).toMatch(/^[0-9a-f]{12}$/);
    expect(chance.hex(16)).not.toBe(chance.hex(16));
    const fractions = Array.from({ length: 100 }, () => chance.fraction());
    expect(fractions.every((x) => x >= 0 && x < 1)).toBe(true);
    expect(new Set(fractions).size).toBe(100);
  });
});
