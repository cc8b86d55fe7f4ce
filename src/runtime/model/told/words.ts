import { plainLine } from '../plain-text.ts';

/* How words and times of the journal stand in a told event. */

const LONGEST = 2_000; // characters
const HALF_A_PAIR = /[\ud800-\udbff]$/;

/** Other programs' text: on one line, nothing invisible in it, and no longer than anybody reads. */
export function words(text: string): string {
  const line = plainLine(text);
  return line.length <= LONGEST ? line : `${line.slice(0, LONGEST - 1).replace(HALF_A_PAIR, '')}…`;
}

export function wordsIf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : words(text);
}

const LATEST = 8_640_000_000_000_000; // the last moment that a date can name

export function isoIf(at: number | undefined): string | undefined {
  return at === undefined || !Number.isFinite(at)
    ? undefined
    : new Date(Math.max(-LATEST, Math.min(at, LATEST))).toISOString();
}
