import { NotARegularFile } from '../model/file-error.ts';
import type { Files } from '../ports.ts';

export type FileReading = Pick<Files, 'stat' | 'readAt'>;

const NEWLINE = 0x0a;
const CHUNK = 1_048_576;
/** A line that is longer is a picture or worse: it is passed over. */
const LONGEST_LINE = 16 * CHUNK;

/** Of a regular file. */
export async function sizeOf(files: FileReading, path: string): Promise<number | undefined> {
  const found = await files.stat(path);
  return found?.kind === 'file' ? found.size : undefined;
}

/** The lines between two offsets, one after the other: memory holds one piece and one line. */
export async function* linesBetween(
  files: FileReading,
  path: string,
  from: number,
  to: number,
): AsyncGenerator<Buffer, void, undefined> {
  let begun: Buffer[] = [];
  let length = 0;
  for (let at = from; at < to; ) {
    const piece = await readPiece(files, path, at, Math.min(CHUNK, to - at));
    if (piece.length === 0) break; // it has been cut meanwhile
    at += piece.length;
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      if (length + end - start <= LONGEST_LINE) yield Buffer.concat([...begun, piece.subarray(start, end)]);
      begun = [];
      length = 0;
      start = end + 1;
    }
    length += piece.length - start;
    begun = length <= LONGEST_LINE ? [...begun, piece.subarray(start)] : [];
  }
  if (length > 0 && length <= LONGEST_LINE) yield Buffer.concat(begun); // whole, or not yet: its reader sees
}

async function readPiece(files: FileReading, path: string, offset: number, length: number): Promise<Buffer> {
  try {
    const bytes = await files.readAt(path, offset, length);
    return bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  } catch (error) {
    if (error instanceof NotARegularFile) return Buffer.alloc(0);
    throw error;
  }
}
