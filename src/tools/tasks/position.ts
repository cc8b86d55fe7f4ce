import { Priority } from '../../runtime/model/spec.ts';
import type { QueuedTask } from '../../runtime/model/task.ts';
import type { Yard } from '../../runtime/yard.ts';

/** The place of a waiting task among those of its project: priority first, then arrival. */
export function queuePosition(
  yard: Pick<Yard, 'store' | 'projectName'>,
  named: { id: string; project: string },
): { position?: number } {
  const waiting: QueuedTask[] = [];
  let own: QueuedTask | undefined;
  for (const task of yard.store.open().values()) {
    if (task.state !== 'queued' || yard.projectName(task.project) !== named.project) continue;
    waiting.push(task);
    if (task.id === named.id) own = task;
  }
  if (own === undefined) return {};
  const mine = own;
  return { position: 1 + waiting.filter((task) => before(task, mine)).length };
}

function before(a: QueuedTask, b: QueuedTask): boolean {
  const gap = rank(a) - rank(b);
  return gap !== 0 ? gap < 0 : a.seq < b.seq;
}

function rank({ spec }: QueuedTask): number {
  return Priority.options.indexOf(spec.priority);
}
