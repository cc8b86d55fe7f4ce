import type { TaskRef } from './model/ids.ts';
import type { Workspace } from './model/task.ts';

/** A worktree of ours that is there. */
export interface WorktreeView extends Omit<Workspace, 'kept'> {
  readonly task: TaskRef;
  /** Of its task, or of the one that goes on in it. */
  readonly state: string;
  readonly path: string;
  /** What is in no commit, in words, and as git shows it: the first few. */
  readonly uncommitted?: string;
  readonly changes: readonly string[];
  /** Why it stays although its task has ended. */
  readonly kept?: string;
  /** Its task is at work, or has more attempts to come. */
  readonly in_use: boolean;
}

export interface CleanedWorktree {
  readonly task: TaskRef;
  readonly what: 'removed' | 'kept' | 'in_use';
  /** Why it stays, or what became of its branch. */
  readonly detail: string;
  readonly path: string;
}

/** The worktrees as a person sees them. */
export interface WorktreeDesk {
  list(): Promise<readonly WorktreeView[]>;
  /** Removes those of these tasks, else all that may go. `discard`: with what is in no commit. Never one that is in use. */
  clean(
    which: readonly TaskRef[] | undefined,
    options: { readonly discard: boolean },
  ): Promise<readonly CleanedWorktree[]>;
}
