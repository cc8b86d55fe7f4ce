import { z } from 'zod';
import { ProjectId } from '../model/ids.ts';

/* The small JSON files beside the tasks. Reading is tolerant: people and the seeds wrote some of them. */

/** A time as we write it (ISO), or as others did: seconds or milliseconds since the epoch. */
const Time = z.union([z.string(), z.number().transform((at) => new Date(at < 1e11 ? at * 1_000 : at).toISOString())]);
const none = z.union([z.null(), z.literal('')]).transform(() => undefined);

/** `<id>.md.delegated`; the seeds wrote it without attempt and key, and it lacks the job while the request is under way. */
export const Marker = z.object({
  project: z.string().default(''),
  task_file: z.string().default(''),
  job_id: z.union([none, z.string(), z.number().transform(String)]).optional(),
  provider: z.union([none, z.string()]).optional(),
  started_at: z.union([none, Time]).optional(),
  attempt: z.union([none, z.coerce.number().int().nonnegative()]).optional(),
  idempotency_key: z.union([none, z.string()]).optional(),
});
export type Marker = z.infer<typeof Marker>;

/** `<id>.attempt.json` beside a `.dispatched`. */
export const AttemptFile = z.object({
  epoch: z.string(),
  attempt: z.number().int().nonnegative(),
  run_dir: z.string(),
});
export type AttemptFile = z.infer<typeof AttemptFile>;

/** `.project.json`; outlives the home. */
export const ProjectFile = z.object({
  project_id: ProjectId,
  epoch: z.string(),
  last_seq: z.number().int().nonnegative(),
  /** The boot in which the files were last known to be whole. */
  boot: z.string().optional(),
});
export type ProjectFile = z.infer<typeof ProjectFile>;

export function writeJson(value: Marker | AttemptFile | ProjectFile): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

/** What the file says, or nothing when it is torn, empty or something else. */
export function readJson<T extends z.ZodType>(schema: T, bytes: Uint8Array): z.infer<T> | undefined {
  try {
    const parsed = schema.safeParse(
      JSON.parse(
        Buffer.from(bytes)
          .toString()
          .replace(/^\ufeff/, ''),
      ),
    );
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
