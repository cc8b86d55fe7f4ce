import { expect, test } from 'vitest';
import { killAmongFaults } from './fault-kills.ts';
import { MISCHIEF } from './faults.ts';
import { LONG, SEED } from './seed.ts';

// By default some kinds of mischief, drawn anew each time. CHAOS_DELEGATION=200: all of them, again and again, until the
// runtime was killed so often; with the one that takes minutes.
const AT_ONCE = 5; // kills among one set of tasks
const rounds = Math.max(1, Math.ceil(LONG / AT_ONCE));

test.each(Array.from({ length: rounds }, (_, round) => SEED + round))(
  'tasks whose service misbehaves come home once while their runtime is killed, CHAOS_SEED=%i',
  { timeout: 600_000 },
  async (seed) => {
    const all = { kills: AT_ONCE, some: MISCHIEF.length, patient: seed === SEED };
    const story = LONG > 0 ? all : { kills: 2, some: 10 };
    expect(await killAmongFaults({ seed, ...story }), `CHAOS_SEED=${seed}`).toEqual([]);
  },
);
