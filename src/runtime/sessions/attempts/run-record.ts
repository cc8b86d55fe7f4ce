import { join } from 'node:path';
import { z } from 'zod';
import { CODING_AGENTS } from '../../model/config.ts';
import type { Files } from '../../ports.ts';

/** `session.json` of a run directory: what was decided before the agent was started, for whoever takes it up later. */
export const RunRecord = z.object({
  agent: z.enum(CODING_AGENTS),
  session: z.string(),
  conversation: z.string(),
  /** The agent names its conversation itself: `conversation` stands for that until its reports tell. */
  unnamed: z.literal(true).exactOptional(),
  /** What stood for it then: its pane still says so. */
  started_as: z.string().exactOptional(),
  /** The file of the conversation that goes on. */
  resumes: z.string().exactOptional(),
  profile: z.string().exactOptional(),
  config_dir: z.string().exactOptional(),
  /** Where the conversation is kept: as foreseen, then as the agent's own reports say. */
  transcript: z.string(),
  /** What lies before is of earlier attempts: bytes. */
  transcript_from: z.number(),
  /** In this attempt's prompt; the mark of its processes too. */
  nonce: z.string(),
  /** In the prompt that told the whole task to this conversation. */
  task_nonce: z.string(),
  prompt_sha256: z.string(),
  cwd: z.string(),
  model: z.string().exactOptional(),
  prepared_at: z.number(),
});
export type RunRecord = z.infer<typeof RunRecord>;

const MAX_RECORD = 65_536;

export function sessionFiles(dir: string) {
  return {
    prompt: join(dir, 'prompt.md'),
    record: join(dir, 'session.json'),
    ending: join(dir, 'ending.json'),
    blocked: join(dir, 'blocked.json'),
    hooks: join(dir, 'hooks'),
    answers: join(dir, 'answers'),
  };
}

export async function writeRecord(files: Pick<Files, 'replace'>, dir: string, record: RunRecord): Promise<void> {
  await files.replace(sessionFiles(dir).record, Buffer.from(`${JSON.stringify(record)}\n`));
}

/** Undefined where none is, or where a power cut left nothing of it. */
export async function readRecord(files: Pick<Files, 'read'>, dir: string): Promise<RunRecord | undefined> {
  return readJson(files, sessionFiles(dir).record, RunRecord);
}

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
