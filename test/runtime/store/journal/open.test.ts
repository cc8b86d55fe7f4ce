import { beforeEach, describe, expect, it } from 'vitest';
import { JournalTooNew } from '../../../../src/runtime/store/journal/errors.ts';
import type { Appended } from '../../../../src/runtime/store/journal/journal.ts';
import { ForgetfulFiles } from '../../../fakes/forgetful-files.ts';
import { DIR, damage, messages, note, open } from './world.ts';

let files: ForgetfulFiles;
let written: Appended[];

/** Five records, each in a batch of its own, in one segment. */
beforeEach(async () => {
  files = new ForgetfulFiles();
  written = [];
  const { journal } = await open(files);
  for (const text of ['a', 'b', 'c', 'd', 'e']) {
    written.push(journal.append(note(text)));
    await written.at(-1)!.durable;
  }
  await journal.close();
});

const segment = `${DIR}/0000000000000001.jsonl`;
const kept = async (path: string) => Buffer.from((await files.read(path)) ?? []).toString();

describe('opening a journal', () => {
  it.each([
    ['a half written line', (bytes: Buffer) => bytes.subarray(0, bytes.length - 20)],
    ['a line without its newline', (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)],
    [
      'a line of zeros',
      (bytes: Buffer) => Buffer.concat([bytes.subarray(0, written[4]!.place.offset), Buffer.alloc(99)]),
    ],
  ])('cuts %s off its end, keeps a copy and reports it', async (_what, tear) => {
    await damage(files, segment, tear);
    const { journal, report } = await open(files);
    expect(report).toMatchObject({ lastSeq: 4, findings: [{ kind: 'torn', offset: written[4]!.place.offset }] });
    const [finding] = report.findings;
    if (finding?.kind !== 'torn') throw new Error('nothing torn');
    expect(await kept(finding.kept)).toHaveLength(finding.length);
    await journal.append(note('f')).durable;
    await journal.close();
    const again = await open(files);
    expect(again.report.findings).toEqual([]);
    expect(await messages(again.journal)).toEqual(['a', 'b', 'c', 'd', 'f']);
  });

  it('skips a bad line in the middle, keeps a copy, and uses everything after it', async () => {
    const { offset, length } = written[1]!.place;
    await damage(files, segment, (bytes) => bytes.fill('#', offset + 5, offset + 9));
    for (let opened = 0; opened < 2; opened++) {
      const { journal, report } = await open(files, { bootId: opened === 0 ? 'boot-1' : 'boot-2' });
      expect(report.lastSeq).toBe(5);
      expect(report.findings).toMatchObject([
        { kind: 'damaged', offset, length: length + 1 },
        { kind: 'gap', gap: [2, 2] },
      ]);
      expect(await messages(journal)).toEqual(['a', 'c', 'd', 'e']);
      await journal.close();
    }
  });

  it('takes a hole in the last batch for torn after another boot, for damage in the same one', async () => {
    const { journal } = await open(files);
    const batch = ['f', 'g', 'h'].map((text) => journal.append(note(text)));
    await batch[2]!.durable;
    await journal.close();
    await damage(files, segment, (bytes) => bytes.fill(0, batch[1]!.place.offset, batch[2]!.place.offset));
    const same = await open(files);
    expect(await messages(same.journal)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'h']);
    await same.journal.close();
    const other = await open(files, { bootId: 'boot-2' });
    expect(other.report).toMatchObject({ bootChanged: true, lastSeq: 6, findings: [{ kind: 'torn' }] });
    expect(await messages(other.journal)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('says that the machine was started anew, until something was recorded since', async () => {
    for (let i = 0; i < 2; i++) {
      const { journal, report } = await open(files, { bootId: 'boot-2' });
      expect(report).toMatchObject({ bootChanged: true, lastSeq: 5 });
      await journal.close();
    }
    const { journal } = await open(files, { bootId: 'boot-2' });
    await journal.append(note('f')).durable;
    await journal.close();
    expect((await open(files, { bootId: 'boot-2' })).report).toMatchObject({ bootChanged: false, lastSeq: 6 });
  });

  it('refuses a newer format and touches nothing', async () => {
    await files.create(`${DIR}/0000000000000009.jsonl`, Buffer.from('{"format":2,"new":true}\n'));
    await damage(files, segment, (bytes) => bytes.subarray(0, bytes.length - 3));
    const steps = files.steps;
    await expect(open(files)).rejects.toThrow(JournalTooNew);
    expect(files.steps - steps).toBeLessThanOrEqual(1); // the sync of / by this test's world
    expect((await files.list(DIR))?.map((entry) => entry.name)).toHaveLength(2);
  });

  it.each([
    ['empty', ''],
    ['of half a header', '{"format":1,"epo'],
    ['of zeros', '\0\0\0\0'],
  ])('removes a last segment that is %s', async (_what, content) => {
    await files.create(`${DIR}/0000000000000006.jsonl`, Buffer.from(content));
    const { journal, report } = await open(files);
    expect(report.lastSeq).toBe(5);
    expect(report.findings.at(-1)).toMatchObject({ kind: 'empty', segment: '0000000000000006.jsonl' });
    await journal.append(note('f')).durable;
    expect(await messages(journal)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  it('begins a new epoch where no header tells the old one, and keeps the records', async () => {
    await damage(files, segment, (bytes) => bytes.fill('#', 0, 8));
    const { journal, report } = await open(files);
    expect(report).toMatchObject({ fresh: true, lastSeq: 5, findings: [{ kind: 'damaged', offset: 0 }] });
    expect(await messages(journal)).toEqual(['a', 'b', 'c', 'd', 'e']);
    await journal.close();
    expect((await open(files)).report).toMatchObject({ epoch: report.epoch, fresh: false });
  });

  it('keeps epoch and number when all records were dropped and the machine was started anew', async () => {
    const first = await open(files, { bootId: 'boot-2' });
    await first.journal.drop('0000000000000001.jsonl');
    await first.journal.close();
    const second = await open(files, { bootId: 'boot-3' });
    expect(second.report).toMatchObject({ epoch: first.report.epoch, fresh: false, bootChanged: true, lastSeq: 5 });
    expect(second.journal.append(note('f')).record.seq).toBe(6);
  });

  it('reports a missing segment as a gap', async () => {
    const small = new ForgetfulFiles();
    const { journal } = await open(small, { segmentBytes: 400 });
    for (let i = 1; i <= 9; i++) await journal.append(note('x'.repeat(100))).durable;
    const [first, second, third] = journal.segments();
    expect(first && third).toBeDefined();
    await journal.close();
    await small.remove(`${DIR}/${second}`);
    const { report } = await open(small);
    expect(report.findings).toEqual([
      { kind: 'gap', gap: [Number(second?.slice(0, 16)), Number(third?.slice(0, 16)) - 1] },
    ]);
  });
});
