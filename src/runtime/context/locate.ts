import { join, relative } from 'node:path';
import { realPath } from '../agents/real-path.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import type { FileStat } from '../ports.ts';
import { quote } from '../taskfile/split.ts';
import { type FolderPorts, knowsAll } from './known-files.ts';
import { isNeverPacked } from './walk.ts';

/*
 * L1. A file is what its path leads to behind all links, and that lies in the folder: one that leads out refuses all.
 * L2. A link shows nothing that could not be named itself: where it leads to is known, and never one of the folders that
 *     are never sent.
 */

export interface Found {
  /** As it was named, below the folder. */
  readonly path: string;
  /** Below the folder, behind all links. */
  readonly real: string;
  readonly stat: FileStat;
  readonly exactly: boolean;
}

/** `folder` is a real path itself. */
export async function locate(
  ports: FolderPorts,
  folder: string,
  { path, exactly }: { readonly path: string; readonly exactly: boolean },
): Promise<Found | { readonly path: string; readonly why: string } | Refusal> {
  const target = await realPath(ports.files, join(folder, path));
  if (target === undefined) return { path, why: 'is a link that leads in a circle' };
  const real = below(folder, target);
  if (real === undefined) return leadsOut(path); // L1
  if (isNeverPacked(real)) return leadsOut(path, 'into a folder that is never sent');
  const stat = await ports.files.stat(target);
  if (stat === undefined) return { path, why: 'is not there' };
  if (stat.kind === 'dir' && real === path)
    return { path, why: 'is a git repository of its own, which is not entered' };
  if (stat.kind === 'dir') return { path, why: 'is a link to a folder, which is not followed' };
  if (stat.kind !== 'file') return { path, why: 'is no regular file' };
  const unknown = real === path ? [] : await knowsAll(ports, folder, [real]); // L2
  if (isRefusal(unknown)) return unknown;
  if (unknown.length > 0) return leadsOut(path, `to ${quote(real)}, which is ignored`);
  return { path, real, stat, exactly };
}

/** The path below a folder; undefined for the folder itself and what lies outside. */
export function below(folder: string, path: string): string | undefined {
  const way = relative(folder, path);
  return way === '' || way === '..' || way.startsWith('../') || way.startsWith('/') ? undefined : way;
}

function leadsOut(path: string, where = 'out of the project'): Refusal {
  return refuse(
    'not_allowed',
    `include: ${quote(path)} leads ${where}; nothing was sent`,
    `leave it out: add ${quote(`!${path}`)} to include`,
  );
}
