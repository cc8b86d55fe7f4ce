import type { Files } from '../ports.ts';

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;

export interface Line {
  /** Without the newline. */
  readonly bytes: Uint8Array;
  readonly offset: number;
  /** False for a last line that no newline ends. */
  readonly ended: boolean;
}

/** A file's lines, oldest first, a chunk of the file at a time; nothing where the file is not. */
export async function* readLines(files: Files, path: string, from = 0): AsyncGenerator<readonly Line[]> {
  let carry: Uint8Array = new Uint8Array();
  let offset = from; // of the first byte of `carry`
  for (;;) {
    const chunk = await files.readAt(path, offset + carry.length, CHUNK);
    if (chunk === undefined || chunk.length === 0) break;
    const bytes = carry.length === 0 ? chunk : Buffer.concat([carry, chunk]);
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE, carry.length); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      lines.push({ bytes: bytes.subarray(start, end), offset: offset + start, ended: true });
      start = end + 1;
    }
    carry = bytes.subarray(start);
    offset += start;
    if (lines.length > 0) yield lines;
  }
  if (carry.length > 0) yield [{ bytes: carry, offset, ended: false }];
}
