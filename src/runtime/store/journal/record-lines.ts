import type { Files } from '../../ports.ts';
import { type Line, readLines } from '../lines.ts';
import { RECORD_START, readMarks } from './record-line.ts';

/** A segment's lines. Where damage swallowed a newline, the whole records around it are lines all the same. */
export async function* recordLines(files: Files, path: string): AsyncGenerator<readonly Line[]> {
  for await (const lines of readLines(files, path)) {
    yield lines.flatMap((line) => (readMarks(line.bytes) ? [line] : split(line)));
  }
}

/** Cuts a bad line before each thing that looks like a record. A record's own text can't: its quotes are escaped. */
function split(line: Line): readonly Line[] {
  const bytes = Buffer.from(line.bytes.buffer, line.bytes.byteOffset, line.bytes.byteLength);
  const starts: number[] = [];
  for (let at = bytes.indexOf(RECORD_START); at >= 0; at = bytes.indexOf(RECORD_START, at + 1)) starts.push(at);
  if (starts.length === 0 || (starts.length === 1 && starts[0] === 0)) return [line];
  const pieces: Line[] =
    starts[0] === 0 ? [] : [{ bytes: bytes.subarray(0, starts[0]), offset: line.offset, ended: false }];
  for (const [i, start] of starts.entries()) {
    const end = starts[i + 1];
    const offset = line.offset + start;
    if (end === undefined) pieces.push({ bytes: bytes.subarray(start), offset, ended: line.ended });
    else if (readMarks(bytes.subarray(start, end - 1)))
      pieces.push({ bytes: bytes.subarray(start, end - 1), offset, ended: true });
    else pieces.push({ bytes: bytes.subarray(start, end), offset, ended: false });
  }
  return pieces;
}
