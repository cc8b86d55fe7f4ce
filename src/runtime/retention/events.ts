import type { JournalRecord } from '../model/event.ts';
import type { FileStore } from '../store/file-store.ts';
import type { PastEvents } from './past-events.ts';

type Query = { readonly after?: number; readonly limit: number };

/** The journal's events, and before them those of the past: one row of numbers. */
export async function readEvents(
  store: Pick<FileStore, 'events'>,
  past: PastEvents,
  { after, limit }: Query,
): Promise<readonly JournalRecord[]> {
  if (after === undefined) {
    const recent = await store.events({ limit });
    const older = await past.before(recent[0]?.seq ?? Number.MAX_SAFE_INTEGER, limit - recent.length);
    return [...older, ...recent];
  }
  const older = await past.after(after, limit);
  if (older.length >= limit) return older;
  const from = older.at(-1)?.seq ?? after;
  const recent = await store.events({ after: from, limit: limit - older.length });
  const moved = (recent[0]?.seq ?? 0) > from + 1; // a segment may have gone over while this was read
  const between = moved ? await past.after(from, limit - older.length) : [];
  return [...older, ...between, ...recent.filter(({ seq }) => seq > (between.at(-1)?.seq ?? from))].slice(0, limit);
}
