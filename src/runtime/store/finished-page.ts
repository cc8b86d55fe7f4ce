import type { FinishedTask as Finished } from '../model/task.ts';
import { taskIn } from './finished-file.ts';
import { fits, type Rows, type Wanted } from './finished-rows.ts';

/*
 * A page is found in the rows, newest first, and only its own lines are read: it costs the same however much was done.
 */

const AT_ONCE = 64 * 1024; // bytes of neighbouring lines in one read
const APART = 2 * 1024; // lines with no more than this between them are neighbours
const MOST_ROWS = 200_000; // some twenty files

export interface PageQuery {
  readonly limit: number;
  /** From an earlier page's `next`. */
  readonly cursor?: string;
  readonly wanted?: Wanted;
  readonly filter?: (task: Finished) => boolean;
  /** True for a task that is older than what is wanted: the page ends there. */
  readonly until?: (task: Finished) => boolean;
  /** Rows to look at, at most; then the page ends early with a `next`. */
  readonly maxScan?: number;
}

export interface Page {
  /** Newest first. */
  readonly tasks: readonly Finished[];
  readonly next?: string;
}

/** The files of the index, by number. */
export interface IndexFiles {
  readonly newest: number;
  /** The newest one up to `n` in which something wanted may be. */
  atMost(n: number, wanted: Wanted): number | undefined;
  rows(n: number): Promise<Rows>;
  read(n: number, offset: number, length: number): Promise<Uint8Array | undefined>;
}

export async function readPage(files: IndexFiles, query: PageQuery): Promise<Page> {
  const { limit, cursor, wanted = {}, filter = () => true, until = () => false, maxScan = MOST_ROWS } = query;
  const start = cursor === undefined ? undefined : parseCursor(cursor, files.newest);
  const tasks: Finished[] = [];
  let left = maxScan;
  for (let n = files.atMost(start?.number ?? files.newest, wanted); n !== undefined; n = files.atMost(n - 1, wanted)) {
    const rows = await files.rows(n);
    let end = n === start?.number ? rows.before(start.offset) : rows.count;
    while (end > 0) {
      if (left <= 0) return { tasks, next: cursorOf(n, rows, end) };
      const room = limit - tasks.length;
      const { found, next } = rows.find(wanted, end, { found: room + 1, looked: left }); // one more: does a page follow?
      const shown = found.slice(0, room);
      const more = found.length > room;
      const looked = more ? (shown.at(-1) ?? end) : next;
      for (const task of await tasksAt(files, n, rows, shown)) {
        if (until(task)) return { tasks };
        if (fits(wanted, task) && filter(task)) tasks.push(task);
      }
      if (more && tasks.length >= limit) return { tasks, next: cursorOf(n, rows, looked) };
      left -= end - looked;
      end = looked;
    }
  }
  return { tasks };
}

/** The tasks of some rows, newest first; neighbouring lines are read together. */
async function tasksAt(files: IndexFiles, n: number, rows: Rows, wanted: readonly number[]): Promise<Finished[]> {
  const tasks: Finished[] = [];
  for (const run of runsOf(wanted.map((row) => rows.place(row)))) {
    const from = run.at(-1)?.offset ?? 0;
    const bytes = await files.read(n, from, endOf(run[0]) - from);
    for (const { offset, length } of run) {
      const task = bytes && taskIn(bytes.subarray(offset - from, offset - from + length));
      if (task) tasks.push(task); // a line that was damaged since is left out
    }
  }
  return tasks;
}

type Place = ReturnType<Rows['place']>;

function runsOf(places: readonly Place[]): Place[][] {
  const runs: Place[][] = [];
  for (const place of places) {
    const run = runs.at(-1);
    const near = run && (run.at(-1)?.offset ?? 0) - endOf(place) <= APART && endOf(run[0]) - place.offset <= AT_ONCE;
    if (near) run.push(place);
    else runs.push([place]);
  }
  return runs;
}

function endOf(place: Place | undefined): number {
  return place === undefined ? 0 : place.offset + place.length;
}

function cursorOf(n: number, rows: Rows, end: number): string {
  const offset = end < rows.count ? rows.place(end).offset : endOf(rows.place(rows.count - 1));
  return `${n}:${offset}`;
}

/** Anything else than a cursor of ours points at the beginning, where nothing follows. */
function parseCursor(cursor: string, newest: number): { number: number; offset: number } {
  const [, number, offset] = /^(\d{1,8}):(\d{1,15})$/.exec(cursor) ?? [];
  return { number: Math.min(newest, Number(number ?? 0)), offset: Number(offset ?? 0) };
}
