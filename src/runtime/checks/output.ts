import { createHash } from 'node:crypto';
import type { Files } from '../ports.ts';
import { runFiles } from '../runs/order.ts';
import { readTail, sizeOf } from '../runs/reader.ts';

type Reading = Pick<Files, 'stat' | 'readAt'>;

const PIECE = 1_048_576;
const MAX_TAIL = 12_288;

/** Of both streams together, in bytes. */
export async function outputSize(files: Reading, dir: string): Promise<number> {
  const { stdout, stderr } = runFiles(dir);
  return ((await sizeOf(files, stdout)) ?? 0) + ((await sizeOf(files, stderr)) ?? 0);
}

/** All that it printed, then all that it complained about. */
export async function outputSum(files: Reading, dir: string): Promise<string> {
  const sum = createHash('sha256');
  const { stdout, stderr } = runFiles(dir);
  for (const path of [stdout, stderr]) {
    const size = (await sizeOf(files, path)) ?? 0;
    for (let at = 0; at < size; ) {
      const piece = await files.readAt(path, at, Math.min(PIECE, size - at));
      if (piece === undefined || piece.length === 0) break;
      sum.update(piece);
      at += piece.length;
    }
  }
  return sum.digest('hex');
}

/** The ends of what it printed and complained about, clean; what it complained about comes last, as it does on a screen. */
export async function outputTail(files: Reading, dir: string): Promise<string> {
  const { stdout, stderr } = runFiles(dir);
  const complained = (await readTail(files, stderr, MAX_TAIL / 2)).text.trim();
  const printed = (await readTail(files, stdout, complained === '' ? MAX_TAIL : MAX_TAIL / 2)).text.trim();
  return [printed, complained].filter((text) => text !== '').join('\n\n');
}
