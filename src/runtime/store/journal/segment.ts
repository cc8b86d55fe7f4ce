import { z } from 'zod';
import { parseObject, seal, unseal, utf8 } from '../sealed-line.ts';

export const JOURNAL_FORMAT = 1;

/** The first line of a segment. */
export const SegmentHeader = z.object({
  format: z.literal(JOURNAL_FORMAT),
  epoch: z.string().min(1),
  boot: z.string(),
  first: z.number().int().positive(),
});
export type SegmentHeader = z.infer<typeof SegmentHeader>;

/** A segment's name says the first sequence number it may hold, so that names sort like records. */
export function segmentName(first: number): string {
  return `${String(first).padStart(16, '0')}.jsonl`;
}

export function firstOf(name: string): number | undefined {
  const digits = /^(\d{16})\.jsonl$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export function headerLine(header: SegmentHeader): Buffer {
  return seal(header);
}

export function parseHeader(line: Uint8Array): SegmentHeader | undefined {
  const parsed = SegmentHeader.safeParse(unseal(line));
  return parsed.success ? parsed.data : undefined;
}

/** The format that a first line claims, even where its checksum is of a kind we don't know. */
export function claimedFormat(line: Uint8Array): number | undefined {
  const format = parseObject(utf8(line))?.format;
  return typeof format === 'number' ? format : undefined;
}
