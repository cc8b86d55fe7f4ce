import { z } from 'zod';
import { readJson } from '../../conversations/read-json.ts';
import { ErrorClass } from '../../model/spec.ts';
import { Evidence } from '../../model/task.ts';
import type { Files } from '../../ports.ts';
import { sessionFiles } from './run-record.ts';

/**
 * Why an attempt that was not done is ended. It is on disk before the first signal: a runtime that takes the attempt up
 * later gives the same reason, and not the death that we caused.
 */
export const Ending = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('cancelled'), reason: z.string() }),
  z.object({
    kind: z.literal('failed'),
    failure: z.object({
      class: ErrorClass,
      reason: z.string(),
      reset_at: z.number().exactOptional(),
      account: z.enum(['limit', 'login', 'billing']).exactOptional(),
      final: z.boolean().exactOptional(),
      fresh: z.boolean().exactOptional(),
      /** Of work that a check has refused. */
      output: z.string().exactOptional(),
      answer: z.string().exactOptional(),
      evidence: Evidence.exactOptional(),
      cost_usd: z.number().exactOptional(),
    }),
    /** The session is of no use either. */
    cool: z.boolean().exactOptional(),
  }),
]);
export type Ending = z.infer<typeof Ending>;

const MAX_BYTES = 1_048_576;

/** The first reason stands. */
export async function writeEnding(files: Pick<Files, 'create' | 'read'>, dir: string, ending: Ending): Promise<Ending> {
  const { ending: path } = sessionFiles(dir);
  const made = await files.create(path, Buffer.from(`${JSON.stringify(ending)}\n`));
  return made === 'exists' ? ((await readEnding(files, dir)) ?? ending) : ending;
}

export async function readEnding(files: Pick<Files, 'read'>, dir: string): Promise<Ending | undefined> {
  return readJson(files, sessionFiles(dir).ending, Ending, MAX_BYTES);
}
