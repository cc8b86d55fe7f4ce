import { Priority } from '../../runtime/model/spec.ts';
import type { QueuedTask } from '../../runtime/model/task.ts';
import type { Yard } from '../../runtime/yard.ts';

/** The place of a waiting task among those of its project: priority first, then arrival. */
export function queuePosition(
  { store }: Pick<Yard, 'store'>,
  named: { id: string; project: string },
): { position?: number } {
  const project = store.projects().find(({ name }) => name === named.project);
  const own = project && store.open().get(`${project.id}/${named.id}`);
  if (own?.state !== 'queued') return {};
  let position = 1;
  for (const task of store.open().values())
    if (task.state === 'queued' && task.project === own.project && before(task, own)) position++;
  return { position };
}

function before(a: QueuedTask, b: QueuedTask): boolean {
  const gap = rank(a) - rank(b);
  return gap !== 0 ? gap < 0 : a.seq < b.seq;
}

function rank({ spec }: QueuedTask): number {
  return Priority.options.indexOf(spec.priority);
}
