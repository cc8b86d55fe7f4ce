import type { Clock, Files } from '../../ports.ts';

/*
 * Claude Code 2.1.329 locks a file by the folder `<file>.lock`: whoever makes it holds the lock, and one whose time is older
 * than `STALE_MS` was left behind. Without the lock every second change is lost while sessions begin or end.
 */

const STALE_MS = 12_000;
const PATIENCE_MS = 5_000;
const LOOK_AGAIN_MS = 25;

/** Without the lock where it can't be had in time: what others write meanwhile is read again anyway. */
export async function whileLocked<T>(
  io: { readonly files: Files; readonly clock: Clock },
  file: string,
  act: () => Promise<T>,
): Promise<T> {
  const lock = `${file}.lock`;
  const isHeld = await taken(io, lock);
  try {
    return await act();
  } finally {
    if (isHeld) await io.files.removeDir(lock);
  }
}

async function taken(
  { files, clock }: { readonly files: Files; readonly clock: Clock },
  lock: string,
): Promise<boolean> {
  for (const end = clock.now() + PATIENCE_MS; ; ) {
    const made = await files.makeNewDir(lock).catch(() => undefined); // a folder that can't be written says so itself
    if (made === 'created') return true;
    if (made === undefined || clock.now() > end) return false;
    const held = await files.stat(lock);
    if (held && clock.now() - held.mtimeMs > STALE_MS) await files.removeDir(lock).catch(() => undefined);
    else await new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve));
  }
}
