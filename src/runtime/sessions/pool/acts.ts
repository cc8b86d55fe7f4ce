/**
 * What is done to one seat is done one after the other. A look that began before an act ended says nothing about its seat.
 */
export class Acts {
  readonly #under = new Map<string, Promise<unknown>>();
  readonly #count = new Map<string, number>();

  async run<T>(seat: string, act: () => Promise<T>): Promise<T> {
    const mine = (this.#under.get(seat) ?? Promise.resolve()).then(act);
    const over = mine.catch(() => {});
    this.#under.set(seat, over);
    try {
      return await mine;
    } finally {
      this.#count.set(seat, (this.#count.get(seat) ?? 0) + 1);
      if (this.#under.get(seat) === over) this.#under.delete(seat);
    }
  }

  isBusy(seat: string): boolean {
    return this.#under.has(seat);
  }

  /** To be called before a look: tells afterwards which seats it can be believed about. */
  mark(): (seat: string) => boolean {
    const before = new Map(this.#count);
    const busy = new Set(this.#under.keys());
    return (seat) =>
      !busy.has(seat) && !this.#under.has(seat) && (before.get(seat) ?? 0) === (this.#count.get(seat) ?? 0);
  }

  async settled(): Promise<void> {
    while (this.#under.size > 0) await Promise.all(this.#under.values());
  }
}
