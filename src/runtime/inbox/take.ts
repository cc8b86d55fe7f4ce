import { createHash } from 'node:crypto';
import type { TaskId } from '../model/ids.ts';
import { isRefusal, type Refusal, type RefusalCode } from '../model/refusal.ts';
import type { Enqueued, FileStat, NewTask } from '../ports.ts';
import { type ParsedTask, parseTask } from '../taskfile/parse.ts';
import type { InboxContext } from './context.ts';
import { refuseDrop } from './drop-rules.ts';
import { readSame } from './read-same.ts';

/** A complete file that is to become a task. */
export interface Arrival {
  readonly name: string;
  readonly id: TaskId;
  readonly stat: FileStat;
}

export type Taken =
  | { readonly kind: 'taken' | 'gone' | 'changed'; readonly arrival: Arrival }
  | { readonly kind: 'taken_id'; readonly arrival: Arrival }
  | { readonly kind: 'unreadable'; readonly arrival: Arrival; readonly error: unknown }
  /** Not the drop's fault: it stays where it is and is tried again. */
  | { readonly kind: 'deferred'; readonly arrival: Arrival; readonly refusal: Refusal }
  | { readonly kind: 'refused'; readonly arrival: Arrival; readonly refusal: Refusal };

/** Reads the files and stores those that are tasks, all in one commit; an answer for each. */
export async function take(context: InboxContext, arrivals: readonly Arrival[]): Promise<Taken[]> {
  const read = await Promise.all(arrivals.map((arrival) => readArrival(context, arrival)));
  const ready = read.filter((one): one is Ready => one.kind === 'ready');
  const answers = ready.length
    ? await context.admit(
        ready.map(({ task }) => task),
        { by: 'drop' },
      )
    : [];
  const byName = new Map(ready.map((one, index) => [one.arrival.name, isRefusal(answers) ? answers : answers[index]]));
  return read.map((one) => (one.kind === 'ready' ? answered(one.arrival, byName.get(one.arrival.name)) : one));
}

type Ready = { readonly kind: 'ready'; readonly arrival: Arrival; readonly task: NewTask };

async function readArrival(context: InboxContext, arrival: Arrival): Promise<Taken | Ready> {
  let bytes: Uint8Array | 'gone' | 'changed';
  try {
    bytes = await readUnchanged(context, arrival);
  } catch (error) {
    return { kind: 'unreadable', arrival, error };
  }
  if (typeof bytes === 'string') return { kind: bytes, arrival };
  const parsed = readDrop(context, bytes);
  if ('refused' in parsed) return { kind: 'refused', arrival, refusal: parsed };
  const task = {
    project: context.project.id,
    id: arrival.id,
    spec: parsed.spec,
    title: parsed.title,
    bytes,
    source: 'drop',
  } as const;
  return { kind: 'ready', arrival, task: { ...task, enqueued_by: 'drop' } };
}

/** What a file of the inbox asks for, with the rules for files that people and programs leave there. */
export function readDrop({ rules }: InboxContext, bytes: Uint8Array): ParsedTask | Refusal {
  const parsed = parseTask(bytes);
  if ('refused' in parsed) return parsed;
  return refuseDrop(parsed.spec, rules()) ?? parsed;
}

/** The bytes, if the file is still the one that was looked at, before and after reading. */
export function readUnchanged(
  { files, queue, config }: InboxContext,
  { name, stat }: { name: string; stat: FileStat },
): Promise<Uint8Array | 'gone' | 'changed'> {
  return readSame(files, queue.inboxEntry(name), stat, config().limits.max_task_bytes);
}

export function shaOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const DEFER: ReadonlySet<RefusalCode> = new Set(['full', 'busy', 'unavailable', 'read_only', 'stale']);

function answered(arrival: Arrival, answer: Enqueued | Refusal | undefined): Taken {
  if (answer === undefined) throw new Error(`the store gave no answer for ${arrival.name}`);
  if ('refused' in answer) {
    if (answer.code === 'id_taken') return { kind: 'taken_id', arrival };
    return { kind: DEFER.has(answer.code) ? 'deferred' : 'refused', arrival, refusal: answer };
  }
  if (answer.created || answer.ref.id === arrival.id) return { kind: 'taken', arrival };
  return { kind: 'refused', arrival, refusal: alreadyThere(answer) };
}

function alreadyThere({ ref, state }: Enqueued): Refusal {
  const message = `idempotency_key: the task ${ref.id} (${state}) was made with the same key`;
  return { refused: true, code: 'id_taken', message, hint: `Look at ${ref.id}, or give the file another key.` };
}
