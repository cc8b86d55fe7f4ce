import { OURS } from './branch-name.ts';
import { type GitCalls, GitNotNow } from './calls.ts';
import { type Contents, contentsOf, Unclear } from './look.ts';
import { isListed, isWorktree, type MakePorts } from './make.ts';
import { type OwnTree, onBranch } from './record.ts';

/*
 * How a worktree goes.
 *
 * U1. Nothing that is in no commit goes, unless a person has said so by name. Git itself looks again when it removes.
 * U2. What a process works in stays.
 * U3. A branch goes only while it is exactly the commit that it began at, and is checked out nowhere.
 */

export type Removed =
  | { readonly kind: 'removed'; readonly branch: 'stays' | 'removed' }
  | { readonly kind: 'kept'; readonly why: string }
  /** It is looked at again later. */
  | { readonly kind: 'not_now'; readonly why: string };

export async function takeAway(
  ports: MakePorts,
  git: GitCalls,
  tree: OwnTree,
  path: string,
  { discard }: { readonly discard: boolean } = { discard: false },
): Promise<Removed> {
  try {
    if ((await ports.files.stat(path)) === undefined) return await gone(ports, git, tree, path);
    const working = await ports.workingIn(path);
    if (working.length > 0)
      return { kind: 'not_now', why: `a process works in it (pid ${working.slice(0, 5).join(', ')})` }; // U2
    if (tree.phase === 'planned' || tree.phase === 'branched') {
      await ports.removeTree(path); // half made: nobody has worked in it
      return await gone(ports, git, tree, path);
    }
    if (!(await isWorktree(ports, git, path)))
      return { kind: 'kept', why: 'git does not know it as a worktree any more' };
    return await removeWhole(ports, git, tree, path, discard);
  } catch (error) {
    if (error instanceof GitNotNow) return { kind: 'not_now', why: error.message };
    if (error instanceof Unclear) return { kind: 'kept', why: error.message };
    throw error;
  }
}

async function removeWhole(
  ports: MakePorts,
  git: GitCalls,
  tree: OwnTree,
  path: string,
  discard: boolean,
): Promise<Removed> {
  const contents = await contentsOf(ports.files, git.in(path));
  const cut = tree.phase === 'removing' && contents.onlyMissing; // an earlier removal was killed
  if (contents.uncommitted !== undefined && !discard && !cut) return { kind: 'kept', why: contents.uncommitted }; // U1
  const now = contents.branch === undefined ? tree : onBranch(tree, contents.branch);
  const going = await ports.records.write({ ...now, phase: cut || !discard ? 'removing' : tree.phase });
  const force = discard || cut ? ['--force'] : [];
  const removed = await git.run('worktree', 'remove', ...force, path);
  if (removed.kind === 'ok') return gone(ports, git, going, path);
  if (removed.kind === 'not_now') return { kind: 'not_now', why: removed.why };
  if (!cut) await ports.records.write({ ...going, phase: 'made' }); // git looks first, and has taken nothing
  return { kind: 'kept', why: wordsOf(removed.why, contents) };
}

function wordsOf(why: string, { uncommitted }: Contents): string {
  return uncommitted ?? (/submodule/i.test(why) ? 'it has submodules: git removes it only when told to discard' : why);
}

/** Its folder is gone: so goes what git knows of it, and a branch that has nothing of its own. */
async function gone(ports: MakePorts, git: GitCalls, tree: OwnTree, path: string): Promise<Removed> {
  if (await isListed(ports, git, path)) await git.run('worktree', 'remove', '--force', path);
  if (tree.phase === 'planned') {
    await ports.records.forget(tree); // nothing is certainly ours
    return { kind: 'removed', branch: 'stays' };
  }
  const branch_removed = tree.branch_removed === true || (await withoutBranch(git, tree));
  const { kept: _, ...rest } = tree;
  await ports.records.write({ ...rest, phase: 'removed', ...(branch_removed && { branch_removed }) });
  return { kind: 'removed', branch: branch_removed ? 'removed' : 'stays' };
}

/** U3 */
async function withoutBranch(git: GitCalls, tree: OwnTree): Promise<boolean> {
  const { branch, base, on } = tree;
  if (!branch.startsWith(`${OURS}/`)) return false;
  if (on !== undefined && (await git.branch(on)) === undefined) return false;
  if ((await git.branch(branch)) !== base) return false;
  if ((await git.worktrees()).some((one) => one.branch === branch)) return false;
  return (await git.run('update-ref', '-d', `refs/heads/${branch}`, base)).kind === 'ok'; // only while it is that commit
}
