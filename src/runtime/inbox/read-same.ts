import type { FileStat, Files } from '../ports.ts';
import { signature } from './arrival.ts';

/** The bytes of a file, if it is still the one that was looked at, before and after reading. */
export async function readSame(
  files: Pick<Files, 'read' | 'stat'>,
  path: string,
  stat: FileStat,
  limit: number,
): Promise<Uint8Array | 'gone' | 'changed'> {
  const read = await files.read(path, limit).catch((error: unknown) => ({ error }));
  const after = await files.stat(path);
  if (!read || !after) return 'gone';
  if (signature(after) !== signature(stat)) return 'changed'; // which may be why it could not be read
  if ('error' in read) throw read.error;
  return read.length === stat.size ? read : 'changed';
}
