import { join } from 'node:path';
import { z } from 'zod';
import { FinishedTask } from '../model/task.ts';
import type { Files } from '../ports.ts';
import { readLines } from './lines.ts';
import { unseal } from './sealed-line.ts';

/** A task that was finished before got a successor. */
export const Amendment = z.object({
  amend: FinishedTask.pick({ project: true, id: true }).extend({ retried_as: z.string() }),
});
export type Amendment = z.infer<typeof Amendment>;

export type IndexLine =
  | { readonly kind: 'task'; readonly task: FinishedTask }
  | { readonly kind: 'amend'; readonly amend: Amendment['amend'] }
  /** Everything before this line was synced when it was written. */
  | { readonly kind: 'synced' }
  /** Whole, but of a kind that this version doesn't know. */
  | { readonly kind: 'other' };

export function parseIndexLine(bytes: Uint8Array): IndexLine | undefined {
  const value = unseal(bytes);
  if (value === undefined) return undefined;
  if (value.synced === true) return { kind: 'synced' };
  const amendment = Amendment.safeParse(value);
  if (amendment.success) return { kind: 'amend', amend: amendment.data.amend };
  const task = FinishedTask.safeParse(value);
  return task.success ? { kind: 'task', task: task.data } : { kind: 'other' };
}

export function indexFile(dir: string, n: number): string {
  return join(dir, `${String(n).padStart(8, '0')}.jsonl`);
}

/** The numbers of the index's files, in order. */
export async function listIndex(files: Files, dir: string): Promise<number[]> {
  const names = (await files.list(dir))?.map((entry) => /^(\d{8})\.jsonl$/.exec(entry.name)?.[1]) ?? [];
  return names.flatMap((digits) => (digits === undefined ? [] : [Number(digits)])).sort((a, b) => a - b);
}

export interface IndexFileScan {
  readonly lastSeq: number | undefined;
  readonly amendments: readonly Amendment['amend'][];
  /** Up to here it may be relied on: later lines are in the journal still. */
  readonly soundTo: number;
  readonly size: number;
}

/** Reads a file of bounded size. A bad line before the newest mark is later damage and skipped; after it, it is torn. */
export async function scanIndexFile(files: Files, path: string): Promise<IndexFileScan> {
  let lastSeq: number | undefined;
  let amendments: Amendment['amend'][] = [];
  let size = 0;
  let torn: { offset: number; lastSeq: number | undefined; amendments: Amendment['amend'][] } | undefined;
  for await (const lines of readLines(files, path)) {
    for (const { bytes, offset, ended } of lines) {
      size = offset + bytes.length + (ended ? 1 : 0);
      const line = ended ? parseIndexLine(bytes) : undefined;
      if (!line) torn ??= { offset, lastSeq, amendments: [...amendments] };
      else if (line.kind === 'synced') torn = undefined;
      else if (line.kind === 'task')
        lastSeq = Math.max(lastSeq ?? 0, line.task.finished_seq); // 0: found as a file
      else if (line.kind === 'amend') amendments.push(line.amend);
    }
  }
  if (torn) ({ lastSeq, amendments } = torn);
  return { lastSeq, amendments, soundTo: torn?.offset ?? size, size };
}
