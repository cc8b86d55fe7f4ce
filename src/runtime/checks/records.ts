import { join } from 'node:path';
import { z } from 'zod';
import { Evidence } from '../model/task.ts';
import type { Files } from '../ports.ts';

/*
 * What a check keeps in the run directory of its attempt:
 *
 *   before.json          what the workspace was like before the agent began
 *   verify/ verify-2/ …  the command of `verify` as a run of its own; another one only where one is proved lost
 *     plan.json          what is run there, since when, and what the work was like just before
 *   check.json           what came of it all
 */

export const MAX_TRIES = 3;
const MAX_BYTES = 1_048_576;

export function checkFiles(dir: string) {
  return { before: join(dir, 'before.json'), check: join(dir, 'check.json') };
}

export function verifyDir(dir: string, number: number): string {
  return join(dir, number === 1 ? 'verify' : `verify-${number}`);
}

/** Where the newest one is; where the first would be as long as there is none. */
export async function newestVerify(files: Pick<Files, 'stat'>, dir: string): Promise<string> {
  for (let number = MAX_TRIES; number > 1; number--)
    if (await files.stat(verifyDir(dir, number))) return verifyDir(dir, number);
  return verifyDir(dir, 1);
}

/** What a workspace was like: the commit it was on, and its files that are in none, each with a mark of its content. */
export const Look = z.object({
  head: z.string().exactOptional(),
  dirty: z.record(z.string(), z.string()),
  /** There are more of them than are listed. */
  more: z.boolean().exactOptional(),
});
export type Look = z.infer<typeof Look>;

/** Of what was done, apart from the command: the same words as in the evidence of an outcome. */
const Work = Evidence.omit({ verify: true });
export type Work = z.infer<typeof Work>;

export const Plan = z.object({
  argv: z.tuple([z.string()], z.string()),
  began_at: z.number(),
  work: Work.exactOptional(),
});
export type Plan = z.infer<typeof Plan>;

/** What the command of `verify` came to. */
export const Verdict = z.object({
  passed: z.boolean(),
  reason: z.string(),
  /** The end of what it printed. */
  output: z.string(),
  /** Nothing was found out about the work: the command can't be run at all, or was lost too often. */
  unfit: z.enum(['invalid', 'crash']).exactOptional(),
});
export type Verdict = z.infer<typeof Verdict>;

export const CheckRecord = z.object({
  /** How the result differs from what `result_schema` asks for. */
  problems: z.array(z.object({ path: z.string(), says: z.string() })).exactOptional(),
  /** Why nothing of the answer could be applied, and what git says of it. */
  patch: z.object({ reason: z.string(), output: z.string() }).exactOptional(),
  verify: Verdict.exactOptional(),
  evidence: Evidence.exactOptional(),
});
export type CheckRecord = z.infer<typeof CheckRecord>;

export async function writeRecord(
  files: Pick<Files, 'replace'>,
  path: string,
  record: Look | Plan | CheckRecord,
): Promise<void> {
  await files.replace(path, Buffer.from(`${JSON.stringify(record)}\n`));
}

/** Undefined where none is, or where a power cut left nothing of it. */
export async function readRecord<T>(
  files: Pick<Files, 'read'>,
  path: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const bytes = await files.read(path, MAX_BYTES).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString())).data;
  } catch {
    return undefined;
  }
}
