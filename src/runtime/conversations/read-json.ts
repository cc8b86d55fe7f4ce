import type { z } from 'zod';
import type { Files } from '../ports.ts';

const MAX_RECORD = 65_536;

/** A small file of ours in a run directory. Undefined where none is, or where a power cut left nothing of it. */
export async function readJson<T>(
  files: Pick<Files, 'read'>,
  path: string,
  schema: z.ZodType<T>,
  limit = MAX_RECORD,
): Promise<T | undefined> {
  const bytes = await files.read(path, limit).catch(() => undefined);
  if (bytes === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString())).data;
  } catch {
    return undefined;
  }
}
