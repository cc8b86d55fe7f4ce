import type { Files } from '../ports.ts';
import { cleanText, wholeEnd, wholeEscapes, wholeStart } from './clean.ts';

const NEWLINE = 0x0a;

/** What reading needs of the files. */
export type FileReading = Pick<Files, 'stat' | 'readAt'>;

export interface LogPage {
  readonly text: string;
  readonly offset: number;
  /** Where the next page begins; the same as before when nothing new was there. */
  readonly next_offset: number;
  readonly size: number;
}

/** The next piece of a run's output from `offset` on. A character or colour that is not complete yet waits for the next page. */
export async function readPage(files: FileReading, path: string, offset: number, limit: number): Promise<LogPage> {
  const size = (await sizeOf(files, path)) ?? 0;
  const from = Math.min(offset, size);
  const read = await piece(files, path, from, Math.min(limit, size - from));
  const whole = wholeEscapes(wholeEnd(read));
  const bytes = whole.length > 0 ? whole : read; // never stand still on something that will not become complete
  return {
    text: cleanText(bytes),
    offset: from,
    next_offset: from + bytes.length,
    size,
  };
}

/** The last `limit` bytes, from the beginning of a line where there is one. */
export async function readTail(files: FileReading, path: string, limit: number): Promise<LogPage> {
  const size = (await sizeOf(files, path)) ?? 0;
  const from = Math.max(0, size - limit);
  const read = await piece(files, path, from, Math.min(limit, size - from));
  const bytes = from === 0 ? read : fromLineStart(read);
  return { text: cleanText(bytes), offset: from + read.length - bytes.length, next_offset: from + read.length, size };
}

/** The whole text where it is short, else its beginning and its end around a line that says what is missing. */
export async function readBounded(
  files: FileReading,
  path: string,
  limit: number,
): Promise<{ text: string; truncated: boolean } | undefined> {
  const size = await sizeOf(files, path);
  if (size === undefined) return undefined;
  if (size <= limit) {
    return { text: cleanText(await piece(files, path, 0, size)), truncated: false };
  }
  const half = Math.floor(limit / 2);
  const head = wholeEnd(await piece(files, path, 0, half));
  const tail = wholeStart(await piece(files, path, size - half, half));
  const missing = size - head.length - tail.length;
  const note = `[… ${missing} of ${size} bytes are left out here; all of it is in ${path} …]`;
  return { text: `${cleanText(head)}\n\n${note}\n\n${cleanText(tail)}`, truncated: true };
}

async function piece(files: FileReading, path: string, offset: number, length: number): Promise<Uint8Array> {
  const read = length > 0 ? await files.readAt(path, offset, length) : undefined;
  return read ?? new Uint8Array();
}

function fromLineStart(bytes: Uint8Array): Uint8Array {
  const newline = bytes.indexOf(NEWLINE);
  return newline === -1 || newline === bytes.length - 1 ? wholeStart(bytes) : bytes.subarray(newline + 1);
}

/** Only of a regular file: an agent may have put anything there. */
export async function sizeOf(files: FileReading, path: string): Promise<number | undefined> {
  const found = await files.stat(path);
  return found?.kind === 'file' ? found.size : undefined;
}
