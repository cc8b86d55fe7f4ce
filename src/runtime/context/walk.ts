import { join } from 'node:path';
import type { Files } from '../ports.ts';

/** Never packed, wherever they lie: the queue's texts, and what git keeps for itself. */
const NEVER: ReadonlySet<string> = new Set(['.git', '.agent-queue']);
/** Not meant by anybody who names a folder, where no git says so. */
const SKIPPED: ReadonlySet<string> = new Set([...NEVER, 'node_modules']);

const MOST_ENTRIES = 50_000;
const MOST_DEPTH = 64;

/** Without case, for file systems that know none. */
export function isNeverPacked(path: string): boolean {
  return path.split('/').some((part) => NEVER.has(part.toLowerCase()));
}

/** What lies below some folders of a folder. Links are named and not followed; a repository in it is not entered. */
export async function walk(
  files: Pick<Files, 'list' | 'stat'>,
  folder: string,
  roots: readonly string[],
): Promise<readonly string[] | 'too many'> {
  const paths = new Set<string>();
  const open: string[] = [];
  for (const root of roots.filter((one) => !one.split('/').some(isSkipped))) {
    const around = await repositoryAround(files, folder, root);
    const kind = around === undefined ? (await lookAt(files, join(folder, root)))?.kind : undefined;
    if (kind === 'dir') open.push(root);
    else if (kind !== undefined) paths.add(root);
  }
  const seen = new Set<string>();
  let entries = 0;
  for (let dir = open.pop(); dir !== undefined; dir = open.pop()) {
    if (seen.has(dir)) continue;
    seen.add(dir);
    const here = (await files.list(join(folder, dir))) ?? [];
    entries += here.length + 1;
    if (entries > MOST_ENTRIES || dir.split('/').length > MOST_DEPTH) return 'too many';
    if (dir !== '' && here.some(({ name }) => name === '.git')) continue;
    for (const { name, kind } of here.filter((entry) => !isSkipped(entry.name))) {
      const path = dir === '' ? name : `${dir}/${name}`;
      if (kind === 'dir') open.push(path);
      else paths.add(path);
    }
  }
  return [...paths].sort();
}

/** The outermost folder on the way to a path, itself included, that is a git repository of its own. */
export async function repositoryAround(
  files: Pick<Files, 'stat'>,
  folder: string,
  path: string,
): Promise<string | undefined> {
  const parts = path.split('/');
  for (const [n] of parts.entries()) {
    const around = parts.slice(0, n + 1).join('/');
    if (around !== '' && (await lookAt(files, join(folder, around, '.git')))) return around;
  }
  return undefined;
}

/** Behind a link that leads in a circle nothing is; what is said of the link itself, others say. */
async function lookAt(files: Pick<Files, 'stat'>, path: string) {
  return files.stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP') return undefined;
    throw error;
  });
}

function isSkipped(name: string): boolean {
  return SKIPPED.has(name.toLowerCase());
}
