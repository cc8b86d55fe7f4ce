import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { ProjectId } from '../../../src/runtime/model/ids.ts';
import { FinishedTask } from '../../../src/runtime/model/task.ts';
import type { Files } from '../../../src/runtime/ports.ts';
import { type Amendment, indexFile } from '../../../src/runtime/store/finished-file.ts';
import { FinishedIndex } from '../../../src/runtime/store/finished-index.ts';
import { ForgetfulFiles } from '../../fakes/forgetful-files.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';

const DIR = '/home/finished';

function finished(seq: number): FinishedTask {
  return FinishedTask.parse({
    project: 'p_0123456789ab',
    id: `task-${seq}`,
    state: seq % 10 === 0 ? 'failed' : 'done',
    title: `Task number ${seq}`,
    priority: 'default',
    sha: 'f'.repeat(64),
    queued_at: seq,
    finished_at: seq,
    finished_seq: seq,
    attempts: 1,
  });
}

function retried(seq: number, as: string): Amendment {
  return { amend: { project: finished(seq).project, id: finished(seq).id, retried_as: as } };
}

async function opened(files: Files, bytes?: number): Promise<FinishedIndex> {
  const index = new FinishedIndex(files, DIR, bytes);
  await index.open();
  return index;
}

/** All pages one after the other. */
async function all(index: FinishedIndex, query: Omit<Parameters<FinishedIndex['page']>[0], 'cursor'>) {
  const tasks: FinishedTask[] = [];
  let pages = 0;
  for (let cursor: string | undefined = ''; cursor !== undefined; pages++) {
    const page: Awaited<ReturnType<FinishedIndex['page']>> = await index.page({ ...query, ...(cursor && { cursor }) });
    tasks.push(...page.tasks);
    cursor = page.next;
  }
  return { tasks, pages };
}

const STATE = fc.constantFrom('done' as const, 'failed' as const, 'cancelled' as const);
const PROJECT = fc.constantFrom(
  ...['p_0123456789ab', 'p_0123456789ac', 'p_ffffffffffff'].map((id) => ProjectId.parse(id)),
);
const GROUP = fc.constantFrom('night', 'release', 'rare');

const seqs = (tasks: readonly FinishedTask[]) => tasks.map((task) => task.finished_seq);
const count = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

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

describe('the finished index', () => {
  it('is empty at first', async () => {
    const index = new FinishedIndex(files, DIR);
    expect(await index.open()).toEqual({ lastSeq: 0 });
    expect(await index.page({ limit: 10 })).toEqual({ tasks: [] });
  });

  it.each([[undefined], [2_000]])('pages newest first through all files (of %s bytes)', async (bytes) => {
    const index = await opened(files, bytes);
    for (const seq of count(50)) await index.append([finished(seq)]);
    await index.sync();
    const { tasks, pages } = await all(index, { limit: 7 });
    expect(seqs(tasks)).toEqual(count(50).reverse());
    expect(pages).toBe(8);
    await index.close();
    expect(await new FinishedIndex(files, DIR, bytes).open()).toEqual({ lastSeq: 50 });
  });

  it('goes on behind a cursor while tasks are added', async () => {
    const index = await opened(files, 2_000);
    await index.append(count(20).map(finished));
    const first = await index.page({ limit: 5 });
    await index.append([finished(21), finished(22)]);
    const second = await index.page({ limit: 5, cursor: first.next! });
    expect(seqs([...first.tasks, ...second.tasks])).toEqual([20, 19, 18, 17, 16, 15, 14, 13, 12, 11]);
    expect(await index.page({ limit: 5, cursor: 'nonsense' })).toEqual({ tasks: [] });
  });

  it('filters, and gives a scan up with a cursor', async () => {
    const index = await opened(files, 2_000);
    await index.append(count(100).map(finished));
    const filter = (task: FinishedTask) => task.state === 'failed';
    const { tasks, pages } = await all(index, { limit: 100, filter, maxScan: 15 });
    expect(seqs(tasks)).toEqual([100, 90, 80, 70, 60, 50, 40, 30, 20, 10]);
    expect(pages).toBe(7);
  });

  it('shows what was made of a task, also on a later page and after a restart', async () => {
    const index = await opened(files);
    await index.append([finished(1), finished(2), retried(1, 'first'), finished(3), retried(1, 'second')]);
    const { tasks } = await all(index, { limit: 1 });
    expect(tasks.map((task) => task.retried_as)).toEqual([undefined, undefined, 'second']);
    await index.close();
    const again = await opened(files);
    expect((await again.page({ limit: 9 })).tasks.at(-1)?.retried_as).toBe('second');
  });

  it('shows what was made of a task of a file that is full, also after a restart', async () => {
    const index = await opened(files, 2_000);
    await index.append([finished(1), retried(1, 'second')]);
    for (const seq of count(30)) await index.append([finished(1 + seq)]);
    await index.close();
    const again = await opened(files, 2_000);
    expect((await all(again, { limit: 4 })).tasks.at(-1)?.retried_as).toBe('second');
  });

  it('finds by state, project and group what a look at every line would find, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ state: STATE, project: PROJECT, group: fc.option(GROUP, { nil: undefined }) })),
        fc.record(
          { states: fc.uniqueArray(STATE, { minLength: 1 }), project: PROJECT, group: GROUP },
          { requiredKeys: [] },
        ),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        async (facts, wanted, limit, restarted) => {
          const disk = await newDisk();
          const first = await opened(disk, 1_500);
          const tasks = facts.map((those, i) => FinishedTask.parse({ ...finished(i + 1), ...those }));
          for (const task of tasks) await first.append([task]);
          if (restarted) await first.close();
          const index = restarted ? await opened(disk, 1_500) : first;
          const expected = tasks.filter(
            (task) =>
              (wanted.states?.includes(task.state) ?? true) &&
              (wanted.project ?? task.project) === task.project &&
              (wanted.group ?? task.group) === task.group,
          );
          const found = await all(index, { limit, wanted });
          expect(seqs(found.tasks)).toEqual(seqs(expected).reverse());
          expect(found.pages).toBe(Math.max(1, Math.ceil(expected.length / limit)));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each(['lost', 'cut', 'spoilt', 'of another file'])('makes rows anew that are %s', async (how) => {
    const index = await opened(files, 2_000);
    for (const seq of count(50)) await index.append([finished(seq)]);
    await index.close();
    const [path, other] = [join(DIR, '00000003.rows'), join(DIR, '00000004.rows')];
    const rows = Buffer.from((await files.read(path))!);
    if (how === 'lost') await files.remove(path);
    else if (how === 'cut') await files.replace(path, rows.subarray(0, -3));
    else if (how === 'spoilt') await files.replace(path, rows.fill(0xff, rows.length - 20));
    else await files.replace(path, Buffer.concat([Buffer.from((await files.read(other))!), Buffer.from('x')]));
    const again = await opened(files, 2_000);
    expect(seqs((await all(again, { limit: 7 })).tasks)).toEqual(count(50).reverse());
    const failed = await all(again, { limit: 2, wanted: { states: ['failed'] } });
    expect(seqs(failed.tasks)).toEqual([50, 40, 30, 20, 10]);
  });

  it('lists a task once, wherever a full disk stops the change to the next file', async () => {
    for (const step of count(14)) {
      const disk = await newDisk();
      const index = await opened(disk, 2_000);
      await index.append(count(9).map(finished));
      disk.failAt(step, 'ENOSPC');
      const refused = await index.append([finished(10)]).then(
        () => false,
        () => true,
      );
      disk.heal();
      if (refused) await index.append([finished(10)]);
      expect(seqs((await all(index, { limit: 4 })).tasks)).toEqual(count(10).reverse());
    }
  });

  it('cuts a torn end, keeps a copy and goes on', async () => {
    const index = await opened(files);
    await index.append(count(3).map(finished));
    await index.close();
    const path = indexFile(DIR, 1);
    const whole = Buffer.from((await files.read(path))!);
    await files.replace(path, whole.subarray(0, whole.length - 10));
    const torn = new FinishedIndex(files, DIR);
    const report = await torn.open();
    expect(report.lastSeq).toBe(2);
    expect(await files.read(report.cut!.kept)).toHaveLength(report.cut!.length);
    await torn.append([finished(3), finished(4)]);
    expect(seqs((await torn.page({ limit: 9 })).tasks)).toEqual([4, 3, 2, 1]);
  });

  it('skips a bad line that was synced, and keeps all others', async () => {
    const index = await opened(files);
    await index.append(count(3).map(finished));
    await index.sync();
    await index.append([finished(4)]);
    await index.close();
    const bad = Buffer.from((await files.read(indexFile(DIR, 1)))!);
    await files.replace(indexFile(DIR, 1), bad.fill('#', 20, 25));
    const again = new FinishedIndex(files, DIR);
    expect(await again.open()).toEqual({ lastSeq: 4 });
    expect(seqs((await again.page({ limit: 9 })).tasks)).toEqual([4, 3, 2]);
  });

  it('takes back a write that the full disk refused', async () => {
    const index = await opened(files);
    await index.append([finished(1)]);
    files.failAt(1, 'ENOSPC');
    await expect(index.append([finished(2)])).rejects.toMatchObject({ code: 'ENOSPC' });
    await index.append([finished(2)]);
    expect(seqs((await index.page({ limit: 9 })).tasks)).toEqual([2, 1]);
  });

  it('after a power cut lists a beginning without holes, and all that was synced', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 0, max: 30 }),
        async (seed, safe, more) => {
          const disk = await newDisk();
          const index = await opened(disk, 2_000);
          await index.append(count(safe).map(finished));
          await index.sync();
          for (const seq of count(more)) await index.append([finished(safe + seq)]);
          const after = disk.cut(seededChance(seed));
          const found = new FinishedIndex(after, DIR, 2_000);
          const { lastSeq } = await found.open();
          expect(lastSeq).toBeGreaterThanOrEqual(safe);
          expect(seqs((await found.page({ limit: 100 })).tasks)).toEqual(count(lastSeq).reverse());
          await found.append([finished(lastSeq + 1)]);
          expect(seqs((await found.page({ limit: 1 })).tasks)).toEqual([lastSeq + 1]);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('the finished index with 200,000 lines', () => {
  it('reads no more of the disk for a page than with 100', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ym-finished-'));
    const disk = new DiskFiles();
    let read = 0;
    const counted: Files = Object.assign(Object.create(disk) as Files, {
      readAt: async (path: string, offset: number, length: number) => {
        read += length;
        return disk.readAt(path, offset, length);
      },
      read: async (path: string) => {
        const bytes = await disk.read(path);
        read += bytes?.length ?? 0;
        return bytes;
      },
    });
    const cost: number[] = [];
    for (const lines of [500, 200_000]) {
      const index = new FinishedIndex(counted, join(dir, String(lines)));
      await index.open();
      for (let seq = 1; seq <= lines; seq += 500) await index.append(count(500).map((i) => finished(seq + i - 1)));
      read = 0;
      const page = await index.page({ limit: 50 });
      const next = await index.page({ limit: 50, cursor: page.next! });
      cost.push(read);
      expect(seqs(next.tasks)[0]).toBe(lines - 50);
      await index.close();
    }
    expect(cost[1]).toBeLessThanOrEqual(2 * cost[0]!);
    const again = new FinishedIndex(counted, join(dir, '200000'));
    read = 0;
    expect(await again.open()).toEqual({ lastSeq: 200_000 });
    expect(read).toBeLessThan(6_000_000); // the newest file, of about 50 MB in all
    await again.close();
    await rm(dir, { recursive: true });
  }, 120_000);
});
