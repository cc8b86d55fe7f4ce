import { join } from 'node:path';
import type { Files, Git } from '../ports.ts';
import type { Look, Work } from './records.ts';

/* What was done to a workspace, as git sees it. Outside of git, and where git does not answer, nothing is said. */

export interface WorkspacePorts {
  readonly git: Pick<Git, 'run'>;
  readonly files: Pick<Files, 'stat'>;
}

const MAX_DIRTY = 2_000;
const MAX_SHOWN = 50;
const MAX_NAME = 300; // characters

export async function lookAt({ git, files }: WorkspacePorts, cwd: string): Promise<Look | undefined> {
  const top = await git.run(cwd, ['rev-parse', '--show-toplevel']);
  if (top.code !== 0) return undefined;
  const args = ['status', '--porcelain=v2', '--branch', '-z', '--no-renames'];
  const every = await git.run(cwd, [...args, '--untracked-files=all', '--', '.']);
  const said = every.code === 0 ? every : await git.run(cwd, [...args, '--untracked-files=normal', '--', '.']);
  if (said.code !== 0) return undefined;
  const entries = said.stdout.split('\0').filter((entry) => entry !== '');
  const head = entries.map((entry) => /^# branch\.oid ([0-9a-f]+)$/.exec(entry)?.[1]).find((oid) => oid !== undefined);
  const found = entries.flatMap(dirtyEntry);
  const root = top.stdout.replace(/\n$/, '');
  const marked = await Promise.all(
    found.slice(0, MAX_DIRTY).map(async ({ path, status }): Promise<[string, string]> => {
      const stat = await files.stat(join(root, path)).catch(() => undefined);
      return [path, stat ? `${status} ${stat.size} ${stat.mtimeMs} ${stat.ino}` : status];
    }),
  );
  return {
    ...(head !== undefined && { head }),
    dirty: Object.fromEntries(marked),
    ...(found.length > MAX_DIRTY && { more: true }),
  };
}

/** `1 XY sub mH mI mW hH hI path`, `u XY sub m1 m2 m3 mW h1 h2 h3 path`, `? path`. */
function dirtyEntry(entry: string): { path: string; status: string }[] {
  const kind = entry.slice(0, 2);
  if (kind === '? ') return [{ path: entry.slice(2), status: '??' }];
  if (kind !== '1 ' && kind !== 'u ') return [];
  const words = entry.split(' ');
  const path = words.slice(kind === '1 ' ? 8 : 10).join(' ');
  return [{ path, status: words[1] ?? '' }];
}

/** What is different now: commits, and files beside those that were dirty before already and still are the same. */
export async function workSince(
  ports: WorkspacePorts,
  cwd: string,
  before: Look | undefined,
): Promise<Work | undefined> {
  const now = await lookAt(ports, cwd);
  if (now === undefined) return undefined;
  const heads = {
    ...(before?.head !== undefined && { head_before: before.head }),
    ...(now.head !== undefined && { head_after: now.head }),
  };
  if (before === undefined) return heads;
  const committed = await commitsSince(ports.git, cwd, before.head, now.head);
  const changed = new Set([...(committed?.files ?? []), ...dirtied(before, now)]);
  const names = [...changed].sort().slice(0, MAX_SHOWN);
  return {
    ...heads,
    ...(committed && { commits: committed.count }),
    files_changed: names.map((name) => name.slice(0, MAX_NAME)),
    files_total: changed.size,
  };
}

function dirtied(before: Look, now: Look): string[] {
  const names = new Set([...Object.keys(before.dirty), ...Object.keys(now.dirty)]);
  const differ = [...names].filter((name) => before.dirty[name] !== now.dirty[name]);
  return before.more || now.more ? differ.filter((name) => name in before.dirty && name in now.dirty) : differ;
}

async function commitsSince(
  git: WorkspacePorts['git'],
  cwd: string,
  before: string | undefined,
  after: string | undefined,
): Promise<{ count: number; files: string[] } | undefined> {
  if (before === after || after === undefined) return { count: 0, files: [] };
  const range = before === undefined ? after : `${before}..${after}`;
  const listing =
    before === undefined
      ? ['ls-tree', '-r', '--name-only', '--full-name', '-z', after]
      : ['diff', '--name-only', '--no-renames', '--no-ext-diff', '-z', before, after, '--', '.'];
  const [count, files] = await Promise.all([git.run(cwd, ['rev-list', '--count', range]), git.run(cwd, listing)]);
  if (count.code !== 0 || files.code !== 0) return undefined; // an agent may have thrown the old commit away
  return { count: Number(count.stdout.trim()), files: files.stdout.split('\0').filter((name) => name !== '') };
}
