import { dirname, join } from 'node:path';
import type { Chance } from '../../ports.ts';
import { replaceDurably } from '../durably.ts';
import { createSegment, Journal, type JournalOptions } from './journal.ts';
import { cutTail, type Finding, quarantine, tornFrom } from './repair.ts';
import { listSegments, refuseNewer, type SegmentScan, scanSegment } from './scan.ts';
import { headerLine, JOURNAL_FORMAT, segmentName } from './segment.ts';

export type OpenOptions = Omit<JournalOptions, 'epoch'> & { readonly chance: Chance };

export interface OpenReport {
  readonly epoch: string;
  readonly lastSeq: number;
  /** No journal was there, or none that says its epoch: this one begins a new epoch. */
  readonly fresh: boolean;
  /** The machine was started anew since the last record: files that were not synced may be torn or gone. */
  readonly bootChanged: boolean;
  readonly findings: readonly Finding[];
}

/** Where writing goes on. */
interface End {
  readonly scans: readonly SegmentScan[];
  readonly lastSeq: number;
}

interface Mended extends End {
  readonly bootChanged: boolean;
  /** The journal's epoch, where a header tells it. */
  readonly known: string | undefined;
}

/** Opens the journal in `dir`, mends what a crash left and says what it found. Throws `JournalTooNew`, touching nothing. */
export async function openJournal(options: OpenOptions): Promise<{ journal: Journal; report: OpenReport }> {
  const { files, dir, chance } = options;
  const names = await listSegments(files, dir);
  await refuseNewer(files, dir, names);
  await files.makeDir(dir);
  await files.syncDir(dirname(dir));

  const findings: Finding[] = [];
  const { scans, lastSeq, bootChanged, known } = await mend(options, names, findings);
  const epoch = known ?? chance.hex(16);
  const journal = await openEnd({ ...options, epoch }, { scans, lastSeq });
  return { journal, report: { epoch, lastSeq, fresh: known === undefined, bootChanged, findings } };
}

async function mend(options: OpenOptions, names: readonly string[], findings: Finding[]): Promise<Mended> {
  const { files, dir, bootId } = options;
  const scans: SegmentScan[] = [];
  for (const name of names) scans.push(await scanSegment(files, dir, name, scans.at(-1)?.lastSeq));
  const recorded = scans.findLast((scan) => scan.header && scan.records > 0) ?? scans.findLast((scan) => scan.header);
  const boot = recorded?.header?.boot;
  const known = scans.findLast((scan) => scan.header)?.header?.epoch; // before a segment that alone tells it goes
  const bootChanged = boot !== undefined && boot !== bootId;

  let lastSeq = await mendEnd(options, scans, bootChanged, findings);
  for (const scan of scans) {
    for (const { offset, length } of scan.damages) {
      const kept = await quarantine(files, dir, scan.name, { offset, length });
      findings.push({ kind: 'damaged', segment: scan.name, offset, length, kept });
    }
    for (const gap of scan.gaps) findings.push({ kind: 'gap', gap });
  }
  const last = scans.at(-1)?.lastSeq ?? 0;
  if (lastSeq > last && scans.some((scan) => scan.records > 0))
    findings.push({ kind: 'gap', gap: [last + 1, lastSeq] });
  lastSeq = Math.max(lastSeq, last);
  return { scans, lastSeq, bootChanged, known };
}

/** Cuts what is torn and removes segments without a record, until the last one is sound. Answers the last number known to be used. */
async function mendEnd(
  options: OpenOptions,
  scans: SegmentScan[],
  bootChanged: boolean,
  findings: Finding[],
): Promise<number> {
  const { files, dir } = options;
  let used = 0;
  for (let scan = scans.at(-1); scan; scan = scans.at(-1)) {
    const cut = tornFrom(scan, bootChanged);
    if (cut !== undefined) {
      findings.push(await cutTail(files, dir, scan, cut));
      scans[scans.length - 1] = await scanSegment(files, dir, scan.name, scans.at(-2)?.lastSeq);
      continue;
    }
    if (scan.header) used = Math.max(used, scan.first - 1);
    if (scan.records > 0 || isReady(scan, scans.at(-2), options.bootId)) break;
    if (scans.length === 1 && scan.header) break;
    for (const damage of scan.damages) await quarantine(files, dir, scan.name, damage);
    findings.push({ kind: 'empty', segment: scan.name });
    if (scans.length === 1) {
      scans[0] = { ...scan, damages: [] }; // its name says where to go on; its header is written anew
      break;
    }
    await files.remove(join(dir, scan.name));
    await files.syncDir(dir);
    scans.pop();
  }
  return used;
}

/** A new segment that nothing was written to yet. */
function isReady(scan: SegmentScan, before: SegmentScan | undefined, bootId: string): boolean {
  const inOrder = scan.first === scan.lastSeq + 1 && (before?.damages.every((damage) => damage.followed) ?? true);
  return scan.header?.boot === bootId && scan.damages.length === 0 && inOrder;
}

/** Goes on in the last segment where its header fits, else in a new one. */
async function openEnd(options: JournalOptions, { scans, lastSeq }: End): Promise<Journal> {
  const { files, dir, epoch, bootId } = options;
  const last = scans.at(-1);
  const names = scans.map((scan) => scan.name);
  if (last?.header?.epoch === epoch && last.header.boot === bootId) {
    const file = await files.append(join(dir, last.name));
    await file.sync(); // what is read now must not be lost later: others act on it
    await files.syncDir(dir);
    return new Journal(options, names, file, lastSeq);
  }
  if (last && last.records > 0) await files.sync(join(dir, last.name));
  const header = headerLine({ format: JOURNAL_FORMAT, epoch, boot: bootId, first: lastSeq + 1 });
  const name = segmentName(lastSeq + 1);
  if (last?.name !== name)
    return new Journal(options, [...names, name], await createSegment(files, dir, name, header), lastSeq);
  await replaceDurably(files, join(dir, name), [header]); // it holds no record; its epoch must survive a power cut
  return new Journal(options, names, await files.append(join(dir, name)), lastSeq);
}
