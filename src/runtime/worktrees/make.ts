import { dirname, join } from 'node:path';
import type { TaskRef } from '../model/ids.ts';
import type { Clock, Files } from '../ports.ts';
import type { OpenedWorkspace } from '../work.ts';
import { branchName, OURS } from './branch-name.ts';
import type { GitCalls, Ran } from './calls.ts';
import type { OwnTree, TreeRecords } from './record.ts';
import type { Base, Repository } from './repository.ts';

/*
 * How a worktree comes to be there.
 *
 * T1. What is about to be made is on record first. A branch or a folder that no record of ours explains is somebody's, and
 *     is left as it is.
 * T2. Until the record says `made`, nobody has worked in the folder: what is half made is taken away and made again.
 * T3. From `made` on nothing of it is taken away here, whatever is wrong with it.
 * T4. A git that outlived an earlier runtime and still makes it is waited for.
 */

export interface MakePorts {
  readonly files: Files;
  readonly clock: Clock;
  readonly records: TreeRecords;
  /** The path with every link resolved; undefined where nothing is. */
  readonly real: (path: string) => Promise<string | undefined>;
  readonly removeTree: (dir: string) => Promise<void>;
  /** Processes that work in a folder. */
  readonly workingIn: (dir: string) => Promise<readonly number[]>;
}

type Step<T> = { readonly kind: 'ok'; readonly value: T } | Exclude<OpenedWorkspace, { kind: 'ready' }>;

const MOST_NAMES = 20;
const LOOK_MS = 100;
const LOOKS = 50;

/** A tree on record whose branch is there and is ours. */
export async function planned(
  ports: MakePorts,
  { git, top }: Repository,
  ref: TaskRef,
  base: Exclude<Base, { unknown: string }>,
): Promise<Step<OwnTree>> {
  if ((await git.branch(OURS)) !== undefined) {
    return unfit(
      `a branch called ${OURS} stands in the way of ${branchName(ref.id)}: git branch -m ${OURS} <another name>`,
    );
  }
  for (let nth = 1; nth <= MOST_NAMES; nth++) {
    const branch = branchName(ref.id, nth);
    if ((await git.branch(branch)) !== undefined || isOnRecord(ports.records, { ...ref, repository: top, branch }))
      continue;
    const tree = await ports.records.write({
      ...{ kind: 'own', project: ref.project, id: ref.id, branch, phase: 'planned', made_at: ports.clock.now() },
      ...{ base: base.commit, base_name: base.name, repository: top },
    } satisfies OwnTree as OwnTree); // T1
    const branched = await withBranch(ports, git, tree);
    if (branched !== 'taken') return branched;
  }
  return unfit(`branches called ${branchName(ref.id)}, -2 and so on are all there already, and none is this task's`);
}

/** Another task may have planned it without having made it yet. */
function isOnRecord(records: TreeRecords, wanted: Pick<OwnTree, 'repository' | 'branch' | 'project' | 'id'>): boolean {
  const { repository, branch, project, id } = wanted;
  return records
    .own()
    .some(
      (tree) =>
        tree.repository === repository && tree.branch === branch && !(tree.project === project && tree.id === id),
    );
}

/** `taken`: it turned up meanwhile, and is somebody's. */
export async function withBranch(ports: MakePorts, git: GitCalls, tree: OwnTree): Promise<Step<OwnTree> | 'taken'> {
  const there = await git.branch(tree.branch);
  if (there === undefined) {
    const none = '0'.repeat(tree.base.length); // only where it is not there
    const made = await git.run('update-ref', `refs/heads/${tree.branch}`, tree.base, none);
    if (made.kind === 'not_now') return { kind: 'wait', reason: made.why };
    if (made.kind === 'no') {
      if ((await git.branch(tree.branch)) !== undefined) return 'taken';
      return unfit(`the branch ${tree.branch} can't be made: ${made.why}`);
    }
  } else if (there !== tree.base) return 'taken'; // one that a kill kept from our record begins where we wanted it to
  return { kind: 'ok', value: await ports.records.write({ ...tree, phase: 'branched' }) };
}

/** Makes the folder of a tree whose branch is there; what is there of it has seen no work (T2). */
export async function withFolder(ports: MakePorts, git: GitCalls, tree: OwnTree, path: string): Promise<Step<OwnTree>> {
  const cleared = (await stillBusy(ports, path)) ?? (await takenAway(ports, git, path));
  if (cleared) return cleared;
  await ports.files.makeDir(dirname(path));
  const made = await git.run('worktree', 'add', '--quiet', path, tree.on ?? tree.branch);
  if (made.kind !== 'ok') return notMade(git, tree, made);
  return { kind: 'ok', value: await ports.records.write({ ...withoutEnd(tree), phase: 'made', worked: true }) };
}

/** T4 */
export async function stillBusy(ports: MakePorts, path: string): Promise<Step<never> | undefined> {
  for (let look = 0; (await ports.workingIn(path)).length > 0; look++) {
    if (look === LOOKS) return { kind: 'wait', reason: `a process still works in ${path}` };
    await new Promise<void>((resolve) => void ports.clock.after(LOOK_MS, resolve));
  }
  return undefined;
}

async function takenAway(ports: MakePorts, git: GitCalls, path: string): Promise<Step<never> | undefined> {
  await ports.removeTree(path);
  const listed = await isListed(ports, git, path);
  if (!listed) return undefined;
  const removed = await git.run('worktree', 'remove', '--force', '--force', path); // twice: one that is half made is locked
  if (removed.kind === 'ok') return undefined;
  return { kind: 'wait', reason: `what is left of a worktree at ${path} can't be taken away: ${removed.why}` };
}

export async function isListed({ real }: Pick<MakePorts, 'real'>, git: GitCalls, path: string): Promise<boolean> {
  const parent = (await real(dirname(path))) ?? dirname(path);
  const canonical = join(parent, path.slice(dirname(path).length + 1));
  return (await git.worktrees()).some((one) => one.path === canonical || one.path === path);
}

async function notMade(git: GitCalls, tree: OwnTree, made: Exclude<Ran, { kind: 'ok' }>): Promise<Step<never>> {
  if (made.kind === 'not_now') return { kind: 'wait', reason: `its worktree can't be made now: ${made.why}` };
  const branch = tree.on ?? tree.branch;
  const other = (await git.worktrees()).find((one) => one.branch === branch);
  if (other) return { kind: 'wait', reason: `its branch ${branch} is checked out at ${other.path}` };
  return unfit(`its worktree can't be made: ${made.why}`);
}

/** Whether the folder is this worktree, whole; git is asked to mend what ties it to its repository. */
export async function isWorktree(
  ports: Pick<MakePorts, 'files' | 'real'>,
  git: GitCalls,
  path: string,
): Promise<boolean> {
  const isTop = async () => {
    const top = await git.in(path).ask('rev-parse', '--show-toplevel');
    return top !== undefined && top === (await ports.real(path)); // else git has found a repository around it
  };
  if (await isTop()) return true;
  await git.run('worktree', 'repair', path);
  return isTop();
}

function withoutEnd({ kept: _, branch_removed: __, ...tree }: OwnTree): OwnTree {
  return tree;
}

function unfit(reason: string): { readonly kind: 'unfit'; readonly reason: string } {
  return { kind: 'unfit', reason };
}
