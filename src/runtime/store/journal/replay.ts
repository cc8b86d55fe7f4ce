import { join } from 'node:path';
import type { JournalRecord } from '../../model/event.ts';
import type { BodyRef } from '../../model/task.ts';
import type { Files } from '../../ports.ts';
import { parseRecord, readMarks } from './record-line.ts';
import { recordLines } from './record-lines.ts';
import { firstOf } from './segment.ts';

export interface Replayed {
  readonly record: JournalRecord;
  readonly place: BodyRef;
}

/** Every valid record numbered `from` to `to`, in order; a chunk of a segment is in memory at a time. */
export async function* replayRecords(
  files: Files,
  dir: string,
  segments: readonly string[],
  from: number,
  to: number,
): AsyncGenerator<Replayed> {
  let last = from - 1;
  for (const segment of segments.slice(startAt(segments, from))) {
    for await (const lines of recordLines(files, join(dir, segment))) {
      for (const line of lines) {
        const marks = readMarks(line.bytes);
        if (!marks || !line.ended || marks.seq <= last) continue;
        if (marks.seq > to) return;
        const record = parseRecord(line.bytes);
        if (!record) throw new Error(`record ${marks.seq} in ${segment} has a valid checksum but no valid outline`);
        last = marks.seq;
        yield { record, place: { segment, offset: line.offset, length: line.bytes.length } };
      }
    }
  }
}

/** One record by its place; undefined when it is not there any more. */
export async function readRecordAt(files: Files, dir: string, place: BodyRef): Promise<JournalRecord | undefined> {
  const line = await files.readAt(join(dir, place.segment), place.offset, place.length);
  if (line === undefined || readMarks(line) === undefined) return undefined;
  return parseRecord(line);
}

/** The newest segment that can hold `from`. */
function startAt(segments: readonly string[], from: number): number {
  const after = segments.findIndex((name) => (firstOf(name) ?? 0) > from);
  return Math.max(0, (after < 0 ? segments.length : after) - 1);
}
