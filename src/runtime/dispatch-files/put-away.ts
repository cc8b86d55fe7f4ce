import { join } from 'node:path';
import { signature } from '../inbox/arrival.ts';
import { plainLine } from '../model/plain-text.ts';
import type { FileStat, Files } from '../ports.ts';
import type { DispatchContext } from './context.ts';
import { type IntakeFolder, putAwayAs, REASON } from './places.ts';
import type { Unfit } from './unfit.ts';

/*
 * Where dispatch files go.
 *
 * P1. Nothing is overwritten, and nothing is removed of which the same bytes do not stay: a name that is taken gets `-2`.
 * P2. A file that is another one by the time it is moved goes back: it is looked at as a new one.
 * P3. Reason and record come before a rejected file is moved: whoever finds it there finds out why.
 */
export interface Arrival {
  readonly name: string;
  readonly stat: FileStat;
}

export type PutAway = 'away' | 'changed' | 'gone';

/** Its task is durable; what is left to do can be done again at any time. */
export async function accept(
  { files }: Pick<DispatchContext, 'files'>,
  folder: IntakeFolder,
  arrival: Arrival,
  bytes: Uint8Array,
): Promise<PutAway> {
  await files.makeDir(folder.accepted);
  for (let n = 1; ; n++) {
    const target = join(folder.accepted, putAwayAs(arrival.name, n));
    const moved = await moveSame(files, folder, arrival, target);
    if (moved !== 'exists') return moved;
    if (!(await hasBytes(files, target, bytes))) continue; // P1
    if (!(await isSame(files, join(folder.dir, arrival.name), arrival.stat))) return 'changed';
    await files.remove(join(folder.dir, arrival.name));
    return 'away';
  }
}

export async function hasBytes(files: Files, path: string, bytes: Uint8Array): Promise<boolean> {
  const stat = await files.stat(path);
  if (stat?.kind !== 'file' || stat.size !== bytes.length) return false;
  const there = await files.read(path, bytes.length);
  return there !== undefined && Buffer.compare(there, bytes) === 0;
}

export async function reject(
  context: Pick<DispatchContext, 'files' | 'clock' | 'store'>,
  folder: IntakeFolder,
  arrival: Arrival,
  why: Unfit,
): Promise<PutAway> {
  const { files, store } = context;
  await files.makeDir(folder.rejected);
  for (let n = 1; ; n++) {
    const name = putAwayAs(arrival.name, n);
    const target = join(folder.rejected, name);
    if (await files.stat(target)) continue; // P1
    await files.replace(target + REASON, reasonOf(why, context.clock.now()));
    await store.note('dispatch_rejected', plainLine(`${arrival.name}: ${why.reason} (kept as ${target})`)); // P3
    const moved = await moveSame(files, folder, arrival, target);
    if (moved === 'away') return moved;
    await files.remove(target + REASON);
    if (moved !== 'exists') return moved;
  }
}

/** What stands beside a rejected file. */
function reasonOf({ reason, field, hint, existing }: Unfit, now: number): Uint8Array {
  const at = new Date(now).toISOString();
  return Buffer.from(`${JSON.stringify({ reason, field: field ?? null, hint, at, existing }, null, 2)}\n`);
}

async function moveSame(files: Files, { dir }: IntakeFolder, { name, stat }: Arrival, target: string) {
  const source = join(dir, name);
  if (!(await isSame(files, source, stat))) return (await files.stat(source)) ? 'changed' : 'gone';
  const moved = await (stat.kind === 'file' ? files.moveNew(source, target) : moveOther(files, source, target));
  if (moved === 'exists') return moved;
  if (moved === 'missing') return 'gone';
  if (await isSame(files, target, stat)) return 'away';
  await files.moveNew(target, source); // P2
  return 'changed';
}

/** A link, a folder, a pipe: it is not looked into, and only we write where it goes. */
async function moveOther(files: Files, source: string, target: string): Promise<'moved' | 'missing' | 'exists'> {
  return (await files.stat(target)) ? 'exists' : files.move(source, target);
}

async function isSame(files: Files, path: string, stat: FileStat): Promise<boolean> {
  const now = await files.stat(path);
  return now !== undefined && now.kind === stat.kind && signature(now) === signature(stat);
}
