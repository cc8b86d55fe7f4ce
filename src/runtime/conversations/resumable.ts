import { type Refusal, refuse } from '../model/refusal.ts';
import type { FinishedTask, QueuedTask } from '../model/task.ts';
import type { Files } from '../ports.ts';
import { runDirOf } from '../runs/order.ts';
import { type ConversationRecord, readConversationRecord } from './record.ts';

/* Whether a later attempt can go on with the conversation of the newest one, asked by whoever wants exactly that. */

const LOOK_BACK = 10; // attempts, as choose.ts has it

export async function resumable(
  ports: { readonly home: string; readonly files: Files },
  task: QueuedTask | FinishedTask,
): Promise<ConversationRecord | Refusal> {
  const newest = 'finished_seq' in task ? task.attempts : task.attempt;
  if (newest === 0) return not(task, 'it has not been tried yet');
  const ended = 'finished_seq' in task ? task : undefined;
  if (ended?.provider !== undefined) return not(task, `it ran at ${ended.provider}, which keeps no conversation here`);
  const failed = 'finished_seq' in task ? task.error_class : task.last_error?.class;
  if (failed === 'context_overflow') return not(task, 'its conversation was too long for the model');
  for (let attempt = newest; attempt > Math.max(0, newest - LOOK_BACK); attempt--) {
    const record = await readConversationRecord(ports.files, runDirOf(ports.home, task, attempt));
    if (record === undefined) continue;
    const there = await ports.files.stat(record.transcript).catch(() => undefined);
    if (there?.kind === 'file' || record.told !== undefined) return record;
    return not(task, `its conversation is not there any more (${record.transcript})`);
  }
  return not(task, 'none of its attempts left a conversation that is known here');
}

/** Why this agent can't go on with it. */
export function otherAgent(
  task: QueuedTask | FinishedTask,
  { agent }: ConversationRecord,
  program: string,
): Refusal | undefined {
  return program === agent
    ? undefined
    : not(task, `it is a conversation of ${agent}, and ${program} can't go on with it`);
}

function not({ id }: QueuedTask | FinishedTask, why: string): Refusal {
  return refuse(
    'not_possible',
    `conversation: task ${id} can't resume: ${why}; nothing was changed`,
    'leave conversation out, or use "fresh" with instructions that say what is to be known',
  );
}
