import { z } from 'zod';

/*
 * What a job service may answer. Its words are a stranger's: every text is bounded here, and what is not needed
 * to go on (model, cost) is dropped when it is malformed instead of spoiling a result that was paid for.
 */

/** It becomes part of a URL path and of a file's front matter, so it is kept plain. */
const JobId = z
  .union([z.string(), z.number().int().nonnegative().transform(String)])
  .refine((id) => /^[A-Za-z0-9_][A-Za-z0-9_.:~=+@-]{0,199}$/.test(id) && !id.includes('..'), 'not a usable job id');

const name = z
  .string()
  .min(1)
  .max(200)
  .regex(/^\P{C}*$/u)
  .optional()
  .catch(undefined);
const amount = z.number().nonnegative().optional().catch(undefined);

export const SubmitAnswer = z.object({ job_id: JobId });
export type SubmitAnswer = z.infer<typeof SubmitAnswer>;

export const StatusAnswer = z.object({
  status: z.enum(['queued', 'processing', 'completed', 'failed', 'cancelled']),
  error: z.unknown().optional(),
});
export type StatusAnswer = z.infer<typeof StatusAnswer>;

export const ResultAnswer = z.object({
  response: z.string(),
  provider: name,
  model: name,
  cost_cad: amount,
  tokens: amount,
});
export type ResultAnswer = z.infer<typeof ResultAnswer>;

/** A lookup by key: the job, or a list whose first entry is it. */
export const FindAnswer = z.union([
  SubmitAnswer.transform((job) => ({ found: job.job_id as string | undefined })),
  z.object({ jobs: z.array(SubmitAnswer) }).transform(({ jobs }) => ({ found: jobs[0]?.job_id })),
]);

/** The answer as the schema wants it, or undefined: not JSON, or JSON of another shape. */
export function parse<T>(schema: z.ZodType<T>, body: Buffer): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(body.toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

const MAX_QUOTE = 300;

/** A stranger's words inside a reason of ours: one line, bounded, without control characters and without our key. */
export function quote(text: string, key: string | undefined): string {
  const clean = (key ? text.replaceAll(key, '[key]') : text)
    .slice(0, 4 * MAX_QUOTE)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  return clean.length > MAX_QUOTE ? `${clean.slice(0, MAX_QUOTE)}…` : clean;
}

/** The `error` of an answer in any of the shapes services use, else the start of the body. */
export function complaint(body: Buffer, key: string | undefined): string {
  const shapes = z.object({ error: z.unknown().optional(), message: z.unknown().optional() });
  const given = parse(shapes, body);
  return quote(wording(given?.error) ?? wording(given?.message) ?? body.subarray(0, 2_000).toString('utf8'), key);
}

export function wording(error: unknown): string | undefined {
  if (typeof error === 'string' && error !== '') return error;
  const message = z.object({ message: z.string().min(1) }).safeParse(error);
  return message.success ? message.data.message : undefined;
}
