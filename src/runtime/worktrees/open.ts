import { join } from 'node:path';
import type { LiveTask } from '../model/task.ts';
import type { OpenedWorkspace } from '../work.ts';
import { contentsOf } from './look.ts';
import { isWorktree, type MakePorts, planned, stillBusy, withBranch, withFolder } from './make.ts';
import { type OwnTree, treePath } from './record.ts';
import { baseOf, type KnownTrees, type Repository } from './repository.ts';

export interface OpenPorts extends MakePorts {
  readonly home: string;
}

type Opened = OpenedWorkspace;

/** The folder of a task's own worktree, made where it is not there yet. Each step can be made again (T1–T4 in make.ts). Throws GitNotNow. */
export async function openTree(
  ports: OpenPorts,
  repository: Repository,
  task: LiveTask,
  trees: KnownTrees,
): Promise<Opened> {
  const known = trees.treeOf(task);
  return known ? reopened(ports, repository, known) : begun(ports, repository, task, trees);
}

async function begun(ports: OpenPorts, repository: Repository, task: LiveTask, trees: KnownTrees): Promise<Opened> {
  const path = treePath(ports.home, task);
  if (await ports.files.stat(path)) return unfit(`${path} is there already, and no record of ours says what it is`); // T1
  const base = await baseOf(repository, task, trees);
  if ('unknown' in base) return unfit(base.unknown);
  const branched = await planned(ports, repository, task, base);
  return branched.kind === 'ok' ? made(ports, repository, branched.value) : branched;
}

/** What is on record goes on from where it stands. */
export async function reopened(ports: OpenPorts, repository: Repository, tree: OwnTree): Promise<Opened> {
  const { git } = repository;
  const path = treePath(ports.home, tree);
  switch (tree.phase) {
    case 'planned':
      return branched(ports, repository, tree);
    case 'branched':
      // A power cut may have taken a branch that was just made.
      if (!tree.worked && (await git.branch(tree.branch)) === undefined) return branched(ports, repository, tree);
      return made(ports, repository, tree);
    case 'removing': {
      const busy = await stillBusy(ports, path); // T4: a git that outlived an earlier runtime
      return busy?.kind === 'wait' ? busy : asItIs(ports, repository, tree, path);
    }
    case 'made':
      return asItIs(ports, repository, tree, path);
    case 'removed':
      if (await ports.files.stat(path)) return unfit(`${path} was removed by us, and somebody has put something there`);
      return again(ports, repository, tree);
  }
}

async function branched(ports: OpenPorts, repository: Repository, tree: OwnTree): Promise<Opened> {
  const first = await withBranch(ports, repository.git, tree);
  const base = { commit: tree.base, name: tree.base_name };
  const step = first === 'taken' ? await planned(ports, repository, tree, base) : first;
  return step.kind === 'ok' ? made(ports, repository, step.value) : step;
}

/** T3 */
async function asItIs(ports: OpenPorts, repository: Repository, tree: OwnTree, path: string): Promise<Opened> {
  if ((await ports.files.stat(path)) === undefined) return again(ports, repository, tree);
  if (await isWorktree(ports, repository.git, path)) return used(ports, repository, tree, path);
  return unfit(`git does not know its worktree any more; what is in ${path} was kept (git worktree repair may help)`);
}

async function used(ports: OpenPorts, repository: Repository, tree: OwnTree, path: string): Promise<Opened> {
  const { kept: _, ...rest } = tree;
  const git = repository.git.in(path);
  // A removal that was killed: what it took away is in the commits. Whatever else has changed since stays as it is.
  if (tree.phase === 'removing' && (await contentsOf(ports.files, git)).onlyMissing) {
    const restored = await git.run('checkout', '--quiet', '--', ':/');
    if (restored.kind !== 'ok') return { kind: 'wait', reason: `its worktree can't be restored: ${restored.why}` };
  }
  if (tree.phase === 'removing' || tree.kept !== undefined) await ports.records.write({ ...rest, phase: 'made' });
  return inFolder(ports, repository, path);
}

/** Its folder is gone, its branch goes on. */
async function again(ports: OpenPorts, repository: Repository, tree: OwnTree): Promise<Opened> {
  const branch = tree.on ?? tree.branch;
  if ((await repository.git.branch(branch)) !== undefined) {
    return made(ports, repository, await ports.records.write({ ...tree, phase: 'branched' }));
  }
  if (!tree.branch_removed) return unfit(`its worktree was removed, and its branch ${branch} is gone`);
  const { branch_removed: _, on: __, worked: ___, ...rest } = tree;
  return reopened(ports, repository, await ports.records.write({ ...rest, phase: 'planned' }));
}

async function made(ports: OpenPorts, repository: Repository, tree: OwnTree): Promise<Opened> {
  const path = treePath(ports.home, tree);
  const folder = await withFolder(ports, repository.git, tree, path);
  return folder.kind === 'ok' ? inFolder(ports, repository, path) : folder;
}

/** A project that is a part of its repository works in that part. */
async function inFolder(ports: OpenPorts, { folder }: Repository, path: string): Promise<Opened> {
  const cwd = join((await ports.real(path)) ?? path, folder);
  if ((await ports.files.stat(cwd))?.kind === 'dir') return { kind: 'ready', cwd };
  return unfit(`the commit that its worktree begins at has no folder ${folder}`);
}

function unfit(reason: string): { readonly kind: 'unfit'; readonly reason: string } {
  return { kind: 'unfit', reason };
}
