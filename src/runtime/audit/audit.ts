import type { JournalRecord } from '../model/event.ts';
import { type ProjectNames, shownIn } from '../model/shown-event.ts';
import type { AuditEntry, AuditPage, AuditQuery } from '../yard.ts';

/*
 * Who did what, and when: the kept events that somebody asks for. What must hold:
 *
 * 1. Memory is bounded by what is asked for, however long the history is: it is read in chunks, and only matches stay.
 * 2. No call takes long: a page ends where enough was looked at, and says where the next one begins.
 * 3. A record is in a page as a whole, so its number is enough to go on.
 */

const MOST_LOOKED_AT = 50_000;

export interface History {
  /** From a number on, oldest first. */
  from(seq: number): AsyncIterable<JournalRecord>;
  /** The numbers at which pieces begin that can be read by themselves, oldest first. */
  beginnings(): Promise<readonly number[]>;
  newest(): number;
}

export async function audit(history: History, query: AuditQuery, names: ProjectNames): Promise<AuditPage> {
  const newest = history.newest();
  const page = await (query.order === 'oldest' ? forwards : backwards)(history, query, names, newest);
  return { ...page, newest };
}

type Page = Omit<AuditPage, 'newest'>;
type Read = (history: History, query: AuditQuery, names: ProjectNames, newest: number) => Promise<Page>;

const forwards: Read = async (history, query, names, newest) => {
  const entries: AuditEntry[] = [];
  let looked = 0;
  for await (const record of history.from(await beginningFor(history, query))) {
    if (record.seq > newest) break;
    entries.push(...entriesOf(record, query, names));
    looked += 1;
    if (entries.length >= query.limit || looked >= MOST_LOOKED_AT) return { entries, next: record.seq }; // 2, 3
  }
  return { entries };
};

/** Pieces that ended before the time that is asked for need not be read. */
async function beginningFor(history: History, { from = 0, since }: AuditQuery): Promise<number> {
  if (since === undefined) return from + 1;
  const all = await history.beginnings();
  for (const first of [...all].reverse()) {
    if (first <= from + 1) break;
    if ((await timeAt(history, first)) < since) return first;
  }
  return from + 1;
}

/** Piece by piece from the newest; within one, the last matches are kept. */
const backwards: Read = async (history, query, names, newest) => {
  const before = query.from ?? newest + 1;
  const found: AuditEntry[][] = []; // by record, newest first
  let [count, looked] = [0, 0];
  let end = before;
  const starts = (await history.beginnings()).filter((first) => first < before).reverse();
  for (const first of starts) {
    const piece = await lastOf(history, { first, end }, { ...query, limit: query.limit - count }, names);
    found.push(...piece.found);
    count += piece.count;
    looked += piece.looked;
    end = first;
    const oldest = found.at(-1)?.[0];
    if (count >= query.limit && oldest) return { entries: found.flat(), next: oldest.seq };
    if (first === starts.at(-1) || (query.since !== undefined && piece.at < query.since)) break;
    if (looked >= MOST_LOOKED_AT) return { entries: found.flat(), next: first }; // 2
  }
  return { entries: found.flat() };
};

interface Piece {
  readonly found: AuditEntry[][];
  readonly count: number;
  readonly looked: number;
  /** When it begins. */
  readonly at: number;
}

/** 1 */
async function lastOf(
  history: History,
  { first, end }: { readonly first: number; readonly end: number },
  query: AuditQuery,
  names: ProjectNames,
): Promise<Piece> {
  const kept: AuditEntry[][] = [];
  let [count, looked, at] = [0, 0, Number.POSITIVE_INFINITY];
  for await (const record of history.from(first)) {
    if (record.seq >= end) break;
    if (looked === 0) at = record.at;
    looked += 1;
    const entries = entriesOf(record, query, names).reverse();
    if (entries.length === 0) continue;
    kept.push(entries);
    count += entries.length;
    for (let oldest = kept[0]; oldest && count - oldest.length >= query.limit; oldest = kept[0]) {
      kept.shift();
      count -= oldest.length;
    }
  }
  return { found: kept.reverse(), count, looked, at };
}

async function timeAt(history: History, seq: number): Promise<number> {
  for await (const { at } of history.from(seq)) return at;
  return Number.POSITIVE_INFINITY;
}

function entriesOf(record: JournalRecord, query: AuditQuery, names: ProjectNames): AuditEntry[] {
  const { seq, at, cause } = record;
  if ((query.since !== undefined && at < query.since) || (query.until !== undefined && at >= query.until)) return [];
  if (query.by !== undefined && !query.by.includes(cause.by)) return [];
  return shownIn(record, names).flatMap(({ of, event }) => {
    if (query.types !== undefined && !query.types.includes(event.type)) return [];
    if (query.project !== undefined && of !== query.project) return [];
    if (query.task !== undefined && !('task' in event && event.task === query.task)) return [];
    const { call, parent } = cause;
    return [
      {
        ...{ seq, event },
        ...(call !== undefined && { call }),
        ...(parent && { parent: `${names(parent.project)}/${parent.id}` }),
      },
    ];
  });
}
