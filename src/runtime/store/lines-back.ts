import type { Files } from '../ports.ts';

const BLOCK = 64 * 1024;
const NEWLINE = 0x0a;

export interface LineBack {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

/** The lines that end at or before `end`, newest first, a block of the file at a time. `end` is where a line ends. */
export async function* readLinesBack(files: Files, path: string, end: number): AsyncGenerator<readonly LineBack[]> {
  let carry: Uint8Array = new Uint8Array(); // the tail of a line that begins in an earlier block
  let from = end;
  while (from > 0) {
    const start = Math.max(0, from - BLOCK);
    const block = await files.readAt(path, start, from - start);
    if (block === undefined || block.length < from - start) return; // it was cut meanwhile
    const bytes = Buffer.concat([block, carry]);
    const lines: LineBack[] = [];
    let stop = bytes.length; // exclusive, behind a newline
    for (;;) {
      const before = stop < 2 ? -1 : bytes.lastIndexOf(NEWLINE, stop - 2);
      if (before < 0) break;
      lines.push({ bytes: bytes.subarray(before + 1, stop - 1), offset: start + before + 1 });
      stop = before + 1;
    }
    if (start === 0 && stop > 0) lines.push({ bytes: bytes.subarray(0, stop - 1), offset: 0 });
    carry = bytes.subarray(0, stop);
    from = start;
    if (lines.length > 0) yield lines;
  }
}
