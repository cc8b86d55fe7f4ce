import { join } from 'node:path';
import type { Files } from '../../ports.ts';
import { type Line, readLines } from '../lines.ts';
import { JournalTooNew } from './errors.ts';
import { readMarks } from './record-line.ts';
import { recordLines } from './record-lines.ts';
import { claimedFormat, firstOf, JOURNAL_FORMAT, parseHeader, type SegmentHeader } from './segment.ts';

/** Bytes that are no record. */
export interface Damage {
  readonly offset: number;
  readonly length: number;
  /** The number that the first record in there would have had. */
  readonly seq: number;
  /** False when nothing valid follows in the segment. */
  readonly followed: boolean;
}

export interface SegmentScan {
  readonly name: string;
  readonly first: number;
  readonly header: SegmentHeader | undefined;
  readonly size: number;
  readonly records: number;
  /** Of the last valid record in here or in a segment before. */
  readonly lastSeq: number;
  readonly lastBatch: number;
  readonly damages: readonly Damage[];
  readonly gaps: readonly (readonly [from: number, to: number])[];
}

/** The names of the segments, oldest first. */
export async function listSegments(files: Files, dir: string): Promise<string[]> {
  const names = (await files.list(dir))?.map((entry) => entry.name) ?? [];
  return names.filter((name) => firstOf(name) !== undefined).sort();
}

/** Refuses a journal that a newer version wrote, before anything is touched. */
export async function refuseNewer(files: Files, dir: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    for await (const [line] of readLines(files, join(dir, name))) {
      const format = line && claimedFormat(line.bytes);
      if (format !== undefined && format > JOURNAL_FORMAT)
        throw new JournalTooNew(join(dir, name), format, JOURNAL_FORMAT);
      break;
    }
  }
}

/** Reads a whole segment and says what in it is valid. `before` is the last number of the segments before it. */
export async function scanSegment(files: Files, dir: string, name: string, before?: number): Promise<SegmentScan> {
  const found = new Findings(name, before ?? (firstOf(name) ?? 1) - 1);
  for await (const lines of recordLines(files, join(dir, name))) for (const line of lines) found.take(line);
  return found.result();
}

class Findings {
  private readonly name: string;
  private header: SegmentHeader | undefined;
  private last: number;
  private lastBatch = 0;
  private records = 0;
  private size = 0;
  private bad: { offset: number; length: number } | undefined;
  private readonly damages: Damage[] = [];
  private readonly gaps: [number, number][] = [];

  constructor(name: string, last: number) {
    this.name = name;
    this.last = last;
  }

  take(line: Line): void {
    const length = line.bytes.length + (line.ended ? 1 : 0);
    this.size = line.offset + length;
    if (line.ended && line.offset === 0) {
      this.header = parseHeader(line.bytes);
      if (this.header) return;
    }
    if (line.ended && this.takeRecord(line.bytes)) return;
    this.bad = { offset: this.bad?.offset ?? line.offset, length: (this.bad?.length ?? 0) + length };
  }

  result(): SegmentScan {
    this.endDamage(false);
    const { name, header, size, records, lastBatch, damages, gaps } = this;
    const lastSeq = this.last;
    return { name, first: firstOf(name) ?? 0, header, size, records, lastSeq, lastBatch, damages, gaps };
  }

  private takeRecord(bytes: Uint8Array): boolean {
    const marks = readMarks(bytes);
    if (!marks || marks.seq <= this.last) return false;
    this.endDamage(true);
    if (marks.seq > this.last + 1) this.gaps.push([this.last + 1, marks.seq - 1]);
    this.last = marks.seq;
    this.lastBatch = marks.batch;
    this.records++;
    return true;
  }

  private endDamage(followed: boolean): void {
    if (!this.bad) return;
    this.damages.push({ ...this.bad, seq: this.last + 1, followed });
    this.bad = undefined;
  }
}
