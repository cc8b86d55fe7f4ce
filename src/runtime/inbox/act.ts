import type { TaskId } from '../model/ids.ts';
import { numbered } from '../taskfile/names.ts';
import type { InboxContext } from './context.ts';
import { inGroups } from './groups.ts';
import type { Finding } from './look.ts';
import { reject } from './reject.ts';
import type { Sweep } from './sweep.ts';
import { type Arrival, type Taken, take } from './take.ts';
import { noteUnreadable } from './unreadable.ts';

const BATCH_BYTES = 8 * 1_048_576;

type Named = { readonly name: string; readonly finding: Finding };

interface Done {
  taken: number;
  rejected: number;
  /** Why the store takes nothing more for now. */
  deferred?: string;
}

export async function act(scan: Sweep, found: readonly Named[], again: number[]): Promise<Done> {
  const done: Done = { taken: 0, rejected: 0 };
  await inGroups(found, async ({ name, finding }) => {
    if (finding.kind === 'reject' && (await rejectDrop(scan, name, finding))) done.rejected++;
    if (finding.kind === 'leftover') await removeLeftover(scan, finding.arrival);
  });
  const arrivals = await complete(scan, found, again);
  for (const batch of batches(arrivals)) {
    if (done.deferred !== undefined || scan.stopping()) break;
    await takeBatch(scan, batch, done, again);
  }
  return done;
}

/** Those that nobody is writing any more, under an id that is free. */
async function complete(scan: Sweep, found: readonly Named[], again: number[]): Promise<Arrival[]> {
  const { context } = scan;
  const ready = found.flatMap(({ finding }) =>
    finding.kind === 'take' || finding.kind === 'renumber' ? [finding] : [],
  );
  const path = (arrival: Arrival) => context.queue.inboxEntry(arrival.name);
  const inPlace = ready.filter((one) => one.inPlace).map((one) => path(one.arrival));
  const written = inPlace.length ? await context.writers.among(inPlace) : new Set<string>();
  const arrivals: Arrival[] = [];
  for (const one of ready) {
    if (written.has(path(one.arrival))) again.push(context.config().dispatcher.settle);
    else if (one.kind === 'take') arrivals.push(one.arrival);
    else arrivals.push(...(await renumber(scan, one.arrival, one.restore)));
  }
  return arrivals;
}

function* batches(arrivals: readonly Arrival[]): Generator<Arrival[]> {
  let batch: Arrival[] = [];
  let bytes = 0;
  for (const arrival of arrivals) {
    if (batch.length && bytes + arrival.stat.size > BATCH_BYTES) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(arrival);
    bytes += arrival.stat.size;
  }
  if (batch.length) yield batch;
}

async function takeBatch(scan: Sweep, batch: readonly Arrival[], done: Done, again: number[]): Promise<void> {
  for (const answer of await take(scan.context, batch)) await settle(scan, answer, done, again);
}

async function settle(scan: Sweep, answer: Taken, done: Done, again: number[]): Promise<void> {
  const { context, memory } = scan;
  const { name, id, stat } = answer.arrival;
  switch (answer.kind) {
    case 'taken':
      memory.know(name, stat);
      done.taken++;
      return;
    case 'gone':
      return memory.forget(name);
    case 'unreadable':
      return noteUnreadable(scan, name, answer.error);
    case 'changed':
    case 'taken_id': // it became a task's while we read; the next look sees whose it is
      again.push(context.config().dispatcher.settle);
      return;
    case 'deferred':
      done.deferred ??= answer.refusal.message;
      if (memory.firstTime('deferred', name)) context.note({ code: 'deferred', name, message: answer.refusal.message });
      return;
    case 'refused':
      if (await rejectDrop(scan, name, { safe: id, stat, ...answer.refusal })) done.rejected++;
      return;
  }
}

type Rejected = Pick<Extract<Finding, { kind: 'reject' }>, 'safe' | 'stat' | 'message' | 'hint'>;

async function rejectDrop(scan: Sweep, name: string, why: Rejected): Promise<boolean> {
  try {
    const end = await reject(scan.context, { name, stat: why.stat, safe: why.safe }, why);
    scan.memory.forget(name);
    return end === 'rejected';
  } catch (error) {
    noteUnreadable(scan, name, error);
    return false;
  }
}

async function removeLeftover({ context, memory }: Sweep, { name, id }: Arrival): Promise<void> {
  await context.files.remove(context.queue.inboxEntry(name));
  memory.forget(name);
  context.note({
    code: 'leftover_removed',
    name,
    message: `${id} is finished and this is the same text; to run it again, retry it`,
  });
}

/** Gives a drop the next free id by renaming its file; nothing that exists is replaced. */
async function renumber({ context, memory }: Sweep, arrival: Arrival, restore: boolean): Promise<Arrival[]> {
  const { files, queue, project, store, note } = context;
  for (let n = 2; ; n++) {
    const id: TaskId = numbered(arrival.id, n);
    if (await isSameFile(context, arrival, id)) {
      await files.remove(queue.inboxEntry(arrival.name)); // a crash between link and unlink left it under both names
      return [];
    }
    if ((await store.get({ project: project.id, id })) !== undefined) continue;
    const moved = await files.moveNew(queue.inboxEntry(arrival.name), queue.task(id));
    if (moved === 'exists') continue;
    await files.syncDir(queue.inbox); // under its old name it would come back after a power cut and be taken twice
    memory.forget(arrival.name);
    if (moved === 'missing') return [];
    note({ code: 'id_taken', name: arrival.name, message: `another task has this id; it is taken as ${id}` });
    if (restore) context.restore({ project: project.id, id: arrival.id });
    return [{ ...arrival, id, name: `${id}.md` }];
  }
}

async function isSameFile({ files, queue }: InboxContext, { stat }: Arrival, id: TaskId): Promise<boolean> {
  return stat.nlink > 1 && (await files.stat(queue.task(id)))?.ino === stat.ino;
}
