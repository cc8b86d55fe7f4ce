import { Duration } from '../runtime/model/duration.ts';
import { type Refusal, refuse } from '../runtime/model/refusal.ts';

/** `12h` before now, or an ISO time; milliseconds since the epoch. */
export function parseSince(field: string, given: string, now: number): number | Refusal {
  const ago = /^\d+(\.\d+)?(ms|s|m|h|d)$/.test(given) ? Duration.parse(given) : undefined;
  if (ago !== undefined) return now - ago;
  const at = /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : Number.NaN;
  if (!Number.isNaN(at)) return at;
  return refuse(
    'invalid',
    `${field} is ${JSON.stringify(given.slice(0, 80))}`,
    'allowed: an ISO time such as 2026-12-01T08:00:00Z, or how long ago: 30m, 12h, 2d',
  );
}
