import { join } from 'node:path';
import { arrivedWhole, quietIn } from '../inbox/arrival.ts';
import { inGroups } from '../inbox/groups.ts';
import { wrongKind } from '../inbox/look.ts';
import type { InboxMemory } from '../inbox/memory.ts';
import type { DispatchContext } from './context.ts';
import { type IntakeFolder, isDispatchFile } from './places.ts';
import { type Arrival, accept, reject } from './put-away.ts';
import { take, type Verdict } from './take.ts';
import { type Unfit, unfit } from './unfit.ts';

export interface Sweep {
  readonly context: DispatchContext;
  readonly folder: IntakeFolder;
  readonly own: IntakeFolder;
  readonly memory: InboxMemory;
  readonly stopping: () => boolean;
}

export interface Swept {
  readonly taken: number;
  readonly rejected: number;
  /** Why files stay that are complete, in the words of the first. */
  readonly deferred?: { readonly count: number; readonly reason: string };
  /** When it is worth looking again, in milliseconds. */
  readonly again?: number;
}

const BATCH = 100;
const BATCH_BYTES = 8 * 1_048_576;
const SOON_MS = 50;

/**
 * One look at an intake folder.
 *
 * D1. Complete files become tasks in the order of their arrival: time of the last write, then name.
 * D2. A file is taken, moved to rejected/ with its reason, or left where it is: none is lost.
 * D3. It is moved only when its task is durable; a crash in between is seen by its id and its content, and makes no second.
 */
export async function sweep(scan: Sweep): Promise<Swept> {
  const { context, folder, memory } = scan;
  const entries = await context.files.list(folder.dir);
  if (!entries) throw new Error('there is no such folder');
  const names = entries.map(({ name }) => name).filter(isDispatchFile);
  memory.forgetAllBut(new Set(names));
  const again: number[] = [];
  const { ready, wrong } = await complete(scan, names, again);
  let [taken, rejected] = [0, 0];
  const waits: string[] = [];
  const count = (verdicts: readonly Verdict[]) => {
    for (const one of verdicts) {
      if (one.kind === 'taken') taken++;
      if (one.kind === 'unfit') rejected++;
      if (one.kind === 'again') again.push(SOON_MS);
      if (one.kind === 'deferred') waits.push(one.reason);
    }
    return verdicts.some((one) => one.kind === 'deferred' && one.all);
  };
  count(await act(scan, wrong, again));
  for (const batch of batches(ready)) {
    if (scan.stopping()) break;
    const verdicts = await take(context, scan, batch); // D1
    if (count(await act(scan, verdicts, again))) break;
  }
  const soonest = Math.min(...again);
  return {
    ...{ taken, rejected },
    ...(waits[0] !== undefined && { deferred: { count: waits.length, reason: waits[0] } }),
    ...(Number.isFinite(soonest) && { again: soonest }),
  };
}

/** What nobody writes any more, oldest first; and what can be no file of ours whatever it says. */
async function complete(scan: Sweep, names: readonly string[], again: number[]) {
  const { context, folder } = scan;
  const ready: (Arrival & { readonly inPlace: boolean })[] = [];
  const wrong: Verdict[] = [];
  const now = context.clock.now(); // one for all: else a younger file could be quiet before an older one (D1)
  for (const name of names) {
    const stat = await context.files.stat(join(folder.dir, name));
    if (!stat) continue;
    const whole = stat.kind === 'file' && arrivedWhole(stat);
    const wait = whole ? 0 : quiet(scan, { name, stat }, now);
    const no = wrongKind(stat, context.config.limits.max_task_bytes);
    if (wait > 0) again.push(wait);
    else if (no) wrong.push({ kind: 'unfit', arrival: { name, stat }, why: unfit(no.message, no.hint) });
    else ready.push({ name, stat, inPlace: !whole });
  }
  const path = (arrival: Arrival) => join(folder.dir, arrival.name);
  const written = await context.writers.among(ready.filter(({ inPlace }) => inPlace).map(path));
  const closed = ready.filter((one) => !written.has(path(one)));
  if (closed.length < ready.length) again.push(context.config.dispatcher.settle);
  return { ready: closed.sort(byArrival), wrong };
}

function quiet({ context, memory }: Sweep, { name, stat }: Arrival, now: number): number {
  return quietIn(stat, memory.waitingSince(name, stat, now), now, context.config.dispatcher.settle);
}

function byArrival(a: Arrival, b: Arrival): number {
  return a.stat.mtimeMs - b.stat.mtimeMs || (a.name < b.name ? -1 : 1);
}

function* batches(arrivals: readonly Arrival[]): Generator<Arrival[]> {
  let batch: Arrival[] = [];
  let bytes = 0;
  for (const arrival of arrivals) {
    if (batch.length >= BATCH || (batch.length > 0 && bytes + arrival.stat.size > BATCH_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(arrival);
    bytes += arrival.stat.size;
  }
  if (batch.length > 0) yield batch;
}

/** The files follow the verdicts (D3). What the disk refuses is tried again with the next look. */
function act({ context, folder }: Sweep, verdicts: readonly Verdict[], again: number[]): Promise<Verdict[]> {
  return inGroups(verdicts, async (verdict): Promise<Verdict> => {
    const { arrival } = verdict;
    if (verdict.kind !== 'taken' && verdict.kind !== 'unfit') return verdict;
    try {
      const put =
        verdict.kind === 'taken'
          ? await accept(context, folder, arrival, verdict.bytes)
          : await reject(context, folder, arrival, verdict.why);
      if (verdict.kind === 'unfit' && put === 'away') tell(context, folder, arrival, verdict.why);
      if (put === 'changed') again.push(context.config.dispatcher.settle);
      return verdict;
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      return { kind: 'deferred', arrival, reason: `it can't be moved: ${error.message}`, all: false };
    }
  });
}

function tell({ say }: DispatchContext, { dir }: IntakeFolder, { name }: Arrival, { reason }: Unfit): void {
  say('warn', 'a dispatch file was rejected', { file: join(dir, name), reason });
}
