import { keyOf } from '../model/ids.ts';
import type { TaskStore } from '../ports.ts';
import type { HeldAttempt } from '../worker-desk.ts';
import { heardKey } from './held.ts';

const KEPT = 10_000;

/**
 * Which reports that count for nothing are worth a record: the first of each attempt that there was. Whoever may call could
 * fill the journal otherwise, with attempts that never were or by saying the same again and again.
 */
export class Strays {
  readonly #store: Pick<TaskStore, 'get'>;
  readonly #recorded = new Set<string>();

  constructor(store: Pick<TaskStore, 'get'>) {
    this.#store = store;
  }

  async isNews({ task: ref, attempt }: HeldAttempt): Promise<boolean> {
    const one = heardKey({ key: keyOf(ref), attempt });
    if (this.#recorded.has(one)) return false;
    this.#recorded.add(one);
    const task = await this.#store.get(ref);
    const newest = task === undefined ? 0 : 'spec' in task ? task.attempt : task.attempts;
    if (attempt > newest) this.#recorded.delete(one); // it may come to be
    const [oldest] = this.#recorded;
    if (this.#recorded.size > KEPT && oldest !== undefined) this.#recorded.delete(oldest);
    return attempt <= newest;
  }
}
