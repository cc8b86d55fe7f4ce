import { join } from 'node:path';
import { z } from 'zod';
import { FinishedTask } from '../model/task.ts';
import type { Files } from '../ports.ts';
import { Rows } from './finished-rows.ts';
import { readLines } from './lines.ts';
import { unseal } from './sealed-line.ts';

/** A task that was finished before got a successor. */
export const Amendment = z.object({
  amend: FinishedTask.pick({ project: true, id: true }).extend({ retried_as: z.string() }),
});
export type Amendment = z.infer<typeof Amendment>;

/** What a search looks at; the rest of a line is read when it is shown. */
const TaskRow = FinishedTask.pick({ project: true, state: true, group: true, finished_seq: true });

/** The task in a line; undefined where the line is damaged or something else. */
export function taskIn(bytes: Uint8Array): FinishedTask | undefined {
  return FinishedTask.safeParse(unseal(bytes)).data;
}

export function indexFile(dir: string, n: number): string {
  return join(dir, `${String(n).padStart(8, '0')}.jsonl`);
}

/** The numbers of the index's files, in order. */
export async function listIndex(files: Files, dir: string): Promise<number[]> {
  const names = (await files.list(dir))?.map((entry) => /^(\d{8})\.jsonl$/.exec(entry.name)?.[1]) ?? [];
  return names.flatMap((digits) => (digits === undefined ? [] : [Number(digits)])).sort((a, b) => a - b);
}

/** What an index file holds. */
export interface IndexFileScan {
  readonly lastSeq: number | undefined;
  readonly amendments: readonly Amendment['amend'][];
  readonly rows: Rows;
  /** Up to here it may be relied on: later lines are in the journal still. */
  readonly soundTo: number;
  readonly size: number;
}

/** Reads a file of bounded size. A bad line before the newest mark is later damage and skipped; after it, it is torn. */
export async function scanIndexFile(files: Files, path: string): Promise<IndexFileScan> {
  const rows = new Rows();
  let lastSeq: number | undefined;
  const amendments: Amendment['amend'][] = [];
  let size = 0;
  let torn: { offset: number; lastSeq: number | undefined; amendments: number; rows: number } | undefined;
  for await (const lines of readLines(files, path)) {
    for (const { bytes, offset, ended } of lines) {
      size = offset + bytes.length + (ended ? 1 : 0);
      const value = ended ? unseal(bytes) : undefined;
      if (!value) torn ??= { offset, lastSeq, amendments: amendments.length, rows: rows.count };
      else if (value.synced === true) torn = undefined;
      else if ('amend' in value) amendments.push(...amendmentIn(value));
      else {
        const task = TaskRow.safeParse(value).data;
        if (!task) continue; // whole, but of a kind that this version doesn't know
        lastSeq = Math.max(lastSeq ?? 0, task.finished_seq); // 0: found as a file
        rows.push(task, offset, bytes.length);
      }
    }
  }
  if (!torn) return { lastSeq, amendments, rows, soundTo: size, size };
  rows.count = torn.rows;
  return { lastSeq: torn.lastSeq, amendments: amendments.slice(0, torn.amendments), rows, soundTo: torn.offset, size };
}

function amendmentIn(value: object): Amendment['amend'][] {
  const { data } = Amendment.safeParse(value);
  return data ? [data.amend] : [];
}
