import { keyOf, type TaskKey } from '../../runtime/model/ids.ts';
import type { Change, TaskStore } from '../../runtime/ports.ts';
import { type AnyTask, isFinished } from '../find-task.ts';

/*
 * W1. It listens before it looks at what is open, so that no end falls between the look and the wait.
 * W2. Nothing polls: it wakes on a commit, on the deadline, or when the caller goes away.
 * W3. All who wait share one listener at the queue: a commit costs what it changed, however many wait for other tasks.
 */

type Store = Pick<TaskStore, 'open' | 'subscribe'>;
type Heard = (key: TaskKey, change: Change) => void;

export interface Wait {
  readonly mode: 'any' | 'all';
  readonly signal: AbortSignal;
  /** A task that is waited for has changed. */
  readonly changed?: (after: AnyTask) => void;
}

/** Any: at least one of them has ended. All: none of them is open. */
export function enoughEnded(mode: Wait['mode'], ended: number, of: number): boolean {
  return mode === 'all' || of === 0 ? ended === of : ended > 0;
}

/** Settles when enough of these tasks have ended, or when `signal` says that there is no use in waiting. */
export function untilEnded(store: Store, tasks: readonly AnyTask[], { mode, signal, changed }: Wait): Promise<void> {
  const open = new Set(tasks.filter((task) => !isFinished(task)).map(keyOf));
  const enough = () => enoughEnded(mode, tasks.length - open.size, tasks.length);
  return new Promise((resolve) => {
    const settle = (): void => {
      stop();
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const stop = earsOf(store).listen([...open], (key, { after }) => {
      if (after !== undefined) changed?.(after);
      if (after === undefined || isFinished(after)) open.delete(key);
      if (enough()) settle();
    }); // W1
    signal.addEventListener('abort', settle); // W2
    for (const key of open) if (!store.open().has(key)) open.delete(key);
    if (signal.aborted || enough()) settle();
  });
}

const known = new WeakMap<Store, Ears>();

function earsOf(store: Store): Ears {
  const ears = known.get(store) ?? new Ears(store);
  known.set(store, ears);
  return ears;
}

/** Who waits for which task (W3). Listens only while somebody does. */
class Ears {
  readonly #store: Store;
  readonly #byTask = new Map<TaskKey, Set<Heard>>();
  #unsubscribe: (() => void) | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  listen(keys: readonly TaskKey[], heard: Heard): () => void {
    this.#unsubscribe ??= this.#store.subscribe((changes) => this.#tell(changes));
    for (const key of keys) this.#byTask.set(key, (this.#byTask.get(key) ?? new Set()).add(heard));
    return () => {
      for (const key of keys) this.#leave(key, heard);
      if (this.#byTask.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    };
  }

  #leave(key: TaskKey, heard: Heard): void {
    const all = this.#byTask.get(key);
    all?.delete(heard);
    if (all?.size === 0) this.#byTask.delete(key);
  }

  #tell(changes: readonly Change[]): void {
    for (const change of changes) {
      const task = change.after ?? change.before;
      if (task === undefined) continue;
      const key = keyOf(task);
      for (const heard of [...(this.#byTask.get(key) ?? [])]) heard(key, change);
    }
  }
}
