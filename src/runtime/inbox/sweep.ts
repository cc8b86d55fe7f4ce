import { classify } from '../taskfile/names.ts';
import { judgeAbsent } from './absence.ts';
import { act } from './act.ts';
import { inGroups } from './groups.ts';
import { type Finding, type Look, lookAt } from './look.ts';
import { noteUnreadable } from './unreadable.ts';
import type { Vanished } from './vanished.ts';

/** What a scan did. */
export interface ScanReport {
  readonly taken: number;
  readonly rejected: number;
  /** Drops that are not complete yet. */
  readonly waiting: number;
  /** Drops that are complete and stay where they are, and why. */
  readonly deferred?: { readonly count: number; readonly reason: string };
  /** When it is worth looking again, in milliseconds; the periodic scan comes anyway. */
  readonly again?: number;
}

export interface Sweep extends Look {
  readonly vanished: Vanished;
  /** The names that were heard of; everything when absent. New and incomplete files are looked at in any case. */
  readonly heard?: ReadonlySet<string>;
  readonly stopping: () => boolean;
}

const BATCH = 200;

/**
 * One scan of an inbox: one listing, a stat for what may have changed, and a commit for each batch of complete drops.
 *
 * 1. The listing is taken before the store is asked: whatever the store wrote is known by then.
 * 2. A drop is either taken, moved to failed/ with its reason, or left where it is: none is lost.
 */
export async function sweep(scan: Sweep): Promise<ScanReport> {
  const { context, memory } = scan;
  const listed = await listInbox(scan);
  const gone = memory.forgetAllBut(listed);
  const again: number[] = await judgeAbsent(scan, gone, listed);
  reportIgnored(scan, listed);
  const names = [...listed].filter((name) => isToLookAt(scan, name));
  let [taken, rejected] = [0, 0];
  let deferred: ScanReport['deferred'];
  for (let at = 0; at < names.length && !scan.stopping(); at += BATCH) {
    const found = await inGroups(names.slice(at, at + BATCH), async (name) => ({
      name,
      finding: await tryLook(scan, name),
    }));
    for (const { finding } of found) if (finding.kind === 'wait') again.push(finding.ms);
    const done = await act(scan, found, again);
    taken += done.taken;
    rejected += done.rejected;
    if (done.deferred === undefined) continue;
    deferred = { count: names.filter((name) => !memory.isKnown(name)).length, reason: done.deferred };
    break; // the store takes nothing more for now
  }
  const soonest = Math.min(...again);
  const report = { taken, rejected, waiting: memory.waiting, ...(deferred && { deferred }) };
  return Number.isFinite(soonest) ? { ...report, again: Math.min(soonest, context.config().dispatcher.scan) } : report;
}

async function listInbox({ context, memory }: Sweep): Promise<ReadonlySet<string>> {
  const entries = await context.files.list(context.queue.inbox);
  if (!entries && memory.firstTime('inbox_missing', ''))
    context.note({
      code: 'inbox_missing',
      message: `${context.queue.inbox} is not there; its tasks are written again`,
    });
  return new Set(entries?.map((entry) => entry.name));
}

function isToLookAt({ memory, heard }: Sweep, name: string): boolean {
  const entry = classify(name);
  if (entry.kind !== 'task' && !(entry.kind === 'unusable' && entry.as === 'task')) return false;
  return !heard || heard.has(name) || memory.isWaiting(name) || !memory.isKnown(name);
}

function reportIgnored({ context, memory }: Sweep, listed: ReadonlySet<string>): void {
  for (const name of listed) {
    const entry = classify(name);
    if (entry.kind !== 'ignored' || entry.why !== 'not_markdown' || !memory.firstTime('name_ignored', name)) continue;
    context.note({ code: 'name_ignored', name, message: 'only files that end in .md become tasks' });
  }
}

/** What can't be looked at (no rights, a broken disk) is said once and tried again in later scans. */
async function tryLook(scan: Sweep, name: string): Promise<Finding> {
  try {
    return await lookAt(scan, name);
  } catch (error) {
    noteUnreadable(scan, name, error);
    return { kind: 'nothing' };
  }
}
