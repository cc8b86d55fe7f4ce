import { usage } from './failure.ts';

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** `12h`, `90s`, `1h30m`, or seconds; in milliseconds. */
export function parseDuration(text: string, option: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  if (!/^(\d+(\.\d+)?[smhd])+$/.test(text))
    throw usage(`${option}: "${text}" is not a duration`, 'Allowed: 90s, 5m, 12h, 2d, 1h30m, or seconds.');
  return [...text.matchAll(/(\d+(?:\.\d+)?)([smhd])/g)].reduce(
    (total, [, amount, unit]) => total + Number(amount) * (UNITS.find(([name]) => name === unit)?.[1] ?? 0),
    0,
  );
}

/** A duration back from now, or a date, as an ISO string. */
export function parseSince(text: string, now: number, option: string): string {
  const date = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return new Date(Number.isNaN(date) ? now - parseDuration(text, option) : date).toISOString();
}

/** `2h` from now, or a date that is still to come. */
export function timeAhead(text: string, now: number, option: string): number {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : now + parseDuration(text, option);
  if (Number.isNaN(at) || at <= now) throw usage(`${option}: "${text}" is no time that is still to come`);
  return at;
}

/** `3m ago`, `in 2h`; whole units, the largest that fits. What is to come is rounded: `--for 2h` is not over `in 1h`. */
export function relative(iso: string | undefined, now: number): string {
  const time = iso === undefined ? Number.NaN : Date.parse(iso);
  if (Number.isNaN(time)) return '';
  const gap = Math.abs(now - time);
  if (gap < 1_000) return 'now';
  return time > now ? `in ${nearly(gap)}` : `${span(gap)} ago`;
}

/** `45s`, `3m`, `2h`, `5d`. */
export function span(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms >= length) ?? ['s', 1_000];
  return `${Math.floor(ms / size)}${unit}`;
}

/** Like `span`, to the nearest; a minute that lacks a second is a minute. */
function nearly(ms: number): string {
  const [unit, size] = UNITS.find(([, length]) => ms >= length * 0.98) ?? ['s', 1_000];
  return `${Math.max(1, Math.ceil(ms / size - 0.5))}${unit}`;
}

/** `14:03:07` today, with the date on other days. */
export function clockTime(at: number, now: number): string {
  const iso = new Date(at).toISOString();
  const sameDay = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return sameDay ? iso.slice(11, 19) : iso.slice(0, 19).replace('T', ' ');
}
