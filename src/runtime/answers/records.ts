import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Outcome } from '../model/task.ts';
import type { Files } from '../ports.ts';
import type { DoneOutcome } from '../work.ts';

/*
 * What is kept of an answer in the run directory of its attempt:
 *
 *   answer.json          all of it, before anything is made of it: it was paid for
 *   answer.patch         the patch in it, as git reads it
 *   apply.json           from which commit to which its worktree goes, before anything in it is changed
 *   apply-index-…        where the commit is made: the worktree sees nothing of it
 */

export function answerFiles(dir: string) {
  return {
    answer: join(dir, 'answer.json'),
    patch: join(dir, 'answer.patch'),
    apply: join(dir, 'apply.json'),
    index: join(dir, 'apply-index'),
  };
}

export const ApplyRecord = z.object({
  /** The branch that was checked out, and where it was when the answer came. */
  branch: z.string(),
  from: z.string(),
  /** What the patch is applied to: the files as the provider was given them. */
  base: z.string(),
  /** The commit that was made of it; absent until it is there. */
  commit: z.string().exactOptional(),
});
export type ApplyRecord = z.infer<typeof ApplyRecord>;

export type RecordFiles = Pick<Files, 'makeDir' | 'read' | 'replace' | 'remove' | 'sync' | 'syncDir'>;

const MAX_ANSWER = 64 * 1_048_576;

export async function keepAnswer(files: RecordFiles, dir: string, outcome: DoneOutcome): Promise<void> {
  const { answer } = answerFiles(dir);
  const bytes = Buffer.from(JSON.stringify(outcome));
  const there = await files.read(answer, MAX_ANSWER).catch(() => undefined);
  if (there && Buffer.compare(there, bytes) === 0) return;
  await files.makeDir(dir);
  await durably(files, answer, bytes);
}

export async function keptAnswer(files: Pick<Files, 'read'>, dir: string): Promise<DoneOutcome | undefined> {
  const outcome = await read(files, answerFiles(dir).answer, Outcome);
  return outcome?.state === 'done' ? outcome : undefined;
}

export function readApply(files: Pick<Files, 'read'>, dir: string): Promise<ApplyRecord | undefined> {
  return read(files, answerFiles(dir).apply, ApplyRecord);
}

export async function writeApply(files: RecordFiles, dir: string, record: ApplyRecord): Promise<ApplyRecord> {
  await durably(files, answerFiles(dir).apply, Buffer.from(`${JSON.stringify(record)}\n`));
  return record;
}

export async function durably(files: RecordFiles, path: string, bytes: Uint8Array): Promise<void> {
  await files.replace(path, bytes);
  await files.sync(path);
  await files.syncDir(dirname(path));
}

async function read<T>(files: Pick<Files, 'read'>, path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const bytes = await files.read(path, MAX_ANSWER).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString())).data;
  } catch {
    return undefined;
  }
}
