import { z } from 'zod';
import type { AccountWindow } from '../../model/profile.ts';

const MINUTE = 60_000;

/** Older releases tell in how many seconds it ends, newer ones when. */
const Window = z.object({
  used_percent: z.number().nonnegative(),
  window_minutes: z.number().positive().nullish().catch(undefined),
  resets_at: z.number().positive().nullish().catch(undefined),
  resets_in_seconds: z.number().nonnegative().nullish().catch(undefined),
});

/** Of a `token_count` of a conversation, written at that time; undefined where it tells of none. */
export function windowsOf(limits: Readonly<Record<string, unknown>>, at: number): AccountWindow[] | undefined {
  const found = ['primary', 'secondary'].flatMap((name) => {
    const window = Window.safeParse(limits[name]).data;
    return window ? [windowOf(name, window, at)] : [];
  });
  return found.length === 0 ? undefined : found;
}

function windowOf(name: string, window: z.infer<typeof Window>, at: number): AccountWindow {
  const { used_percent, window_minutes, resets_at, resets_in_seconds } = window;
  const ends = resets_at ? resets_at * 1_000 : resets_in_seconds != null && at > 0 && at + resets_in_seconds * 1_000;
  return {
    name,
    used: used_percent / 100,
    ...(ends && { resets_at: ends }),
    ...(window_minutes != null && { length_ms: window_minutes * MINUTE }),
  };
}
