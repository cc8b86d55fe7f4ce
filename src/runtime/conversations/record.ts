import { join } from 'node:path';
import { z } from 'zod';
import { CODING_AGENTS } from '../model/config.ts';
import type { Files } from '../ports.ts';
import { readJson } from './read-json.ts';

/** What an attempt of a coding agent leaves in its run directory of its conversation, wherever it ran. */
export const ConversationRecord = z.object({
  agent: z.enum(CODING_AGENTS),
  conversation: z.string(),
  /** The agent names its conversation itself: `conversation` stands for that until it tells. */
  unnamed: z.literal(true).exactOptional(),
  profile: z.string().exactOptional(),
  config_dir: z.string().exactOptional(),
  /** The file of the conversation that goes on, or its id where nobody has told the file. */
  resumes: z.string().exactOptional(),
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
  /** Without a terminal: its stream has named the conversation, so that it can be gone on with. */
  told: z.literal(true).exactOptional(),
});
export type ConversationRecord = z.infer<typeof ConversationRecord>;

/** Of an attempt in a session, or of one without a terminal: a run directory is of one kind. */
export async function readConversationRecord(
  files: Pick<Files, 'read'>,
  dir: string,
): Promise<ConversationRecord | undefined> {
  const ofSession = await readJson(files, join(dir, 'session.json'), ConversationRecord);
  return ofSession ?? readJson(files, join(dir, 'headless.json'), ConversationRecord);
}
