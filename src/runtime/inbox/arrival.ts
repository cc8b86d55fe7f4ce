import type { FileStat } from '../ports.ts';

/** The same file with the same content, as far as can be told without reading it. */
export function signature(stat: FileStat): string {
  return `${stat.ino}:${stat.size}:${stat.mtimeMs}`;
}

/**
 * A file that was renamed (or linked) into place has a change time later than its last write and is complete. An empty one
 * may have been created and chmodded a moment before it is written, so it has to be quiet like one written in place.
 */
export function arrivedWhole(stat: FileStat): boolean {
  return stat.size > 0 && stat.ctimeMs > stat.mtimeMs;
}

/**
 * Milliseconds until the file has been quiet for `settle`; 0 = now. The change time can't be forged; where it lies in the
 * future (another machine's clock) we count from when we first saw the file like this.
 */
export function quietIn(stat: FileStat, seenSince: number, now: number, settle: number): number {
  const last = stat.ctimeMs <= now ? stat.ctimeMs : seenSince;
  return Math.max(0, Math.ceil(last + settle - now));
}
