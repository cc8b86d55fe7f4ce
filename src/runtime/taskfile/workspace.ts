import type { Workspace } from '../model/task.ts';
import type { Entry } from './write.ts';

/** What the file of a finished task says of the worktree that it had. */
export function workspaceEntries(workspace: Workspace | undefined): [string, Entry][] {
  if (!workspace) return [];
  const { branch, base, commits, files_changed, insertions, deletions, kept } = workspace;
  return [
    ['branch', branch],
    ['base', base],
    ['branch_commits', commits],
    ['branch_files_changed', files_changed],
    ['insertions', insertions],
    ['deletions', deletions],
    ['worktree_kept', kept],
  ];
}

/** The same, read back; undefined where the task had no worktree. */
export function readWorkspace(get: (key: string) => string | undefined): Workspace | undefined {
  const branch = get('branch');
  const base = get('base');
  if (branch === undefined || base === undefined) return undefined;
  const number = (key: string) => Number(get(key)) || 0;
  const kept = get('worktree_kept');
  return {
    ...{ branch, base, commits: number('branch_commits'), files_changed: number('branch_files_changed') },
    ...{ insertions: number('insertions'), deletions: number('deletions') },
    ...(kept !== undefined && { kept }),
  };
}
