import type { JournalRecord } from '../model/event.ts';
import type { FileStore } from '../store/file-store.ts';
import type { PastEvents } from './past-events.ts';

type Query = { readonly after?: number; readonly limit: number };

/** All that are kept from a number on, oldest first: a chunk is in memory at a time. */
export async function* eventsFrom(
  store: Pick<FileStore, 'records'>,
  past: Pick<PastEvents, 'records'>,
  from: number,
): AsyncGenerator<JournalRecord> {
  let last = from - 1;
  let missed = -1; // a number that was looked for in both and is in neither
  for (let complete = false; !complete; ) {
    for await (const record of past.records(last + 1)) {
      last = record.seq;
      yield record;
    }
    complete = true;
    for await (const record of store.records(last)) {
      if (record.seq > last + 1 && missed !== last + 1) {
        missed = last + 1; // its segment may have gone over to the past while this was read
        complete = false;
        break;
      }
      last = record.seq;
      yield record;
    }
  }
}

/** The numbers at which pieces begin that can be read by themselves, oldest first. */
export async function beginnings(
  store: Pick<FileStore, 'beginnings'>,
  past: Pick<PastEvents, 'beginnings'>,
): Promise<number[]> {
  return [...new Set([...(await past.beginnings()), ...store.beginnings()])].sort((a, b) => a - b);
}

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
