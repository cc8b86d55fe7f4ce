/** One provider's requests: so many at once and no more, whatever happens in the lanes beside it. */
export class Lane {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

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
