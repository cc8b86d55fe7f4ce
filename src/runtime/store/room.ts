import { configuredAs } from '../config/configured-as.ts';
import type { Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import type { Refusal } from '../model/refusal.ts';
import { refuseFull } from '../policy/backpressure.ts';
import type { NewTask } from '../ports.ts';
import type { State } from './state.ts';

/**
 * How many more tasks may be open, counted through one call: those that fit are taken, each of the others is refused by
 * itself. A task that was there before and is tried again (`retry_of`) needs no room: it is nobody's new work.
 */
export class Room {
  readonly #state: State;
  readonly #config: Pick<Config, 'limits' | 'projects'>;
  readonly #now: number;
  /** Taken by this call. */
  readonly #of = new Map<ProjectId, number>();
  #all = 0;

  constructor(state: State, config: Pick<Config, 'limits' | 'projects'>, now: number) {
    this.#state = state;
    this.#config = config;
    this.#now = now;
  }

  refuse({ project, retry_of }: NewTask): Refusal | undefined {
    if (retry_of !== undefined) return undefined;
    const { max_open_tasks } = this.#config.limits;
    const open = this.#state.open.size + this.#all;
    if (open >= max_open_tasks)
      return this.#turnAway(project, { open, max: max_open_tasks, key: 'limits.max_open_tasks' });
    const known = this.#state.projects.get(project);
    const max = (known && configuredAs(this.#config.projects, known)?.max_open) ?? 0;
    const its = this.#openOf(project) + (this.#of.get(project) ?? 0);
    if (!known || max === 0 || its < max) return undefined;
    return this.#turnAway(project, { open: its, max, key: 'its max_open', project: { id: project, name: known.name } });
  }

  took(project: ProjectId): void {
    this.#all += 1;
    this.#of.set(project, (this.#of.get(project) ?? 0) + 1);
  }

  #turnAway(project: ProjectId, bound: Parameters<typeof refuseFull>[0]): Refusal {
    const ends: number[] = [];
    for (const task of this.#state.finished.values())
      if (!bound.project || task.project === project) ends.push(task.finished_at);
    return refuseFull(bound, ends, this.#now);
  }

  #openOf(project: ProjectId): number {
    const counts = this.#state.openCounts.get(project);
    return counts ? counts.queued + counts.claimed + counts.running + counts.unknown : 0;
  }
}
