import { keyOf, type TaskKey } from '../../runtime/model/ids.ts';
import type { Yard } from '../../runtime/yard.ts';
import { type AnyTask, isFinished } from '../find-task.ts';

/*
 * W1. It listens before anybody looks, so that no end falls between the look and the wait.
 * W2. Nothing polls: it wakes on a commit, on the deadline, or when the caller goes away.
 */
export class EndWatch {
  readonly #ended = new Set<TaskKey>();
  readonly #unsubscribe: () => void;
  #wake: () => void = () => {};

  constructor({ store }: Pick<Yard, 'store'>) {
    this.#unsubscribe = store.subscribe((changes) => {
      for (const { after } of changes) if (after && isFinished(after)) this.#ended.add(keyOf(after));
      this.#wake();
    }); // W1
  }

  /** Any: at least one of them has ended. All: none of them is open. */
  met(mode: 'any' | 'all', tasks: readonly AnyTask[]): boolean {
    const ended = tasks.filter((task) => isFinished(task) || this.#ended.has(keyOf(task))).length;
    return mode === 'all' || tasks.length === 0 ? ended === tasks.length : ended > 0;
  }

  /** Settles at the next commit, or when `signal` says that there is no use in waiting. */
  nextCommit(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake);
        this.#wake = () => {};
        resolve();
      };
      this.#wake = wake;
      signal.addEventListener('abort', wake);
    }); // W2
  }

  stop(): void {
    this.#unsubscribe();
  }
}
