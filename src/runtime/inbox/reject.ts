import { join } from 'node:path';
import type { TaskId } from '../model/ids.ts';
import type { FileStat } from '../ports.ts';
import { numbered } from '../taskfile/names.ts';
import { type Rejection, renderRejection } from '../taskfile/render.ts';
import { signature } from './arrival.ts';
import type { InboxContext } from './context.ts';

export interface Drop {
  readonly name: string;
  readonly stat: FileStat;
  /** The name under which it may lie in failed/. */
  readonly safe: TaskId;
}

/**
 * Moves a drop that can't be a task to failed/, its bytes intact and the reason in front.
 *
 * 1. Destination first, source last: the reason and the bytes are on disk and recorded before the drop is taken away.
 * 2. Nothing is overwritten; a name that is taken gets `-2`.
 * 3. Nothing is followed: a link, a folder or a pipe is moved aside as it is.
 */
export async function reject(
  context: InboxContext,
  drop: Drop,
  why: { message: string; hint: string },
): Promise<'rejected' | 'gone'> {
  const { store, project, files } = context;
  await files.makeDir(context.queue.failedDir);
  for (let n = 1; ; n++) {
    const as = n === 1 ? drop.safe : numbered(drop.safe, n);
    if (await isTaken(context, as)) continue;
    const put =
      drop.stat.kind === 'file' ? await copyFile(context, drop, as, why) : await copyReason(context, drop, as, why);
    if (put === 'exists') continue;
    if (put === 'missing') return 'gone';
    await files.sync(context.queue.failed(as));
    await files.syncDir(context.queue.failedDir);
    const record = { name: drop.name, failed_as: `${as}.md`, reason: why.message, size: drop.stat.size };
    await store.rejected(project.id, record, { by: 'drop' });
    await takeAway(context, drop, as);
    return 'rejected';
  }
}

async function isTaken({ store, project, files, queue }: InboxContext, as: TaskId): Promise<boolean> {
  if ((await store.get({ project: project.id, id: as })) !== undefined) return true;
  return (
    (await files.stat(queue.failed(as))) !== undefined || (await files.stat(aside(queue.failedDir, as))) !== undefined
  );
}

function aside(failedDir: string, as: TaskId): string {
  return join(failedDir, `${as}.as-found`);
}

function copyFile({ files, queue, clock }: InboxContext, drop: Drop, as: TaskId, why: Why) {
  return files.copyBehind(
    renderRejection(rejection(drop, why, clock.now())),
    queue.inboxEntry(drop.name),
    queue.failed(as),
  );
}

async function copyReason({ files, queue, clock }: InboxContext, drop: Drop, as: TaskId, why: Why) {
  const target = drop.stat.kind === 'link' ? await files.readLink(queue.inboxEntry(drop.name)) : undefined;
  const header = renderRejection({
    ...rejection(drop, why, clock.now()),
    moved_to: `failed/${as}.as-found`,
    ...(target === undefined ? {} : { link_target: target }),
  });
  return files.create(queue.failed(as), header);
}

type Why = { message: string; hint: string };

function rejection(drop: Drop, why: Why, at: number): Rejection {
  return { name: drop.name, reason: why.message, hint: why.hint, at, size: drop.stat.size };
}

/** A file that changed while it was copied stays: it is looked at again as a new one. */
async function takeAway({ files, queue }: InboxContext, drop: Drop, as: TaskId): Promise<void> {
  const path = queue.inboxEntry(drop.name);
  const now = await files.stat(path);
  if (!now || signature(now) !== signature(drop.stat)) return;
  if (drop.stat.kind === 'file') await files.remove(path);
  else await files.move(path, aside(queue.failedDir, as)); // free, as isTaken saw, and only we write there
}
