import type { Cli, Structured } from '../cli.ts';
import { pause } from '../pause.ts';
import type { ToldLine } from '../views/events.ts';

/* Pages of what happened, for `events` and `audit`. A record is in a page as a whole, so its number is enough to go on. */

interface Page {
  readonly entries: readonly ToldLine[];
  readonly next?: number;
  readonly newest: number;
}

const PAGE = 500;
const LOOK_EVERY_MS = 500;

type Show = (lines: readonly ToldLine[]) => Promise<void>;

export async function pageOf(cli: Cli, query: Structured, left = Number.POSITIVE_INFINITY): Promise<Page> {
  const params = { ...query, limit: Math.min(left, PAGE) };
  return (await cli.connection().request('yardmaster/audit', params)) as Page;
}

/** The newest so many, oldest first, and where what happens from now on begins. */
export async function newestOf(cli: Cli, query: Structured, limit: number) {
  const found: ToldLine[] = [];
  let newest: number | undefined;
  for (let from: number | undefined; ; ) {
    const asked = { ...query, order: 'newest', ...(from !== undefined && { from }) };
    const page = await pageOf(cli, asked, limit - found.length);
    newest ??= page.newest;
    found.push(...page.entries);
    from = page.next;
    if (from === undefined || found.length >= limit || cli.around.signal.aborted) break;
  }
  return { lines: found.slice(0, limit).reverse(), newest };
}

/** Everything behind a number as it happens, until it is interrupted. */
export async function goOn(cli: Cli, query: Structured, after: number, show: Show): Promise<void> {
  for (let from = after; !cli.around.signal.aborted; ) {
    const page = await pageOf(cli, { ...query, order: 'oldest', from });
    await show(page.entries);
    from = page.next ?? page.newest;
    if (page.next === undefined) await pause(LOOK_EVERY_MS, cli.around.signal);
  }
}

/** What an option says with commas: names of events may be written as people write words. */
export function listed(text: string): string[] {
  return text.split(',').map((one) => one.trim().replaceAll('-', '_'));
}
