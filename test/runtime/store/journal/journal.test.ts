import { beforeEach, describe, expect, it } from 'vitest';
import { JournalClosed, JournalFull, JournalWriteError } from '../../../../src/runtime/store/journal/errors.ts';
import { ForgetfulFiles } from '../../../fakes/forgetful-files.ts';
import { carried, DIR, messages, note, open, replayed } from './world.ts';

let files: ForgetfulFiles;
beforeEach(() => {
  files = new ForgetfulFiles();
});

describe('the journal', () => {
  it('numbers changes at once and gives them back after it was opened again', async () => {
    const { journal, report } = await open(files);
    expect(report).toMatchObject({ fresh: true, lastSeq: 0, bootChanged: false, findings: [] });
    const first = journal.append(note('one'));
    const second = journal.append({ ...note('two'), reply: { id: 'x' } });
    expect([first.record.seq, second.record.seq]).toEqual([1, 2]);
    expect(journal.lastSeq).toBe(0);
    await second.durable;
    expect(journal.lastSeq).toBe(2);
    await journal.close();

    const again = await open(files);
    expect(again.report).toEqual({ epoch: report.epoch, lastSeq: 2, fresh: false, bootChanged: false, findings: [] });
    expect((await replayed(again.journal)).map(({ record }) => record)).toEqual([first.record, second.record]);
    expect(again.journal.append(note('three')).record.seq).toBe(3);
  });

  it('writes and syncs once for everything that came while the disk was busy', async () => {
    const { journal } = await open(files);
    const before = files.steps;
    const all = Array.from({ length: 100 }, (_, i) => journal.append(note(String(i))).durable);
    await Promise.all(all);
    expect(files.steps - before).toBe(2); // one write, one fdatasync
  });

  it('settles in order, and only after the sync', async () => {
    const { journal } = await open(files);
    const settled: number[] = [];
    const all = Array.from({ length: 5 }, (_, i) => {
      const { durable, record } = journal.append(note(String(i)));
      return durable.then(() => {
        expect(journal.lastSeq).toBeGreaterThanOrEqual(record.seq);
        settled.push(record.seq);
      });
    });
    await all[0];
    all.push(journal.append(note('late')).durable.then(() => void settled.push(6)));
    await Promise.all(all);
    expect(settled).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('keeps every character, and a record larger than a segment', async () => {
    const { journal } = await open(files, { segmentBytes: 4_096 });
    const odd = '€ 𝄞 \u2028 \ud800 "\\\n\0';
    await journal.append(note(odd)).durable;
    await journal.append(note('x'.repeat(700_000))).durable;
    await journal.append(note('end')).durable;
    expect((await messages(journal)).map((text) => text.length)).toEqual([odd.length, 700_000, 3]);
    expect((await messages(journal))[0]).toBe(odd);
  });

  it('begins a new segment when one is full, and replays across them from any number', async () => {
    const { journal } = await open(files, { segmentBytes: 1_000 });
    for (let i = 1; i <= 20; i++) journal.append(note(`n${i}`));
    await journal.append(note('n21')).durable;
    expect(journal.segments().length).toBeGreaterThan(3);
    for (const name of journal.segments())
      expect((await files.stat(`${DIR}/${name}`))?.size).toBeLessThanOrEqual(1_000);
    const all = Array.from({ length: 21 }, (_, i) => `n${i + 1}`);
    for (const from of [1, 2, 7, 20, 21, 22]) expect(await messages(journal, from)).toEqual(all.slice(from - 1));
    await journal.close();
    expect(await messages((await open(files)).journal)).toEqual(all);
  });

  it('drops old segments, never the newest, and goes on counting', async () => {
    const { journal } = await open(files, { segmentBytes: 1_000 });
    for (let i = 1; i <= 20; i++) await journal.append(note(`n${i}`)).durable;
    const third = journal.segments()[2]!;
    await journal.drop(journal.segments()[1]!);
    expect(journal.segments()[0]).toBe(third);
    await journal.drop('9999999999999999.jsonl');
    expect(journal.segments()).toHaveLength(1);
    await journal.close();
    const { report } = await open(files);
    expect(report).toMatchObject({ lastSeq: 20, findings: [] });
  });

  it('reads one record again by its place, also before it is written', async () => {
    const { journal } = await open(files, { segmentBytes: 1_000 });
    const all = Array.from({ length: 10 }, (_, i) => journal.append(carried(`t${i}`, `body ${i}`)));
    expect(await journal.readRecord(all[9]!.place)).toEqual(all[9]!.record);
    await all[9]!.durable;
    for (const { place, record } of all) expect(await journal.readRecord(place)).toEqual(record);
    expect((await replayed(journal)).map(({ place }) => place)).toEqual(all.map(({ place }) => place));
    await journal.drop(all[0]!.place.segment);
    expect(await journal.readRecord(all[0]!.place)).toBeUndefined();
  });

  it('takes nothing after it was closed, but all that came before', async () => {
    const { journal } = await open(files);
    const { durable } = journal.append(note('last'));
    await Promise.all([journal.close(), journal.close()]);
    await durable;
    expect(() => journal.append(note('late'))).toThrow(JournalClosed);
  });
});

describe('when the disk is full', () => {
  it('rejects the batch and all behind it, takes the numbers back and goes on', async () => {
    const rollbacks: number[] = [];
    const { journal } = await open(files, { onRollback: (_error, lastSeq) => rollbacks.push(lastSeq) });
    await journal.append(note('kept')).durable;
    files.failAt(1, 'ENOSPC');
    const lost = [journal.append(note('a')), journal.append(note('b'))];
    const behind = Promise.resolve()
      .then(() => Promise.resolve())
      .then(() => journal.append(note('c')).durable);
    await expect(lost[0]!.durable).rejects.toThrow(JournalFull);
    await expect(lost[1]!.durable).rejects.toThrow(JournalFull);
    await expect(behind).rejects.toThrow(JournalFull);
    expect(rollbacks).toEqual([1]);
    const next = journal.append(note('d'));
    expect(next.record.seq).toBe(2);
    await next.durable;
    await journal.close();
    const again = await open(files);
    expect(again.report.findings).toEqual([]);
    expect(await messages(again.journal)).toEqual(['kept', 'd']);
  });

  it.each([1, 2, 3, 4])('stays usable when making a new segment fails at step %i', async (step) => {
    const { journal } = await open(files, { segmentBytes: 400 });
    await journal.append(note('a'.repeat(150))).durable;
    files.failAt(step, 'ENOSPC');
    await expect(journal.append(note('b'.repeat(200))).durable).rejects.toThrow(JournalWriteError);
    await journal.append(note('c')).durable;
    await journal.append(note('d'.repeat(200))).durable;
    await journal.close();
    const again = await open(files);
    expect(again.report).toMatchObject({ lastSeq: 3, findings: [] });
    expect((await messages(again.journal)).map((text) => text[0])).toEqual(['a', 'c', 'd']);
  });
});

describe('when the disk fails', () => {
  it.each([
    ['the sync', 2, 1],
    ['the write and then the truncate', 1, 2],
    ['the write, and the sync after the truncate', 1, 3],
  ])('closes for good when %s fails', async (_what, step, times) => {
    const fatal: unknown[] = [];
    const { journal } = await open(files, { onFatal: (error) => fatal.push(error) });
    await journal.append(note('kept')).durable;
    if (times === 3) failWriteAndLastSync(files);
    else files.failAt(step, 'EIO', times);
    const lost = journal.append(note('lost'));
    await expect(lost.durable).rejects.toThrow(JournalClosed);
    files.heal();
    expect(fatal).toHaveLength(1);
    expect(() => journal.append(note('late'))).toThrow(JournalClosed);
    await journal.close();
    expect(journal.lastSeq).toBe(1);
    expect((await messages((await open(files)).journal))[0]).toBe('kept');
  });

  /** Write fails, truncate works, sync fails. */
  function failWriteAndLastSync(disk: ForgetfulFiles): void {
    disk.failAt(1, 'EIO');
    const steps = disk.steps;
    const watch = (): void => {
      if (disk.steps >= steps + 2) disk.failAt(1, 'EIO');
      else queueMicrotask(watch);
    };
    queueMicrotask(watch);
  }
});
