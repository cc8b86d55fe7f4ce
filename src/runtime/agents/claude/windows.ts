import type { AccountWindow } from '../../model/profile.ts';
import type { StreamLine } from './headless-records.ts';

type LimitInfo = Extract<StreamLine, { type: 'rate_limit_event' }>['rate_limit_info'];

const HOUR = 3_600_000;
const MOST = 20;

/** Claude Code tells how full a window is and when it ends, not how long it is: its name says that. */
export function windowsOf({ unifiedWindows = {} }: LimitInfo): AccountWindow[] {
  return Object.entries(unifiedWindows)
    .slice(0, MOST)
    .flatMap(([name, window]) => {
      if (!window) return [];
      const { utilization: used, resetsAt } = window;
      const length_ms = lengthOf(name);
      return {
        name: name.slice(0, 100),
        used,
        ...(resetsAt !== undefined && { resets_at: resetsAt * 1_000 }),
        ...(length_ms !== undefined && { length_ms }),
      };
    });
}

/** `seven_day_opus` is a week too. */
function lengthOf(name: string): number | undefined {
  if (name.startsWith('five_hour')) return 5 * HOUR;
  if (name.startsWith('seven_day')) return 7 * 24 * HOUR;
  return undefined;
}
