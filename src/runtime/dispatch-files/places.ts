import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Outgoing } from '../model/outgoing.ts';

/** One intake folder: what lies in it is new, and where it goes is in folders below it. */
export interface IntakeFolder {
  readonly dir: string;
  readonly accepted: string;
  readonly rejected: string;
  readonly completed: string;
  /** The home's own: made where it is not there. */
  readonly own: boolean;
}

export function folderAt(dir: string, own: boolean): IntakeFolder {
  const below = (name: string) => join(dir, name);
  return { dir, own, accepted: below('accepted'), rejected: below('rejected'), completed: below('completed') };
}

export function reportFile({ completed }: Pick<IntakeFolder, 'completed'>, id: string): string {
  return join(completed, `${id}.json`);
}

/** Where the report of a task belongs: to the home, and to the intake folder that its file came from, while that is one. */
export function reportPlaces(
  { ref, dispatch }: Pick<Outgoing, 'ref' | 'dispatch'>,
  folders: { readonly own: IntakeFolder; folder(dir: string): IntakeFolder | undefined },
): string[] {
  const from = dispatch?.folder === undefined ? undefined : folders.folder(dispatch.folder);
  return [folders.own, ...(from ? [from] : [])].map((folder) => reportFile(folder, dispatch?.id ?? ref.id));
}

/** Files that are meant for us; others are left alone, whatever they are. */
export function isDispatchFile(name: string): boolean {
  return /^dispatch-.*\.json$/s.test(name);
}

const MAX_BYTES = 200; // leaves room for `-17.json.reason.json`

/** The name under which a file is put away: its own; `dispatch-x-2.json` where that is taken. */
export function putAwayAs(name: string, n: number): string {
  const stem = name.slice(0, -'.json'.length);
  const digest = createHash('sha256').update(name).digest('hex').slice(0, 8);
  const short = Buffer.byteLength(name) <= MAX_BYTES ? stem : `${cut(stem, MAX_BYTES - 20)}-${digest}`;
  return n === 1 ? `${short}.json` : `${short}-${n}.json`;
}

function cut(text: string, bytes: number): string {
  let kept = '';
  for (const char of text) {
    if (Buffer.byteLength(kept + char) > bytes) break;
    kept += char;
  }
  return kept;
}

export const REASON = '.reason.json';
