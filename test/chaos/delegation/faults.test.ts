import { expect, test } from 'vitest';
import { killAmongFaults } from './fault-kills.ts';
import { MISCHIEF } from './faults.ts';

// By default some kinds of mischief, drawn anew each time. CHAOS_DELEGATION=200: all of them, again and again, until the
// runtime was killed so often; with the one that takes minutes.
const long = process.env.CHAOS_DELEGATION;
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 5; // kills among one set of tasks
const rounds = long ? Math.ceil(Number(long) / AT_ONCE) : 1;

test.each(Array.from({ length: rounds }, (_, round) => seed + round))(
  'tasks whose service misbehaves come home once while their runtime is killed, CHAOS_SEED=%i',
  { timeout: 400_000 },
  async (own) => {
    const story = long ? { kills: AT_ONCE, some: MISCHIEF.length, patient: own === seed } : { kills: 2, some: 14 };
    expect(await killAmongFaults({ seed: own, ...story }), `CHAOS_SEED=${own}`).toEqual([]);
  },
);
