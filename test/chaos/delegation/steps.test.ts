import { expect, test } from 'vitest';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { isStraceThere } from '../strace.ts';
import { Away, PROVIDERS } from './away.ts';
import { SEED } from './seed.ts';
import { dieAt, type Point, walk } from './walk.ts';

// Each kill starts a runtime. By default: around each change of the marker, and at some more calls, drawn anew each time.
// CHAOS_STEPS=each: at every call of a delegation, of writes those to the journal; CHAOS_STEPS=all: also each write that
// goes to a socket or only wakes a thread, a matter of many minutes.
const everyWrite = process.env.CHAOS_STEPS === 'all';
const all = everyWrite || process.env.CHAOS_STEPS === 'each';
const there = isStraceThere();

const MARKER: readonly Point[] = [
  { call: 'fsync', nth: 1, marker: true }, // it is there, and nothing was sent
  { call: 'fsync', nth: 2, marker: true }, // it names the job
  { call: 'unlink', nth: 1, marker: true }, // the result is in done/
];
/** About as many of each as a delegation makes. */
const USUAL = { write: 5, fdatasync: 5, fsync: 6, rename: 3, link: 2, unlink: 7, connect: 4, writev: 4 } as const;

function drawn(chance: { fraction(): number }, times: number): Point[] {
  const points = Object.entries(USUAL).flatMap(([call, most]) =>
    Array.from({ length: most }, (_, i): Point => ({ call: call as keyof typeof USUAL, nth: i + 1 })),
  );
  return Array.from({ length: times }, () => points[Math.floor(chance.fraction() * points.length)] as Point);
}

test.runIf(there)(`a delegation can be killed at each call, CHAOS_SEED=${SEED}`, { timeout: 3_600_000 }, async () => {
  const away = await Away.open();
  try {
    const wrong: string[] = [];
    for (const provider of PROVIDERS) {
      if (all) {
        const walked = await walk(away, provider, everyWrite);
        process.stdout.write(`a delegation to ${provider}: killed at ${JSON.stringify(walked.made)}\n`);
        wrong.push(...walked.wrong);
        expect(Object.keys(walked.made)).toEqual(
          expect.arrayContaining(['write', 'fdatasync', 'rename', 'unlink', 'connect']),
        );
      }
      const chance = seededChance(SEED + provider.length);
      const points = all || provider === 'keyed' ? MARKER : drawn(chance, 2);
      for (const [i, point] of points.entries()) {
        const death = await dieAt(away, provider, `${provider}-at-${i}`, point);
        wrong.push(...death.wrong);
        if (point.marker) expect(death.died, `${point.call} ${point.nth} of the marker`).toBe(true);
      }
    }
    expect([...wrong, ...(await away.wrong())], `CHAOS_SEED=${SEED}`).toEqual([]);
  } finally {
    await away.close();
  }
});
