import { againstMode, againstPath } from '../policy/patch/against.ts';
import type { Patch } from '../policy/patch/change.ts';
import type { Clock, Git } from '../ports.ts';
import { GitCalls, GitNotNow, type Ran } from '../worktrees/calls.ts';

/*
 * A commit made of a patch, without a working tree.
 *
 * T1. It is made in an index of its own: no file of a worktree is touched, and no filter, hook or driver is run.
 * T2. What came of the patch is looked at again as git understood it, before there is a commit: a patch of an ordinary
 *     file may meet a link.
 */

export type Made =
  | { readonly kind: 'commit'; readonly commit: string }
  /** It is no fit for these files. */
  | { readonly kind: 'no_fit'; readonly reason: string; readonly output: string }
  | { readonly kind: 'forbidden'; readonly reason: string };

export interface Making {
  readonly git: Git;
  readonly clock: Clock;
  /** The top of the worktree, and the project's folder in it (with a slash behind it; empty where it is all of it). */
  readonly top: string;
  readonly prefix: string;
  /** Where the index may be made. */
  readonly index: string;
  readonly base: string;
  readonly patch_file: string;
  readonly patch: Patch;
  readonly message: string;
}

const PLAIN = ['-c', 'apply.whitespace=nowarn', '-c', 'apply.ignoreWhitespace=no', '-c', 'core.quotePath=false'];
const WHO = ['-c', 'user.name=Yardmaster', '-c', 'user.email=yardmaster@localhost', '-c', 'core.fsync=committed'];
const NAMES_AT_ONCE = 500;

export async function makeCommit(making: Making): Promise<Made> {
  const { git, clock, top, index, base, prefix, patch_file, message } = making;
  const own: Git = { tracks: git.tracks, run: (folder, args, options) => git.run(folder, args, { ...options, index }) };
  const calls = new GitCalls({ git: own, clock }, top); // T1
  must(await calls.run('read-tree', base));
  const filtered = await filteredName(calls, making);
  if (filtered !== undefined) return { kind: 'forbidden', reason: filtered };
  const below = prefix === '' ? [] : [`--directory=${prefix.replace(/\/$/, '')}`];
  const applied = await calls.run(...PLAIN, 'apply', '--cached', ...below, patch_file);
  if (applied.kind === 'no') return { kind: 'no_fit', reason: 'the patch does not apply', output: applied.why };
  must(applied);
  const tree = must(await calls.run('write-tree')).trim();
  const changed = await changedIn(calls, base, tree);
  if (changed.length === 0) return { kind: 'no_fit', reason: 'the patch changes nothing', output: '' };
  for (const change of changed) {
    const reason = againstResult(change, prefix); // T2
    if (reason !== undefined) return { kind: 'forbidden', reason };
  }
  const commit = must(await calls.run(...WHO, 'commit-tree', tree, '-p', base, '-m', message)).trim();
  return { kind: 'commit', commit };
}

/** Files that a program of the repository writes and reads: here it is not run, so what is behind it would be spoilt. */
async function filteredName(calls: GitCalls, { patch, prefix }: Making): Promise<string | undefined> {
  for (let at = 0; at < patch.paths.length; at += NAMES_AT_ONCE) {
    const names = patch.paths.slice(at, at + NAMES_AT_ONCE).map((path) => `${prefix}${path}`);
    const out = must(await calls.run('check-attr', '--cached', '-z', 'filter', '--', ...names)).split('\0');
    for (let field = 0; field + 2 < out.length; field += 3) {
      const value = out[field + 2] ?? 'unspecified';
      if (value !== 'unspecified' && value !== 'unset') {
        return `${JSON.stringify(out[field])} goes through the filter ${value} of the repository, and no program is run for a patch`;
      }
    }
  }
  return undefined;
}

interface Changed {
  readonly old_mode: string;
  readonly new_mode: string;
  readonly path: string;
}

/** `:100644 100755 old new M`, then the name. */
async function changedIn(calls: GitCalls, base: string, tree: string): Promise<Changed[]> {
  const out = must(await calls.run('diff-tree', '-r', '-z', '--raw', '--no-renames', '--no-ext-diff', base, tree));
  const words = out.split('\0');
  const changed: Changed[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const [old_mode = '', new_mode = ''] = (words[at] ?? '').replace(/^:/, '').split(' ');
    changed.push({ old_mode, new_mode, path: words[at + 1] ?? '' });
  }
  return changed;
}

const ALLOWED = new Set(['000000', '100644', '100755']);

function againstResult({ old_mode, new_mode, path }: Changed, prefix: string): string | undefined {
  if (!path.startsWith(prefix)) return `${JSON.stringify(path)} is not in the project's folder`;
  const mode = [old_mode, new_mode].find((one) => !ALLOWED.has(one));
  if (mode !== undefined) return `${JSON.stringify(path)} ${againstMode(mode)}`;
  return againstPath(path.slice(prefix.length));
}

/** A plumbing command that says no where nothing may go wrong says so of a repository that can't be used now. */
export function must(ran: Ran): string {
  if (ran.kind === 'ok') return ran.out;
  throw new GitNotNow(ran.why);
}
