import { closeSync, existsSync, fsync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { SeenEnd } from './talk.ts';

const synced = promisify(fsync);
const AGAIN_MS = 1_000;

/** Leaves `exit` whole and on disk. */
export function recordExit(dir: string, end: SeenEnd): Promise<void> {
  return untilDone(dir, () => write(join(dir, 'exit'), `${JSON.stringify(end)}\n`));
}

/**
 * A full disk is waited for: what is to be written may be known nowhere else. Where the run directory is gone there is
 * nobody to read it.
 */
export async function untilDone(dir: string, act: () => Promise<void> | void): Promise<void> {
  for (;;) {
    try {
      return await act();
    } catch {
      if (!existsSync(dir)) return;
      await wait(AGAIN_MS);
    }
  }
}

async function write(path: string, text: string): Promise<void> {
  const temp = `${path}.new`;
  const fd = openSync(temp, 'w', 0o600);
  try {
    writeSync(fd, text);
    await synced(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temp, path);
}
