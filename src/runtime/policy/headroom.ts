import type { AccountWindow } from '../model/profile.ts';

/*
 * How much room the windows leave over which a service limits an account.
 *
 * D1. A window whose reset has passed is a new one, and free; one without a reset is not looked at: it could
 *     never end. Nor is one that is to last longer than any does: files that agents can write tell of them, too.
 * D2. What counts is the share that is left beside the share of the window's time that is left: 90 % used with five minutes
 *     to go is full room, 90 % used with four hours to go is little. Where its length is unknown all of its time is left.
 * D3. The tightest window counts. An account of which nothing is known has full room.
 * D4. A window only fills until its reset: of two readings of one window the fuller one is the newer, whichever comes first.
 */

const LONGEST_MS = 62 * 86_400_000;
const STEP = 0.05;
/** Resets of one window are told a little apart. */
const SAME_MS = 60_000;

export interface Tightest {
  readonly window: AccountWindow & { readonly resets_at: number };
  /** 0 … 1 */
  readonly headroom: number;
}

/** D3 */
export function headroomOf(windows: readonly AccountWindow[] | undefined, now: number): number {
  return tightest(windows, now)?.headroom ?? 1;
}

export function tightest(windows: readonly AccountWindow[] = [], now: number): Tightest | undefined {
  let found: Tightest | undefined;
  for (const window of windows) {
    const { resets_at } = window;
    if (resets_at === undefined || !isOpen(resets_at, now)) continue; // D1
    const headroom = leftOf(window, resets_at - now);
    const tighter = found === undefined || headroom < found.headroom;
    const fuller = found?.headroom === headroom && window.used > found.window.used;
    if (tighter || fuller) found = { window: { ...window, resets_at }, headroom };
  }
  return found;
}

/** D1 */
export function openWindows(windows: readonly AccountWindow[] = [], now: number): AccountWindow[] {
  return windows.filter(({ resets_at }) => resets_at !== undefined && isOpen(resets_at, now));
}

function isOpen(resets_at: number, now: number): boolean {
  return resets_at > now && resets_at <= now + LONGEST_MS;
}

/** D2 */
function leftOf({ used, length_ms }: AccountWindow, time_left: number): number {
  const left = Math.max(0, 1 - used);
  const time = length_ms === undefined ? 1 : Math.min(1, time_left / length_ms);
  return Math.min(1, left / time);
}

/** As people read it: which window, how full, and until when. */
export function tightestText(windows: readonly AccountWindow[] | undefined, now: number): string | undefined {
  const found = tightest(windows, now);
  if (!found) return undefined;
  const { name, used, resets_at } = found.window;
  return `its ${name} window is ${Math.round(used * 100)} % used, resets ${new Date(resets_at).toISOString()}`;
}

/**
 * What is known after `told`, where that is worth writing down: a window that is new or has begun anew, or one that is
 * fuller by some points. Undefined where it is not.
 */
export function windowsAfter(
  known: readonly AccountWindow[],
  told: readonly AccountWindow[],
  now: number,
): AccountWindow[] | undefined {
  const kept = new Map(openWindows(known, now).map((window) => [window.name, window]));
  let matters = false;
  for (const window of openWindows(told, now)) {
    const before = kept.get(window.name);
    if (before && !isNewer(window, before)) continue;
    matters ||= !before || isAnother(window, before) || window.used >= before.used + STEP - 1e-9;
    matters ||= window.used >= 1; // the last points are few
    kept.set(window.name, window);
  }
  return matters ? [...kept.values()] : undefined;
}

/** D4 */
function isNewer(window: AccountWindow, before: AccountWindow): boolean {
  if (isAnother(window, before)) return (window.resets_at ?? 0) > (before.resets_at ?? 0);
  return window.used > before.used;
}

function isAnother({ resets_at = 0 }: AccountWindow, before: AccountWindow): boolean {
  return Math.abs(resets_at - (before.resets_at ?? 0)) > SAME_MS;
}
