import { join } from 'node:path';
import type { Workspace } from '../model/task.ts';
import type { Files } from '../ports.ts';
import type { GitCalls } from './calls.ts';
import type { OwnTree } from './record.ts';

/** What is in a worktree beside its commits. */
export interface Contents {
  /** The branch that is checked out; absent where none is. */
  readonly branch?: string;
  readonly tip: string;
  /** Why it must not go: something in it is nowhere else. */
  readonly uncommitted?: string;
  /** What is not committed, as git shows it: ` M src/a.ts`. */
  readonly changes: readonly string[];
  /** Files are missing and nothing else: what a removal leaves that was killed. */
  readonly onlyMissing: boolean;
}

/** Git has no answer, and will have none: it is broken, or it is too much. */
export class Unclear extends Error {}

/** Ignored files don't count. Throws Unclear, or GitNotNow. */
export async function contentsOf(files: Pick<Files, 'stat'>, git: GitCalls): Promise<Contents> {
  const out = await git.ask(
    'status',
    '--porcelain',
    '-z',
    '--untracked-files=normal',
    '--ignore-submodules=none',
    '--no-renames',
  );
  const tip = await git.commit('HEAD');
  if (out === undefined || tip === undefined) throw new Unclear("git can't tell what is in it");
  const branch = await git.ask('symbolic-ref', '--quiet', '--short', 'HEAD');
  const changes = out.split('\0').filter(Boolean);
  const uncommitted =
    changesText(changes) ?? (await unfinished(files, git)) ?? (branch ? undefined : await adrift(git));
  return {
    ...(branch && { branch }),
    ...(uncommitted !== undefined && { uncommitted }),
    tip,
    changes,
    onlyMissing: changes.length > 0 && changes.every((line) => line.startsWith(' D ')),
  };
}

export function changesText(changes: readonly string[]): string | undefined {
  const folders = changes.filter((line) => line.endsWith('/')).length;
  const files = changes.length - folders;
  const parts = [counted(files, 'file'), counted(folders, 'folder')].filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  return `${parts.join(' and ')} ${changes.length === 1 ? 'is' : 'are'} not committed`;
}

function counted(count: number, noun: string): string {
  return count === 0 ? '' : `${count} ${noun}${count === 1 ? '' : 's'}`;
}

const UNDER_WAY: Readonly<Record<string, string>> = {
  MERGE_HEAD: 'a merge',
  'rebase-merge': 'a rebase',
  'rebase-apply': 'a rebase',
  CHERRY_PICK_HEAD: 'a cherry-pick',
  REVERT_HEAD: 'a revert',
  BISECT_LOG: 'a bisect',
};

async function unfinished(files: Pick<Files, 'stat'>, git: GitCalls): Promise<string | undefined> {
  const dir = await git.ask('rev-parse', '--absolute-git-dir');
  for (const [name, what] of Object.entries(UNDER_WAY)) {
    if (dir !== undefined && (await files.stat(join(dir, name)))) return `${what} is under way`;
  }
  return undefined;
}

/** Commits that only its HEAD knows would go with it. */
async function adrift(git: GitCalls): Promise<string | undefined> {
  const holds = await git.ask(
    'for-each-ref',
    '--count=1',
    '--contains',
    'HEAD',
    'refs/heads',
    'refs/tags',
    'refs/remotes',
  );
  return holds ? undefined : 'its newest commits are on no branch';
}

type Sizes = Pick<Workspace, 'commits' | 'files_changed' | 'insertions' | 'deletions'>;

/** What a branch holds against the commit from which it parted. */
export async function sizesOf(git: GitCalls, base: string, tip: string): Promise<Sizes> {
  if (base === tip) return { commits: 0, files_changed: 0, insertions: 0, deletions: 0 };
  const parted = (await git.ask('merge-base', base, tip)) || base;
  const commits = await git.ask('rev-list', '--count', `${parted}..${tip}`);
  const stat = (await git.ask('diff', '--shortstat', '--no-ext-diff', '--no-textconv', parted, tip)) ?? '';
  return {
    commits: Number(commits ?? 0),
    files_changed: numberBefore(stat, 'file'),
    insertions: numberBefore(stat, 'insertion'),
    deletions: numberBefore(stat, 'deletion'),
  };
}

function numberBefore(stat: string, noun: string): number {
  return Number(new RegExp(`(\\d+) ${noun}`).exec(stat)?.[1] ?? 0);
}

/** The branch with the work of a tree that is not there any more. */
export async function tipOf(git: GitCalls, tree: OwnTree): Promise<string | undefined> {
  return git.branch(tree.on ?? tree.branch);
}
