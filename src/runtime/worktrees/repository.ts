import type { TaskId, TaskRef } from '../model/ids.ts';
import type { LiveTask } from '../model/task.ts';
import { type GitCalls, GitNotNow } from './calls.ts';
import type { OwnTree } from './record.ts';

/** The repository around a project's folder. */
export interface Repository {
  readonly git: GitCalls; // in the project's checkout
  readonly top: string;
  /** The project's folder in it; empty where it is the whole repository. */
  readonly folder: string;
}

/** Or why there is none. Throws GitNotNow. */
export async function repositoryAt(git: GitCalls): Promise<Repository | { readonly none: string }> {
  const found = await git.run('rev-parse', '--show-toplevel', '--show-prefix');
  if (found.kind === 'ok') {
    const [top = '', prefix = ''] = found.out.split('\n');
    return { git: git.in(top), top, folder: prefix.replace(/\/$/, '') };
  }
  if (found.kind === 'not_now') throw new GitNotNow(found.why);
  if (/not a git repository/i.test(found.why)) return { none: `${git.folder} is in no git repository` };
  if (/must be run in a work tree/i.test(found.why)) return { none: `${git.folder} is a bare git repository` };
  return { none: `git can't work in ${git.folder}: ${found.why}` };
}

export type Base = { readonly commit: string; readonly name: string } | { readonly unknown: string };

export interface KnownTrees {
  treeOf(ref: TaskRef): OwnTree | undefined;
  /** Whether a task of this id is there that has not ended. */
  isOpen(ref: TaskRef): boolean;
}

/** Where a task's branch begins: another task's branch, a ref that is a commit, or what the project has checked out. */
export async function baseOf({ git }: Repository, task: LiveTask, trees: KnownTrees): Promise<Base> {
  const { base } = task.spec;
  if (base === undefined) return headOf(git);
  if (base.startsWith('-')) return { unknown: `base: ${JSON.stringify(base)} is an option, and no name of a commit` };
  const ref = { project: task.project, id: base as TaskId };
  const tree = trees.treeOf(ref);
  if (tree) return branchOf(git, tree);
  const kept = await git.branch(`yardmaster/${base}`);
  if (kept !== undefined) return { commit: kept, name: `yardmaster/${base}` };
  const commit = await git.commit(base);
  if (commit !== undefined) return { commit, name: base };
  const early = trees.isOpen(ref) ? `: that task has not begun its work yet; depends_on: [${base}] waits for it` : '';
  return {
    unknown: `base: ${JSON.stringify(base)} is neither a task with a branch nor a commit of the repository${early}`,
  };
}

async function headOf(git: GitCalls): Promise<Base> {
  const commit = await git.commit('HEAD');
  if (commit === undefined) return { unknown: `the repository ${git.folder} has no commit yet` };
  return { commit, name: (await git.ask('symbolic-ref', '--quiet', '--short', 'HEAD')) || commit };
}

async function branchOf(git: GitCalls, tree: OwnTree): Promise<Base> {
  const name = tree.on ?? tree.branch;
  const commit = await git.branch(name);
  if (commit !== undefined) return { commit, name };
  if (tree.branch_removed) return { commit: tree.base, name: tree.base_name };
  return { unknown: `base: ${tree.id} has worked on ${name}, and that branch is gone` };
}
