import type { TaskId } from '../model/ids.ts';

/** Two scans at least this far apart must miss a file before its absence means anything. */
export const ABSENT_MS = 2_000;

export interface Verdict {
  readonly cancel: readonly TaskId[];
  readonly restore: readonly TaskId[];
  /** Look again in so many milliseconds. */
  readonly again?: number;
}

/**
 * Is a file that is gone a wish of a person's? Only if it is the one file that is missing, in two scans two seconds apart,
 * while the queue itself is still there. A sweep (`git clean`, an unmounted disk, a restored backup) takes more than one.
 */
export class Vanished {
  readonly #since = new Map<TaskId, number>();

  get pending(): readonly TaskId[] {
    return [...this.#since.keys()];
  }

  judge(missing: readonly TaskId[], now: number, queueIsThere: boolean): Verdict {
    for (const id of this.#since.keys()) if (!missing.includes(id)) this.#since.delete(id);
    const [only] = missing;
    if (only === undefined) return { cancel: [], restore: [] };
    if (missing.length > 1 || !queueIsThere) {
      this.#since.clear();
      return { cancel: [], restore: missing };
    }
    const since = this.#since.get(only) ?? now;
    this.#since.set(only, since);
    if (now - since < ABSENT_MS) return { cancel: [], restore: [], again: ABSENT_MS - (now - since) };
    this.#since.delete(only);
    return { cancel: [only], restore: [] };
  }
}
