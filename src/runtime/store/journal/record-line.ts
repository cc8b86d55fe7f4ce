import { crc32 } from 'node:zlib';
import type { JournalRecord } from '../../model/event.ts';
import { isSealed, latin1, openText, parseObject, SEAL_BYTES, sealing, utf8 } from '../sealed-line.ts';

/*
 * A record's line: {"seq":12,…,"batch":"00000000000c","sum":"89abcdef"}
 *
 * `batch` is the sequence number of the first record written together with this one. A batch is written only after
 * the batch before it was synced, so a record proves that everything before its batch was once on disk: that tells
 * a torn write, which nobody was promised, from later damage. It has a fixed width, so that a line's length, and
 * with it its place, is known before its batch is.
 */

export const RECORD_START = '{"seq":';
const BATCH_KEY = ',"batch":"';
const BATCH_DIGITS = 12;
const BATCH_BYTES = BATCH_KEY.length + BATCH_DIGITS + 1;

/** What a line is longer by than its record's open text; without the newline. */
export const LINE_OVERHEAD = BATCH_BYTES + SEAL_BYTES;

/** The text of a record, ready but for its batch and sum. */
export function recordText(record: JournalRecord): Buffer {
  const { seq, at, type, cause, events, reply } = record;
  return openText({ seq, at, type, cause, events, reply }); // seq first: it is read without parsing
}

/** The lines of records that are written together, newlines included. */
export function batchBytes(texts: readonly Uint8Array[], batch: number): Buffer {
  const mark = Buffer.from(`${BATCH_KEY}${batch.toString(16).padStart(BATCH_DIGITS, '0')}"`);
  const bytes = Buffer.allocUnsafe(texts.reduce((sum, text) => sum + text.length + LINE_OVERHEAD + 1, 0));
  let at = 0;
  for (const text of texts) {
    bytes.set(text, at);
    bytes.set(mark, at + text.length);
    at += text.length + mark.length;
    at += bytes.write(sealing(crc32(mark, crc32(text))), at, 'latin1');
  }
  return bytes;
}

/** Sequence number and batch of a whole record line; undefined for anything else. Parses no JSON. */
export function readMarks(line: Uint8Array): { seq: number; batch: number } | undefined {
  if (!isSealed(line) || line.length < RECORD_START.length + LINE_OVERHEAD) return undefined;
  const seq = /^\{"seq":([1-9]\d{0,15}),/.exec(latin1(line, 0, RECORD_START.length + 17))?.[1];
  const tail = latin1(line, line.length - LINE_OVERHEAD, line.length - SEAL_BYTES);
  const batch = /^,"batch":"([0-9a-f]{12})"$/.exec(tail)?.[1];
  if (seq === undefined || batch === undefined) return undefined;
  return { seq: Number(seq), batch: Number.parseInt(batch, 16) };
}

/**
 * The record of a line whose marks were read. Its checksum says that we wrote it, so only the outline is looked at:
 * checking each event against its schema takes several times as long as parsing it.
 */
export function parseRecord(line: Uint8Array): JournalRecord | undefined {
  const found = parseObject(`${utf8(line.subarray(0, line.length - LINE_OVERHEAD))}}`);
  return found !== undefined && isRecord(found) ? found : undefined;
}

function isRecord(found: object): found is JournalRecord {
  const record = found as Partial<Record<keyof JournalRecord, unknown>>;
  return (
    typeof record.seq === 'number' &&
    typeof record.at === 'number' &&
    typeof record.type === 'string' &&
    typeof record.cause === 'object' &&
    Array.isArray(record.events) &&
    record.events.length > 0 &&
    record.events.every((event: unknown) => typeof (event as { type?: unknown } | null)?.type === 'string')
  );
}
