/** One provider's requests: so many at once and no more, whatever happens in the lanes beside it. */
export class Lane {
  #running = 0;
  #held_until = 0;
  readonly #waiting: (() => void)[] = [];

  get held_until(): number {
    return this.#held_until;
  }

  /** The provider asked for a pause: it holds for all of its jobs. */
  hold(until: number): void {
    this.#held_until = Math.max(this.#held_until, until);
  }

  async run<T>(limit: number, work: () => Promise<T>): Promise<T> {
    if (this.#running >= limit) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next)
        next(); // takes over our place
      else this.#running--;
    }
  }
}
