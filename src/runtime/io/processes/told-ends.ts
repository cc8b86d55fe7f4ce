const PATIENCE_MS = 500; // a runtime that works has its journal synced long before

/** Ends that were told to the runtime, until it says that they are in its journal, or says nothing for too long. */
export class ToldEnds {
  readonly #waiting = new Map<number, (journalled: boolean) => void>();
  #closed = false;

  journalled(id: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const late = setTimeout(() => this.settle(id, false), PATIENCE_MS);
      this.#waiting.set(id, (journalled) => {
        clearTimeout(late);
        resolve(journalled);
      });
    });
  }

  settle(id: number, journalled: boolean): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(journalled);
  }

  /** The runtime is no more. */
  close(): void {
    this.#closed = true;
    for (const id of this.#waiting.keys()) this.settle(id, false);
  }
}
