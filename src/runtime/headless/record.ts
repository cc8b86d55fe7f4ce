import { join } from 'node:path';
import { z } from 'zod';
import { readJson } from '../conversations/read-json.ts';
import { ConversationRecord } from '../conversations/record.ts';
import type { Files } from '../ports.ts';
import { sessionFiles } from '../sessions/attempts/run-record.ts';

/** `headless.json` of a run directory: what was decided before the agent was started, for whoever takes it up later. */
export const HeadlessRecord = ConversationRecord.extend({
  input: z.enum(['none', 'once', 'stream']),
});
export type HeadlessRecord = z.infer<typeof HeadlessRecord>;

export function headlessFiles(dir: string) {
  return {
    ...sessionFiles(dir),
    record: join(dir, 'headless.json'),
    stdin: join(dir, 'stdin'),
    input: join(dir, 'input'),
    stdout: join(dir, 'stdout'),
    stderr: join(dir, 'stderr'),
  };
}

export async function writeHeadless(files: Pick<Files, 'replace'>, dir: string, record: HeadlessRecord): Promise<void> {
  await files.replace(headlessFiles(dir).record, Buffer.from(`${JSON.stringify(record)}\n`));
}

export function readHeadless(files: Pick<Files, 'read'>, dir: string): Promise<HeadlessRecord | undefined> {
  return readJson(files, headlessFiles(dir).record, HeadlessRecord);
}

/** What the stream tells of the conversation: an agent that names it itself is found by that name from here on. */
export function namedBy(
  record: HeadlessRecord,
  conversation: string | undefined,
  transcript: string | undefined,
): HeadlessRecord {
  const { unnamed, ...rest } = record;
  const named = unnamed && conversation !== undefined ? { ...rest, conversation, told: true as const } : record;
  return transcript === undefined || transcript === named.transcript ? named : { ...named, transcript };
}
