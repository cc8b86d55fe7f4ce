import type { Clock } from '../../src/runtime/ports.ts';

/** Time that stands still until a test steps it. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #timers = new Set<{ at: number; run: () => void }>();

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that were set and neither fired nor were cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Steps to the next timers that fall within `ms`, in their order, letting promises settle after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await settled();
    }
    this.#now = end;
    await settled();
  }

  /** Somebody sets the clock: timers go by the time that passes. */
  jump(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) timer.at += ms;
  }

  #next(end: number) {
    const due = [...this.#timers].filter((timer) => timer.at <= end);
    return due.sort((a, b) => a.at - b.at)[0];
  }
}

/** Everything that was ready to run without the passing of time has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
