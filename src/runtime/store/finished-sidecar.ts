import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { Files } from '../ports.ts';
import { replaceDurably } from './durably.ts';
import { Amendment, type IndexFileScan, indexFile, scanIndexFile } from './finished-file.ts';
import { keysOf, ROW_BYTES, Rows, type Wanted } from './finished-rows.ts';
import { seal, unseal } from './sealed-line.ts';

/*
 * Beside each index file that is full lies what a search needs of it: a sealed line that says what may be in it, then
 * its rows. It follows from the file, and is made again wherever it is missing, damaged or of another size.
 */

const HEAD = 32 * 1024;
const MOST_KEYS = 3_000; // of a file with more different groups every search looks at the rows
const NEWLINE = 0x0a;

const Head = z.object({
  rows_of: z.number(), // bytes of the index file
  count: z.number().int().nonnegative(),
  crc: z.number(),
  lastSeq: z.number().optional(),
  amendments: z.array(Amendment.shape.amend),
  keys: z.string().optional(),
});

/** What is known of a full file without its rows. */
export interface Summary {
  readonly lastSeq: number | undefined;
  readonly amendments: readonly Amendment['amend'][];
  mayHold(wanted: Wanted): boolean;
}

export async function writeSidecar(files: Files, dir: string, n: number, scan: IndexFileScan): Promise<Summary> {
  const body = scan.rows.bytes();
  const keys = [...scan.rows.keys()];
  const { size, lastSeq, amendments } = scan;
  const head: z.infer<typeof Head> = {
    ...{ rows_of: size, count: scan.rows.count, crc: crc32(body), amendments: [...amendments] },
    ...(lastSeq !== undefined && { lastSeq }),
    ...(keys.length <= MOST_KEYS && { keys: encodeKeys(keys) }),
  };
  await replaceDurably(files, sidecar(dir, n), [seal(head), body]);
  return summaryOf(head);
}

/** What a full file holds; its sidecar is made anew where it is not as it should be. */
export async function summarize(files: Files, dir: string, n: number): Promise<Summary> {
  const found = await readHead(files, dir, n);
  const size = (await files.stat(indexFile(dir, n)))?.size;
  if (found && found.head.rows_of === size) return summaryOf(found.head);
  return writeSidecar(files, dir, n, await scanIndexFile(files, indexFile(dir, n)));
}

export async function readRows(files: Files, dir: string, n: number): Promise<Rows> {
  const bytes = await files.read(sidecar(dir, n));
  const head = bytes && headIn(bytes);
  const body = head && bytes.subarray(head.end);
  if (body && body.length === head.head.count * ROW_BYTES && crc32(body) === head.head.crc)
    return new Rows(head.head.count, body);
  const scan = await scanIndexFile(files, indexFile(dir, n));
  await writeSidecar(files, dir, n, scan).catch(() => undefined); // a full disk does not keep anybody from reading
  return scan.rows;
}

async function readHead(files: Files, dir: string, n: number) {
  const start = await files.readAt(sidecar(dir, n), 0, HEAD);
  if (!start || start.includes(NEWLINE)) return start && headIn(start);
  const whole = await files.read(sidecar(dir, n));
  return whole && headIn(whole);
}

function headIn(bytes: Uint8Array): { head: z.infer<typeof Head>; end: number } | undefined {
  const end = bytes.indexOf(NEWLINE);
  const head = end < 0 ? undefined : Head.safeParse(unseal(bytes.subarray(0, end))).data;
  return head && { head, end: end + 1 };
}

function summaryOf({ lastSeq, amendments, keys }: z.infer<typeof Head>): Summary {
  const there = keys === undefined ? undefined : decodeKeys(keys);
  return {
    lastSeq,
    amendments,
    mayHold: (wanted) => !there || keysOf(wanted).every((any) => any.some((key) => isIn(there, key))),
  };
}

function sidecar(dir: string, n: number): string {
  return indexFile(dir, n).replace(/jsonl$/, 'rows');
}

function encodeKeys(keys: readonly number[]): string {
  return Buffer.from(Uint32Array.from(keys).sort().buffer).toString('base64');
}

function decodeKeys(text: string): Uint32Array {
  const bytes = new Uint8Array(Buffer.from(text, 'base64')); // a copy that begins where numbers may begin
  return new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
}

function isIn(sorted: Uint32Array, key: number): boolean {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < key) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === key;
}
