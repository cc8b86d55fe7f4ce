import type { OpenTask } from '../model/task.ts';
import type { Worker } from '../model/worker.ts';
import type { Need } from '../yard.ts';

const LOOKED_AT = 20_000; // of a longer queue the oldest ones speak for the rest

/** A worker that is away while tasks wait that name it, or ask for what no other worker can. */
export function workerNeeds(
  away: readonly { readonly worker: Worker; readonly at: number }[],
  there: ReadonlySet<string>,
  open: Iterable<OpenTask>,
): Need[] {
  if (away.length === 0) return [];
  const queued = waiting(open);
  return away.flatMap(({ worker, at }) => {
    const own = worker.capabilities.filter((one) => !there.has(one));
    const tasks = queued.filter(
      ({ spec }) => spec.agent === worker.name || spec.requires.some((one) => own.includes(one)),
    );
    if (tasks.length === 0) return [];
    const wait = tasks.length === 1 ? `task ${tasks[0]?.id} waits` : `${tasks.length} tasks wait`;
    return [
      {
        what: `${wait} for worker ${worker.name}, which is silent since ${new Date(at).toISOString()}`,
        where: worker.name,
        next: 'start it again: it registers under its name; or name another agent in the tasks',
      },
    ];
  });
}

function waiting(open: Iterable<OpenTask>): OpenTask[] {
  const found: OpenTask[] = [];
  let looked = 0;
  for (const task of open) {
    if (++looked > LOOKED_AT) break;
    if (task.state === 'queued') found.push(task);
  }
  return found;
}
