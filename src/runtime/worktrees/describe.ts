import type { Workspace } from '../model/task.ts';
import type { GitCalls } from './calls.ts';
import { type Contents, contentsOf, sizesOf, tipOf } from './look.ts';
import { isWorktree, type MakePorts } from './make.ts';
import { type OwnTree, treePath } from './record.ts';

const MOST_CHANGES = 100;

type Described = Workspace & { readonly uncommitted?: string; readonly changes: readonly string[] };

/** What a worktree and its branch hold. Where that can't be found out, it says so: an end never waits for it. */
export async function described(
  ports: MakePorts & { readonly home: string },
  git: GitCalls | undefined,
  tree: OwnTree,
): Promise<Described> {
  const none = { commits: 0, files_changed: 0, insertions: 0, deletions: 0, changes: [] };
  try {
    if (!git) throw new Error('its project is not there any more');
    const contents = await inside(ports, git, tree);
    const branch = contents?.branch ?? tree.on ?? tree.branch;
    const tip = contents?.tip ?? (await tipOf(git, tree));
    const sizes = tip === undefined ? none : await sizesOf(git, tree.base, tip);
    const { uncommitted, changes = [] } = contents ?? {};
    const kept = uncommitted === undefined ? {} : { kept: uncommitted, uncommitted };
    return { branch, base: tree.base_name, ...sizes, ...kept, changes: changes.slice(0, MOST_CHANGES) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const { branch, base_name: base } = tree;
    return { branch: tree.on ?? branch, base, ...none, kept: `it could not be looked at: ${why}` };
  }
}

async function inside(
  ports: MakePorts & { readonly home: string },
  git: GitCalls,
  tree: OwnTree,
): Promise<Contents | undefined> {
  const path = treePath(ports.home, tree);
  if (tree.phase !== 'made' && tree.phase !== 'removing') return undefined;
  if ((await ports.files.stat(path)) === undefined) return undefined;
  if (!(await isWorktree(ports, git, path))) throw new Error('git does not know it as a worktree any more');
  return contentsOf(ports.files, git.in(path));
}
