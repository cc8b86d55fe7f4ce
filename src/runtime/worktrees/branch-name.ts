import type { TaskId } from '../model/ids.ts';

/** The folder of branches that are ours. */
export const OURS = 'yardmaster';

/** The nth name for a task's branch. What a branch can't be called is replaced (git-check-ref-format). */
export function branchName(id: TaskId, nth = 1): string {
  const plain = id.replace(/[ ~]/g, '-').replace(/\.lock$/i, '-lock');
  return `${OURS}/${plain}${nth === 1 ? '' : `-${nth}`}`;
}
