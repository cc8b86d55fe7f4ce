import { keyOf, type TaskKey } from '../model/ids.ts';
import { isLive, type LiveTask } from '../model/task.ts';
import type { Change, TaskStore } from '../ports.ts';
import { isHanded } from './ports.ts';

/** An attempt that a worker was given. */
export interface Held {
  readonly key: TaskKey;
  readonly attempt: number;
  readonly worker: string;
  readonly life: string;
}

/** Which attempts workers hold, as the journal has it. */
export class HeldAttempts {
  readonly #held = new Map<TaskKey, Held>();

  constructor(store: Pick<TaskStore, 'open'>) {
    for (const task of store.open().values()) this.#put(task);
  }

  all(): Held[] {
    return [...this.#held.values()];
  }

  of(worker: string): Held[] {
    return this.all().filter((held) => held.worker === worker);
  }

  /** Those that are not held any more. */
  apply(changes: readonly Change[]): Held[] {
    const ended: Held[] = [];
    for (const { before, after } of changes) {
      const task = after && 'spec' in after ? after : undefined;
      const had = before && this.#held.get(keyOf(before));
      if (had && !(task && isLive(task) && task.attempt === had.attempt)) {
        this.#held.delete(had.key);
        ended.push(had);
      }
      if (task && isLive(task)) this.#put(task);
    }
    return ended;
  }

  #put(task: Parameters<typeof isHanded>[0]): void {
    if (!isHanded(task) || this.#held.get(keyOf(task))?.attempt === task.attempt) return;
    const { attempt, route, handed } = task;
    this.#held.set(keyOf(task), { key: keyOf(task), attempt, worker: route.agent, life: handed?.life ?? '' });
  }
}

export function heardKey({ key, attempt }: Pick<Held, 'key' | 'attempt'>): string {
  return `${key} ${attempt}`;
}

export function liveOf(store: Pick<TaskStore, 'open'>, { key, attempt }: Held): LiveTask | undefined {
  const task = store.open().get(key);
  return task && isLive(task) && task.attempt === attempt ? task : undefined;
}
