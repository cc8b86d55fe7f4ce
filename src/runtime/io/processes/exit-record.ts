import { closeSync, existsSync, fsync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { SeenEnd } from './talk.ts';

/*
 * How a run ended, for whoever comes later. What must hold:
 *
 * 1. `exit` appears whole: no kill leaves half of it, and what a power cut leaves of it says nothing.
 * 2. It is on disk unless the end is known to be in the journal: then nobody will ask for it.
 */

const synced = promisify(fsync);
const AGAIN_MS = 1_000;

/** Settles when nothing is left to do; `written` is called when others can read it, or when the disk refuses it. */
export async function recordExit(
  dir: string,
  end: SeenEnd,
  journalled: Promise<boolean>,
  written: () => void,
): Promise<void> {
  let told = false;
  const tell = () => {
    if (!told) written();
    told = true;
  };
  await untilDone(
    dir,
    async () => {
      const fd = openSync(join(dir, 'exit.new'), 'w', 0o600);
      try {
        writeSync(fd, `${JSON.stringify(end)}\n`);
        renameSync(join(dir, 'exit.new'), join(dir, 'exit')); // 1
        tell();
        if (!(await journalled)) await synced(fd); // 2
      } finally {
        closeSync(fd);
      }
    },
    tell,
  );
}

/**
 * A full disk is waited for: what is to be written may be known nowhere else. Where the run directory is gone there is
 * nobody to read it.
 */
export async function untilDone(dir: string, act: () => Promise<void> | void, failed = () => {}): Promise<void> {
  for (;;) {
    try {
      return await act();
    } catch {
      failed();
      if (!existsSync(dir)) return;
      await wait(AGAIN_MS);
    }
  }
}
