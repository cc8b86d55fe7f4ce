import { z } from 'zod';
import type { ProjectId } from '../runtime/model/ids.ts';
import { TaskState } from '../runtime/model/view.ts';
import type { Yard } from '../runtime/yard.ts';

/** Tasks by state; a state without tasks is left out. */
export const Counts = z.partialRecord(TaskState, z.number());
export type Counts = z.infer<typeof Counts>;

/** Of one project, or of all together. */
export function countTasks({ store }: Pick<Yard, 'store'>, project: ProjectId | undefined): Counts {
  const total: Counts = {};
  for (const [id, counts] of store.counts()) {
    if (project !== undefined && id !== project) continue;
    for (const state of TaskState.options) if (counts[state] > 0) total[state] = (total[state] ?? 0) + counts[state];
  }
  return total;
}

export function countStates(states: readonly TaskState[]): Counts {
  const counts: Counts = {};
  for (const state of states) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
