import { keyOf, type TaskId } from '../model/ids.ts';
import { classify } from '../taskfile/names.ts';
import type { Sweep } from './sweep.ts';

/**
 * Files of queued tasks that an earlier scan of this run saw (`gone`) and this one does not: a person's wish to cancel, or
 * an accident that is mended. Answers when to look again.
 */
export async function judgeAbsent(
  scan: Sweep,
  gone: readonly string[],
  listed: ReadonlySet<string>,
): Promise<number[]> {
  const { context, vanished } = scan;
  const missing = await missingNow(scan, gone, listed);
  const queueThere = (await context.files.stat(context.queue.projectFile)) !== undefined;
  const verdict = vanished.judge(missing, context.clock.now(), queueThere);
  for (const id of verdict.restore) restore(scan, id);
  for (const id of verdict.cancel) await cancel(scan, id);
  return verdict.again === undefined ? [] : [verdict.again];
}

async function missingNow(scan: Sweep, gone: readonly string[], listed: ReadonlySet<string>): Promise<TaskId[]> {
  const { queue, files, store, project } = scan.context;
  const ids = new Set(scan.vanished.pending);
  for (const name of gone) {
    const entry = classify(name);
    if (entry.kind === 'task') ids.add(entry.id);
  }
  const missing: TaskId[] = [];
  for (const id of ids) {
    if (listed.has(`${id}.md`) || listed.has(`${id}.md.dispatched`)) continue;
    if (store.open().get(keyOf({ project: project.id, id }))?.state !== 'queued') continue;
    if (!(await files.stat(queue.task(id)))) missing.push(id); // a listing can miss a file that is being renamed
  }
  return missing;
}

function restore({ context }: Sweep, id: TaskId): void {
  const message = 'the file went together with others, or with the queue; it is written again';
  context.note({ code: 'vanished', name: `${id}.md`, message });
  context.restore({ project: context.project.id, id });
}

async function cancel({ context }: Sweep, id: TaskId): Promise<void> {
  await context.store.cancel({ project: context.project.id, id }, 'its file was deleted from the inbox', {
    by: 'person',
  });
}
