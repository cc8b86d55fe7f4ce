/*
 * When a limit ends, from the words in which the program says so: `resets 9:42am (UTC)`, `resets Nov 23, 4:16pm (UTC)`,
 * `resets 3pm (Europe/Berlin)`, and `usage limit reached|1795278211` of older versions.
 */

const EPOCH = /limit reached\|(\d{10})\b/i;
const WORDS =
  /\bresets?(?: (?:at|on))? (?:([A-Z][a-z]{2})[a-z]* (\d{1,2})(?:, (\d{4}))?(?:,| at|) )?(\d{1,2})(?::(\d{2}))? ?([ap]m)\b(?: \(([A-Za-z0-9_+/-]{1,40})\))?/i;
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const MINUTE = 60_000;
const DAY = 86_400_000;
/** What is shown is cut to minutes, and was worked out a little earlier: a time just past is not next day's. */
const LATE = 5 * MINUTE;

/** In ms; undefined where nothing is said, or in a zone that this machine doesn't know. */
export function limitEnd(text: string, now: number): number | undefined {
  const epoch = EPOCH.exec(text)?.[1];
  if (epoch !== undefined) return Number(epoch) * 1_000;
  const found = WORDS.exec(text);
  if (found === null) return undefined;
  const [, month, day, year, hour, minute = '0', half = '', zone] = found;
  const clock = { hour: (Number(hour) % 12) + (half.toLowerCase() === 'pm' ? 12 : 0), minute: Number(minute) };
  if (Number(hour) < 1 || Number(hour) > 12 || clock.minute > 59) return undefined;
  const wall = wallClock(zone);
  if (wall === undefined) return undefined;
  if (month === undefined) return nextOf(clock, wall, now);
  const index = MONTHS.indexOf(month.toLowerCase());
  return index === -1 ? undefined : dated({ month: index, day: Number(day), year, ...clock }, wall, now);
}

interface Clock {
  readonly hour: number;
  readonly minute: number;
}

/** Today's, or tomorrow's when that is past. */
function nextOf({ hour, minute }: Clock, wall: Wall, now: number): number {
  const [year, month, day] = partsOf(wall, now);
  const today = instantOf(wall, Date.UTC(year, month, day, hour, minute));
  return today >= now - LATE ? today : instantOf(wall, Date.UTC(year, month, day + 1, hour, minute));
}

function dated(
  when: Clock & { readonly month: number; readonly day: number; readonly year: string | undefined },
  wall: Wall,
  now: number,
): number {
  const [current] = partsOf(wall, now);
  const inYear = (year: number) => instantOf(wall, Date.UTC(year, when.month, when.day, when.hour, when.minute));
  if (when.year !== undefined) return inYear(Number(when.year));
  const soon = inYear(current);
  return soon >= now - DAY ? soon : inYear(current + 1);
}

// ── clocks on walls ─────────────────────────────────────────────────────────

type Wall = Intl.DateTimeFormat;

function wallClock(zone: string | undefined): Wall | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', {
      ...(zone !== undefined && { timeZone: zone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
  } catch {
    return undefined; // a RangeError: no zone of that name
  }
}

function partsOf(wall: Wall, at: number): [year: number, month: number, day: number, hour: number, minute: number] {
  const parts = Object.fromEntries(wall.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  return [parts.year ?? 0, (parts.month ?? 1) - 1, parts.day ?? 1, parts.hour ?? 0, parts.minute ?? 0];
}

/** The moment at which that clock shows this time, given as if it were UTC. */
function instantOf(wall: Wall, shown: number): number {
  const offsetAt = (at: number) => Date.UTC(...partsOf(wall, at)) - Math.floor(at / MINUTE) * MINUTE;
  const near = shown - offsetAt(shown);
  return shown - offsetAt(near); // once more: a clock may change in between
}
