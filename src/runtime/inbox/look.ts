import { keyOf, type TaskId } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import type { FinishedTask, OpenTask } from '../model/task.ts';
import type { FileStat } from '../ports.ts';
import { classify } from '../taskfile/names.ts';
import { arrivedWhole, quietIn } from './arrival.ts';
import type { InboxContext } from './context.ts';
import type { InboxMemory } from './memory.ts';
import { type Arrival, readDrop, readUnchanged, shaOf } from './take.ts';

/** What one file of the inbox is, and so what is to be done with it. */
export type Finding =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'take'; readonly arrival: Arrival; readonly inPlace: boolean }
  /** Another task has its id. */
  | { readonly kind: 'renumber'; readonly arrival: Arrival; readonly inPlace: boolean; readonly restore: boolean }
  | { readonly kind: 'leftover'; readonly arrival: Arrival }
  | {
      readonly kind: 'reject';
      readonly safe: TaskId;
      readonly stat: FileStat;
      readonly message: string;
      readonly hint: string;
    };

export interface Look {
  readonly context: InboxContext;
  readonly memory: InboxMemory;
  /** When this inbox began to watch: what was queued earlier may have been edited meanwhile. */
  readonly startedAt: number;
  readonly takeOver: boolean;
}

const NOTHING: Finding = { kind: 'nothing' };

export async function lookAt(look: Look, name: string): Promise<Finding> {
  const { context, memory } = look;
  const entry = classify(name);
  const stat = await context.files.stat(context.queue.inboxEntry(name));
  if (!stat || memory.isUnchanged(name, stat)) return NOTHING;
  const wait = untilComplete(look, name, stat);
  if (entry.kind === 'unusable') {
    const message = `the file name can't be a task's id: ${entry.problem}`;
    return (
      wait ?? { kind: 'reject', safe: entry.safe, stat, message, hint: 'Give it a plain name such as fix-login.md.' }
    );
  }
  if (entry.kind !== 'task') return NOTHING;
  const wrong = wrongKind(stat, context.config().limits.max_task_bytes);
  if (wrong) return wait ?? { kind: 'reject', safe: entry.id, stat, ...wrong };
  return lookAtTask(look, { name, id: entry.id, stat }, wait);
}

function lookAtTask(look: Look, arrival: Arrival, wait: Finding | undefined): Promise<Finding> | Finding {
  const { store, project } = look.context;
  const open = store.open().get(keyOf({ project: project.id, id: arrival.id }));
  switch (open?.state) {
    case 'queued':
      return lookAtQueued(look, arrival, open, wait);
    case 'claimed':
      return NOTHING; // its file is being renamed
    case 'running':
    case 'unknown':
      return lookAtLive(look, arrival, open, wait);
    case undefined:
      return lookAtNew(look, arrival, wait);
  }
}

/** The task's own file (written by the store, or edited), or a drop that hit upon the same name. */
async function lookAtQueued(look: Look, arrival: Arrival, task: OpenTask, wait?: Finding): Promise<Finding> {
  const { memory, startedAt } = look;
  const seen = memory.isKnown(arrival.name);
  const queuedBefore = task.queued_at < startedAt;
  // Most likely what the store has just written: reading it is spared here, for the claim reads it anyway.
  if (!seen && arrival.stat.size === task.size) return know(look, arrival);
  if (wait) return wait;
  const bytes = await readUnchanged(look.context, arrival);
  if (typeof bytes === 'string') return NOTHING;
  if (shaOf(bytes) === task.sha) return know(look, arrival);
  const ours = seen || queuedBefore || task.source === 'drop';
  if (!ours) return { kind: 'renumber', arrival, inPlace: !arrivedWhole(arrival.stat), restore: true };
  know(look, arrival);
  tellEdited(look, arrival, bytes);
  return NOTHING;
}

function tellEdited({ context }: Look, arrival: Arrival, bytes: Uint8Array): void {
  const parsed = readDrop(context, bytes);
  if (isRefusal(parsed)) context.note({ code: 'edit_invalid', name: arrival.name, message: parsed.message });
  else context.edited({ project: context.project.id, id: arrival.id }, bytes, parsed);
}

/** A delegated task keeps its file beside the marker; of any other the file is `.dispatched` by now. */
function lookAtLive(look: Look, arrival: Arrival, task: OpenTask, wait?: Finding): Finding {
  const keepsFile =
    (task.state === 'running' && task.route.to === 'provider') ||
    (task.state === 'unknown' && task.found === 'delegated');
  if (keepsFile) return know(look, arrival);
  return wait ?? { kind: 'renumber', arrival, inPlace: !arrivedWhole(arrival.stat), restore: false };
}

async function lookAtNew(look: Look, arrival: Arrival, wait?: Finding): Promise<Finding> {
  const { context, memory } = look;
  if (isTooOld(look, arrival.stat)) {
    memory.leaveAlone(arrival.name, arrival.stat);
    const message = 'it lay there before the project was adopted; import it to have it run';
    if (memory.firstTime('left_alone', arrival.name)) context.note({ code: 'left_alone', name: arrival.name, message });
    return NOTHING;
  }
  if (wait) return wait;
  const inPlace = !arrivedWhole(arrival.stat);
  const finished = await context.store.get({ project: context.project.id, id: arrival.id });
  if (!finished) return { kind: 'take', arrival, inPlace };
  if (!('finished_at' in finished)) return NOTHING; // it became a task while we looked
  return lookAtFinished(look, arrival, finished, inPlace);
}

/** A source that outlived its task, or a new task under an old name. */
async function lookAtFinished(look: Look, arrival: Arrival, task: FinishedTask, inPlace: boolean): Promise<Finding> {
  const { files, queue } = look.context;
  const bytes = await readUnchanged(look.context, arrival);
  if (typeof bytes === 'string') return NOTHING;
  if (shaOf(bytes) !== task.sha) return { kind: 'renumber', arrival, inPlace, restore: false };
  const result = await files.stat(task.state === 'done' ? queue.done(task.id) : queue.failed(task.id));
  return result ? { kind: 'leftover', arrival } : NOTHING; // the store is about to write the one and remove the other
}

/** The change time has the kernel's coarse grain; a file cannot be older than it by more than this. */
const CLOCK_GRAIN_MS = 20;

function isTooOld({ context, takeOver }: Look, stat: FileStat): boolean {
  if (context.takesOlderDrops || takeOver) return false;
  return stat.ctimeMs < context.project.adopted_at - CLOCK_GRAIN_MS;
}

function know({ memory }: Look, { name, stat }: Arrival): Finding {
  memory.know(name, stat);
  return NOTHING;
}

function untilComplete({ context, memory }: Look, name: string, stat: FileStat): Finding | undefined {
  if (stat.kind === 'file' && arrivedWhole(stat)) return undefined;
  const now = context.clock.now();
  const ms = quietIn(stat, memory.waitingSince(name, stat, now), now, context.config().dispatcher.settle);
  return ms > 0 ? { kind: 'wait', ms } : undefined;
}

/** Hard links are taken like any file: they lend no rights that reading as this user does not have already. */
export function wrongKind(stat: FileStat, limit: number): { message: string; hint: string } | undefined {
  const hint = 'Drop the file itself: plain text in UTF-8.';
  switch (stat.kind) {
    case 'link':
      return { message: 'it is a symbolic link, and links are not followed', hint };
    case 'dir':
      return { message: 'it is a folder', hint };
    case 'other':
      return { message: 'it is not a regular file', hint };
    case 'file': {
      if (stat.size <= limit) return undefined;
      const message = `it has ${stat.size} bytes, more than the ${limit} that a task may have`;
      return { message, hint: 'Name large material by its path, or raise limits.max_task_bytes.' };
    }
  }
}
