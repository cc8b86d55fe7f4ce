import { dirname, join } from 'node:path';
import type { JournalRecord } from '../model/event.ts';
import type { Files } from '../ports.ts';
import { pastEventsDir } from '../store/checkpoint.ts';
import { replayRecords } from '../store/journal/replay.ts';
import { listSegments } from '../store/journal/scan.ts';
import { firstOf } from '../store/journal/segment.ts';

/** One file of events that the journal needs no more. */
export interface PastFile {
  readonly path: string;
  readonly size: number;
  /** When its newest event was written. */
  readonly newest: number;
}

/** Events that are older than the journal: the state never needs them again, people may. */
export class PastEvents {
  readonly #files: Files;
  readonly #journal: string;
  readonly #dir: string;

  constructor(files: Files, journal: string, epoch: string) {
    this.#files = files;
    this.#journal = journal;
    this.#dir = pastEventsDir(journal, epoch);
  }

  /** Those after a number, oldest first; nothing where the journal itself has them. */
  async after(seq: number, limit: number): Promise<JournalRecord[]> {
    const [first] = await listSegments(this.#files, this.#journal);
    if (first !== undefined && seq + 1 >= (firstOf(first) ?? 0)) return [];
    return this.#read(await listSegments(this.#files, this.#dir), seq + 1, Number.MAX_SAFE_INTEGER, limit);
  }

  /** The newest before a number, oldest first. */
  async before(seq: number, limit: number): Promise<JournalRecord[]> {
    const names = await listSegments(this.#files, this.#dir);
    const found: JournalRecord[] = [];
    for (const name of names.reverse()) {
      if (found.length >= limit) break;
      const records = await this.#read([name], 1, seq - 1, Number.MAX_SAFE_INTEGER, limit);
      found.unshift(...records);
    }
    return found.slice(-limit);
  }

  /** Those from a number on, oldest first: a chunk is in memory at a time. */
  async *records(from: number): AsyncGenerator<JournalRecord> {
    const names = await listSegments(this.#files, this.#dir);
    for await (const { record } of replayRecords(this.#files, this.#dir, names, from, Number.MAX_SAFE_INTEGER))
      yield record;
  }

  /** The number at which each file begins. */
  async beginnings(): Promise<number[]> {
    return (await listSegments(this.#files, this.#dir)).flatMap((name) => firstOf(name) ?? []);
  }

  /** All files of all journals that this home ever had, oldest first. */
  async files(): Promise<PastFile[]> {
    const root = dirname(this.#dir);
    const found: PastFile[] = [];
    for (const { name } of (await this.#files.list(root)) ?? []) {
      for (const segment of await listSegments(this.#files, join(root, name))) {
        const path = join(root, name, segment);
        const stat = await this.#files.stat(path);
        if (stat) found.push({ path, size: stat.size, newest: stat.mtimeMs });
      }
    }
    return found.sort((a, b) => a.newest - b.newest);
  }

  /** At most `limit` from the front; of those, with `keep`, only the last so many stay in memory. */
  async #read(
    names: readonly string[],
    from: number,
    to: number,
    limit: number,
    keep = limit,
  ): Promise<JournalRecord[]> {
    const records: JournalRecord[] = [];
    if (limit <= 0 || names.length === 0) return records;
    for await (const { record } of replayRecords(this.#files, this.#dir, names, from, to)) {
      records.push(record);
      if (records.length > keep) records.shift();
      if (records.length >= limit) break;
    }
    return records;
  }
}

/** Which files go: what is older than wanted, and the oldest of what is more than wanted. */
export function surplus(
  files: readonly PastFile[],
  wanted: { readonly since: number; readonly bytes: number },
): readonly PastFile[] {
  let left = files.reduce((total, { size }) => total + size, 0);
  return files.filter(({ newest, size }) => {
    const goes = newest < wanted.since || left > wanted.bytes;
    if (goes) left -= size;
    return goes;
  });
}
