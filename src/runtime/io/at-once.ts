import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  open,
  openSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { errorCode } from '../model/file-error.ts';

/*
 * The small steps on names and small files, done at once instead of by a thread of the pool: each takes some ten
 * microseconds where the way through the pool takes some hundred, and the pool's few threads stay free for fsync,
 * which everybody waits for. Whatever may take long (fsync, big files, long folders) does not belong here.
 */

/** Names that begin like this are ours and unfinished: a crash may leave them, anybody may remove them when old. */
export const TEMP_PREFIX = '.ym-tmp-';

export function statNow(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (errorCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

export function removeNow(path: string): 'removed' | 'missing' {
  try {
    unlinkSync(path);
    return 'removed';
  } catch (error) {
    if (isMissing(error)) return 'missing';
    throw error;
  }
}

export function moveNow(from: string, to: string): 'moved' | 'missing' {
  try {
    renameSync(from, to);
    return 'moved';
  } catch (error) {
    if (isMissing(error) && statNow(from) === undefined) return 'missing';
    throw error;
  }
}

export function moveNewNow(from: string, to: string): 'moved' | 'missing' | 'exists' {
  try {
    linkSync(from, to); // link(2), unlike rename(2), never replaces
  } catch (error) {
    if (isMissing(error) && statNow(from) === undefined) return 'missing';
    if (errorCode(error) !== 'EEXIST') throw error;
    if (!linkedTwice(from, to)) return 'exists';
  }
  unlinkSync(from);
  return 'moved';
}

/** A crash between link and unlink leaves one file under both names: the rest of that move is then the unlink. */
function linkedTwice(from: string, to: string): boolean {
  if (resolve(from) === resolve(to)) return false;
  const [a, b] = [statNow(from), statNow(to)];
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev && a.nlink > 1;
}

export async function replaceSoon(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  await withTemp(path, bytes, mode, (temp) => renameSync(temp, path));
}

export function createSoon(path: string, bytes: Uint8Array, mode: number): Promise<'created' | 'exists'> {
  return withTemp(path, bytes, mode, (temp) => (moveNewNow(temp, path) === 'exists' ? 'exists' : 'created'));
}

const openInPool = promisify(open);
const OURS = randomBytes(8).toString('hex');
let temps = 0;

/**
 * Only the making of the file goes through the pool: it may have to read the disk. Whatever comes of the last step, no
 * temp stays behind.
 */
async function withTemp<T>(path: string, bytes: Uint8Array, mode: number, last: (temp: string) => T): Promise<T> {
  const temp = join(dirname(path), `${TEMP_PREFIX}${OURS}${temps++}`);
  const fd = await openInPool(temp, 'wx', mode);
  let done = false;
  try {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } finally {
      closeSync(fd);
    }
    const result = last(temp);
    done = result !== 'exists';
    return result;
  } finally {
    if (!done) removeNow(temp);
  }
}

/** The whole of a small regular file; `later` when it is something else, or too big to be read at once. */
export function readNow(path: string, most: number): Uint8Array | 'missing' | 'later' {
  return withRegular(path, (fd, size) => {
    if (size > most) return 'later';
    const bytes = Buffer.allocUnsafe(size + 1); // one more, to see that it ends here
    const filled = fillNow(fd, bytes, 0);
    return filled > size ? 'later' : bytes.subarray(0, filled);
  });
}

/** A small part of a regular file; `later` when it is something else. */
export function readAtNow(path: string, offset: number, length: number): Uint8Array | 'missing' | 'later' {
  return withRegular(path, (fd, size) => {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - offset)));
    return bytes.subarray(0, fillNow(fd, bytes, offset));
  });
}

function withRegular(
  path: string,
  read: (fd: number, size: number) => Uint8Array | 'later',
): Uint8Array | 'missing' | 'later' {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    return isMissing(error) ? 'missing' : 'later';
  }
  try {
    const stat = fstatSync(fd);
    return stat.isFile() ? read(fd, stat.size) : 'later';
  } finally {
    closeSync(fd);
  }
}

function fillNow(fd: number, bytes: Uint8Array, offset: number): number {
  let filled = 0;
  for (let read = 1; read > 0 && filled < bytes.length; filled += read)
    read = readSync(fd, bytes, filled, bytes.length - filled, offset + filled);
  return filled;
}

function isMissing(error: unknown): boolean {
  return errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR';
}
