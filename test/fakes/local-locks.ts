import type { Locks } from '../../src/runtime/ports.ts';

/** The locks of one machine; each process takes them through `of`, and they die with it. */
export class LocalLocks {
  readonly #held = new Map<string, object>();

  of(process: object): Locks {
    return {
      acquire: async (path) => {
        if (this.#held.has(path)) return undefined;
        this.#held.set(path, process);
        return {
          release: async () => {
            if (this.#held.get(path) === process) this.#held.delete(path);
          },
        };
      },
    };
  }

  died(process: object): void {
    for (const [path, owner] of this.#held) if (owner === process) this.#held.delete(path);
  }
}
