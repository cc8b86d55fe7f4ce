import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { readSnapshot, type Snapshot, writeSnapshot } from '../../../src/runtime/store/snapshot.ts';
import { ForgetfulFiles } from '../../fakes/forgetful-files.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';

const PATH = '/home/snapshot.json';
let files: ForgetfulFiles;

async function newDisk(): Promise<ForgetfulFiles> {
  const disk = new ForgetfulFiles();
  await disk.makeDir('/home');
  await disk.syncDir('/');
  return disk;
}
beforeEach(async () => {
  files = await newDisk();
});

function snapshot(seq: number, state: Snapshot['state']): Snapshot {
  return { format: 1, epoch: 'e', seq, at: 5, state };
}

describe('a snapshot', () => {
  it('is none before the first one', async () => {
    expect(await readSnapshot(files, PATH)).toEqual({ kind: 'none' });
  });

  it('comes back as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })), async (state) => {
        const plain = JSON.parse(JSON.stringify(state)) as Record<string, unknown>;
        await writeSnapshot(files, PATH, snapshot(7, plain));
        const read = await readSnapshot(files, PATH);
        if (read.kind !== 'read') throw new Error(read.kind);
        expect(JSON.stringify(read.snapshot)).toBe(JSON.stringify(snapshot(7, plain)));
      }),
      { numRuns: 200 },
    );
  });

  it('takes long arrays in several lines', async () => {
    const tasks = Array.from({ length: 5_000 }, (_, i) => ({ id: `task-${i}`, title: 'ü'.repeat(i % 50) }));
    await writeSnapshot(files, PATH, snapshot(7, { tasks, none: [], paused: false }));
    expect(await readSnapshot(files, PATH)).toEqual({
      kind: 'read',
      snapshot: snapshot(7, { tasks, none: [], paused: false }),
    });
    expect((await files.list('/home'))?.map((entry) => entry.name)).toEqual(['snapshot.json']);
  });

  it('is broken when any byte of it is wrong or missing, and is kept aside', async () => {
    await writeSnapshot(files, PATH, snapshot(7, { tasks: ['a', 'b'], more: { x: 1 } }));
    const whole = Buffer.from((await files.read(PATH)) ?? []);
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await files.replace(PATH, flipped);
      expect((await readSnapshot(files, PATH)).kind, `byte ${at}`).toBe('broken');
      await files.replace(PATH, whole.subarray(0, at));
      expect((await readSnapshot(files, PATH)).kind, `cut at ${at}`).toBe('broken');
    }
    const last = await readSnapshot(files, PATH);
    expect(last.kind === 'broken' && (await files.read(last.kept))).toEqual(await files.read(PATH));
  });

  it('is the old or the new one after a power cut at any step', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 8 }), async (seed, deathAt) => {
        const disk = await newDisk();
        await writeSnapshot(disk, PATH, snapshot(1, { tasks: ['old'] }));
        disk.failAt(deathAt, 'dies');
        const done = await writeSnapshot(disk, PATH, snapshot(2, { tasks: ['new', 'x'.repeat(300)] })).then(
          () => true,
          () => false,
        );
        const read = await readSnapshot(disk.cut(seededChance(seed)), PATH);
        if (read.kind !== 'read') throw new Error(read.kind);
        if (done) expect(read.snapshot.seq).toBe(2);
        expect(read.snapshot.state.tasks).toEqual(read.snapshot.seq === 1 ? ['old'] : ['new', 'x'.repeat(300)]);
      }),
      { numRuns: 300 },
    );
  });
});
