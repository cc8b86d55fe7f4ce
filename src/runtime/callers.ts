import { isLive } from './model/task.ts';
import type { TaskStore } from './ports.ts';
import type { Caller } from './yard.ts';

/** An attempt is known by the token in its environment, as long as it is the live one of its task. */
export function callerOf(store: Pick<TaskStore, 'open'>, token: string): Caller | undefined {
  for (const task of store.open().values()) {
    if (!isLive(task) || task.token !== token) continue;
    const ref = { project: task.project, id: task.id };
    return { principal: 'attempt', name: `attempt ${task.attempt} of ${task.id}`, task: ref, depth: task.depth };
  }
  return undefined;
}
