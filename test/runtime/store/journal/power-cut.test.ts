import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ForgetfulFiles } from '../../../fakes/forgetful-files.ts';
import { seededChance } from '../../../fakes/seeded-chance.ts';
import { messages, note, open } from './world.ts';

/** What one history asked for and what it was promised. */
interface Told {
  readonly acknowledged: string[];
  readonly asked: string[];
}

const SIZES = [1, 30, 90, 300];

/** Appends in groups until the disk dies at `deathAt`; some groups are waited for, some are not. */
async function live(
  files: ForgetfulFiles,
  life: number,
  bootId: string,
  groups: readonly number[],
  deathAt: number,
): Promise<Told> {
  const told: Told = { acknowledged: [], asked: [] };
  files.failAt(deathAt, 'dies');
  try {
    const { journal } = await open(files, { segmentBytes: 900, bootId });
    for (const group of groups) {
      const batch = Array.from({ length: group }, (_, i) => {
        const message = `${life}.${told.asked.length} ${'x'.repeat(SIZES[i % SIZES.length]!)}`;
        told.asked.push(message);
        return journal.append(note(message)).durable.then(() => void told.acknowledged.push(message));
      });
      await (group % 2 ? Promise.all(batch) : Promise.race([...batch, Promise.resolve()]));
    }
    await journal.close();
  } catch {
    // the power went
  }
  return told;
}

const history = fc.record({
  seed: fc.nat(),
  lives: fc.array(
    fc.record({
      groups: fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 12 }),
      deathAt: fc.integer({ min: 1, max: 60 }),
      end: fc.constantFrom('kill', 'cut'),
    }),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
});

describe('a power cut or a kill', () => {
  it('leaves everything that was acknowledged, in order, and of the rest only a beginning', async () => {
    await fc.assert(
      fc.asyncProperty(history, async ({ seed, lives }) => {
        const chance = seededChance(seed);
        let files = new ForgetfulFiles();
        let before: string[] = [];
        let boot = 0;
        for (const [life, { groups, deathAt, end }] of lives.entries()) {
          const told = await live(files, life, `boot-${boot}`, groups, deathAt);
          if (end === 'kill') files.restart();
          else {
            files = files.cut(chance);
            boot++;
          }
          const { journal, report } = await open(files, { segmentBytes: 900, bootId: `boot-${boot}` });
          const found = await messages(journal);
          await journal.close();

          expect(found.slice(0, before.length)).toEqual(before);
          const since = found.slice(before.length);
          expect(since).toEqual(told.asked.slice(0, since.length));
          expect(since.length).toBeGreaterThanOrEqual(told.acknowledged.length);
          expect(told.acknowledged).toEqual(told.asked.slice(0, told.acknowledged.length));
          expect(report.lastSeq).toBe(found.length);
          expect(report.findings.filter(({ kind }) => kind === 'gap' || kind === 'damaged')).toEqual([]);
          before = found;
        }
      }),
      { numRuns: 1_000 },
    );
  }, 120_000);

  it('during the opening itself changes nothing: the next opening finds the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 12 }), async (seed, deathAt) => {
        const chance = seededChance(seed);
        const first = new ForgetfulFiles();
        const told = await live(first, 0, 'boot-0', [3, 2, 5, 4], 1_000);
        let files = first.cut(chance);
        for (let i = 0; i < 3; i++) {
          await live(files, i + 1, `boot-${i + 1}`, [], deathAt);
          files = files.cut(chance);
        }
        const { journal } = await open(files, { bootId: 'boot-9' });
        expect((await messages(journal)).slice(0, told.acknowledged.length)).toEqual(told.acknowledged);
      }),
      { numRuns: 300 },
    );
  }, 120_000);
});
