import { join } from 'node:path';
import type { SessionAgent } from '../agents/agent.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { LiveTask } from '../model/task.ts';
import type { Chance, Files, TaskStore } from '../ports.ts';
import { runDirOf } from '../runs/order.ts';
import { readEnding } from '../sessions/attempts/ending.ts';
import type { Seat } from '../sessions/seats.ts';
import { type ConversationRecord, readConversationRecord } from './record.ts';

/*
 * Which conversation an attempt has, in a session or without a terminal: either goes on with what the other began.
 *
 * V1. A later attempt goes on with the conversation of the one before it, unless that conversation was the reason of the
 *     failure, or is not there any more.
 * V2. `continues:` binds: where that conversation is gone, the task is refused.
 * V3. A conversation that the seeds left for a dedicated session is used once: its file is renamed away first.
 * V4. The whole task is told to a conversation once; one that holds it already is asked to go on. A text that was changed
 *     since is another task.
 * V5. Conversations that a person wanted to leave (`apart_from`) are not gone on with.
 */

export interface ChosenConversation {
  readonly conversation: string;
  /** Its file, when it goes on; its id, where the agent has named it and nobody knows the file. */
  readonly resumes?: string;
  /** Bytes of it that are of earlier attempts. */
  readonly from: number;
  /** Stands in the prompt that told this task to it. */
  readonly task_nonce?: string;
}

export interface ConversationPorts {
  readonly home: string;
  readonly userHome: string;
  readonly store: Pick<TaskStore, 'get'>;
  readonly files: Files;
  readonly chance: Chance;
  readonly say: (level: 'info' | 'warn', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export interface Wanted {
  readonly task: LiveTask;
  /** None for a run without a terminal. */
  readonly seat?: Pick<Seat, 'name' | 'kind'>;
  readonly agent: SessionAgent;
  readonly cwd: string;
  readonly config_dir?: string;
  readonly resume_dir?: string;
}

const LOOK_BACK = 10; // attempts
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export async function chooseConversation(
  ports: ConversationPorts,
  wanted: Wanted,
): Promise<ChosenConversation | Refusal> {
  const { task } = wanted;
  const own = await earlier(ports, wanted); // V1
  if (own) return own;
  if (task.spec.continues !== undefined) return continued(ports, wanted);
  if (task.attempt === 1) {
    const seed = await seeded(ports, wanted);
    if (seed) return seed;
  }
  return { conversation: newId(ports.chance), from: 0 };
}

async function earlier(ports: ConversationPorts, { task, agent }: Wanted): Promise<ChosenConversation | undefined> {
  if (task.last_error?.class === 'context_overflow') return undefined;
  const found = await newestRecord(ports, task, task.attempt - 1, agent);
  if (!found || found.fresh || found.attempt <= (task.apart_from ?? 0)) return undefined; // V5
  const { record } = found;
  const changed = found.attempt <= (task.told_before ?? 0);
  const size = await sizeOf(ports.files, record.transcript);
  if (size === undefined) return changed ? untold(byName(record)) : byName(record);
  if (changed) return goingOn(record, size); // V4
  const conversation = await agent.read(ports.files, record.transcript, 0); // the whole task may have been told long ago
  const known = conversation?.holds(record.task_nonce) === true; // V4
  return { ...goingOn(record, size), ...(known && { task_nonce: record.task_nonce }) };
}

/** V2 */
async function continued(ports: ConversationPorts, { task, agent }: Wanted): Promise<ChosenConversation | Refusal> {
  const { project, spec } = task;
  const { continues } = spec;
  const other = continues && (await ports.store.get({ project, id: continues }));
  if (!continues || !other) return gone(`there is no task ${continues}`);
  const newest = 'finished_seq' in other ? other.attempts : other.attempt;
  const found = await newestRecord(ports, { project, id: continues }, newest, agent);
  const size = found && (await sizeOf(ports.files, found.record.transcript));
  const going = found && (size === undefined ? byName(found.record) : goingOn(found.record, size));
  if (going === undefined) return gone(`the conversation of ${continues} is not there any more`);
  return untold(going); // it was told another task
}

function untold(going: ChosenConversation): ChosenConversation;
function untold(going: ChosenConversation | undefined): ChosenConversation | undefined;
function untold(going: ChosenConversation | undefined): ChosenConversation | undefined {
  if (going === undefined) return undefined;
  const { task_nonce: _, ...chosen } = going;
  return chosen;
}

/** Agents that name their conversations themselves find them by that name, whatever the file is called. */
function byName({ conversation, task_nonce, told, unnamed }: ConversationRecord): ChosenConversation | undefined {
  if (told === undefined || unnamed !== undefined) return undefined;
  return { conversation, resumes: conversation, from: 0, task_nonce };
}

/** Where a conversation that goes on is kept, as far as that is known. */
export function transcriptOf({ resumes }: ChosenConversation): string | undefined {
  return resumes?.includes('/') ? resumes : undefined;
}

function gone(why: string): Refusal {
  return refuse(
    'invalid',
    `the task continues another one, but ${why}`,
    'leave continues out, and say what is to be done',
  );
}

/** V3 */
async function seeded(ports: ConversationPorts, wanted: Wanted): Promise<ChosenConversation | undefined> {
  const { resume_dir, seat, agent, cwd, config_dir } = wanted;
  if (resume_dir === undefined || seat?.kind !== 'dedicated') return undefined;
  const { files, userHome: home, say } = ports;
  const path = join(resume_dir, `${seat.name}-resume-id.txt`);
  const bytes = await files.read(path, 4_096).catch(() => undefined);
  if (bytes === undefined || (await files.move(path, `${path}.used`)) === 'missing') return undefined;
  const conversation = Buffer.from(bytes).toString().trim();
  if (!UUID.test(conversation)) {
    say('warn', 'a file for a conversation holds no id of one; it is not used', { file: `${path}.used` });
    return undefined;
  }
  const where = { home, cwd, conversation, ...(config_dir !== undefined && { config_dir }) };
  const transcript = agent.transcript(where);
  const size = await sizeOf(files, transcript);
  if (size !== undefined) return { conversation, resumes: transcript, from: size };
  say('warn', 'the conversation that a session was to resume is not there; a new one begins', { transcript });
  return undefined;
}

async function newestRecord(
  { home, files }: ConversationPorts,
  ref: Parameters<typeof runDirOf>[1],
  newest: number,
  agent: SessionAgent,
): Promise<{ record: ConversationRecord; attempt: number; fresh: boolean } | undefined> {
  for (let attempt = newest; attempt > Math.max(0, newest - LOOK_BACK); attempt--) {
    const dir = runDirOf(home, ref, attempt);
    const record = await readConversationRecord(files, dir);
    if (record === undefined || record.agent !== agent.program) continue;
    const ending = await readEnding(files, dir);
    return { record, attempt, fresh: ending?.kind === 'failed' && ending.failure.fresh === true };
  }
  return undefined;
}

function goingOn({ conversation, transcript }: ConversationRecord, from: number): ChosenConversation {
  return { conversation, resumes: transcript, from };
}

async function sizeOf(files: Pick<Files, 'stat'>, path: string): Promise<number | undefined> {
  const found = await files.stat(path);
  return found?.kind === 'file' && found.size > 0 ? found.size : undefined;
}

/** A version 4 UUID. */
function newId(chance: Chance): string {
  const hex = chance.hex(16);
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
