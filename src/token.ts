import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/*
 * The owner's token for HTTP, a file in the home.
 * 1. It is whole or absent, and readable for its owner alone, at every moment.
 * 2. Making it never replaces one that is there; only `rotateToken` does.
 */

const BYTES = 32;
const SHAPE = /^[\x21-\x7e]{32,512}$/;

/** The token, made when there is none. Throws when what is there can't be one. */
export function ensureToken(path: string): string {
  const there = read(path);
  if (there !== undefined) return there;
  const fresh = write(path);
  try {
    linkSync(fresh.path, path); // invariant 2: fails where another was quicker
    syncFolder(path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    unlinkSync(fresh.path);
  }
  return read(path) ?? fresh.token;
}

/** A new token in the old one's place. */
export function rotateToken(path: string): string {
  const { token, path: fresh } = write(path);
  renameSync(fresh, path); // invariant 1
  syncFolder(path);
  return token;
}

function read(path: string): string | undefined {
  try {
    const token = readFileSync(path, 'utf8').trim();
    if (!SHAPE.test(token)) {
      throw new Error(`${path} holds no usable token. To make a new one: yardmaster token --rotate`);
    }
    if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600); // invariant 1, also for one that was put there
    return token;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function write(path: string): { token: string; path: string } {
  const token = randomBytes(BYTES).toString('hex');
  const fresh = join(dirname(path), `.token-${randomBytes(8).toString('hex')}`);
  const fd = openSync(fresh, 'wx', 0o600);
  try {
    writeSync(fd, `${token}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  return { token, path: fresh };
}

function syncFolder(path: string): void {
  const fd = openSync(dirname(path), 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function codeOf(error: unknown): unknown {
  return (error as NodeJS.ErrnoException).code;
}
