import { z } from 'zod';

const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/;
const UNIT: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A hundred years: a time that far from now can still be written as a date, and is as good as never. */
const LONGEST_MS = 36_500 * 86_400_000;

/** `30s`, `5m`, `1h`, or seconds as a number; becomes milliseconds. */
export const Duration = z
  .union([z.number().nonnegative(), z.string().regex(DURATION, 'a duration such as 30s, 5m or 1h')])
  .transform((given) => {
    if (typeof given === 'number') return Math.min(given * 1_000, LONGEST_MS);
    const [, amount, unit] = DURATION.exec(given) ?? [];
    return Math.min(Number(amount) * (UNIT[unit ?? 's'] ?? 1_000), LONGEST_MS);
  });

/** Milliseconds as a file would say them: `90s`, `1h`, `30d`. */
export function durationText(ms: number): string {
  const [unit, length] = Object.entries(UNIT).findLast(([, length]) => ms > 0 && ms % length === 0) ?? ['ms', 1];
  return `${ms / length}${unit}`;
}

/** Timers hold 31 bits; a later time is reached in steps. */
export const LONGEST_TIMER_MS = 2_000_000_000;
