/** Counts what is still to be answered, so that a stop can wait for it. */
export class Flights {
  #open = 0;
  #idle: (() => void) | undefined;

  begin(): () => void {
    this.#open++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#open === 0) this.#idle?.();
    };
  }

  /** When nothing is open any more, at the latest after `ms`. */
  settled(ms: number): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#idle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
