import type { TaskRef } from '../../src/runtime/model/ids.ts';
import type { CleanedWorktree, WorktreeDesk, WorktreeView } from '../../src/runtime/worktree-desk.ts';

/** Worktrees that a test puts here; those without uncommitted work can be cleaned away. */
export class MemoryWorktrees implements WorktreeDesk {
  readonly all: WorktreeView[] = [];

  async list(): Promise<readonly WorktreeView[]> {
    return this.all;
  }

  async clean(
    which: readonly TaskRef[] | undefined,
    { discard }: { readonly discard: boolean },
  ): Promise<readonly CleanedWorktree[]> {
    const meant = this.all.filter(({ task }) => !which || which.some(({ id }) => id === task.id));
    return meant.map((view): CleanedWorktree => {
      const { task, path, uncommitted, in_use } = view;
      if (in_use) return { task, path, what: 'in_use', detail: `task ${task.id} is ${view.state}` };
      if (uncommitted !== undefined && !discard) return { task, path, what: 'kept', detail: uncommitted };
      this.all.splice(this.all.indexOf(view), 1);
      return { task, path, what: 'removed', detail: 'its branch stays' };
    });
  }
}
