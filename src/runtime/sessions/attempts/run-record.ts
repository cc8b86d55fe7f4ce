import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../../conversations/read-json.ts';
import { ConversationRecord } from '../../conversations/record.ts';
import type { Files } from '../../ports.ts';

/** `session.json` of a run directory: what was decided before the agent was started, for whoever takes it up later. */
export const RunRecord = ConversationRecord.omit({ told: true }).extend({
  session: z.string(),
  /** What stood for an unnamed conversation at the start: its pane still says so. */
  started_as: z.string().exactOptional(),
});
export type RunRecord = z.infer<typeof RunRecord>;

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
