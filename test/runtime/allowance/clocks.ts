import type { Clock } from '../../../src/runtime/ports.ts';
import { settled } from '../../fakes/virtual-clock.ts';

/** The time of day, which people and time servers set as they like. */
export interface Wall {
  now: number;
}

/** What waits for a moment waits for nothing but its turn: the wall stands still meanwhile. */
export class PromptClock implements Clock {
  readonly #wall: Wall;
  #timers: { readonly at: number; readonly run: () => void }[] = [];
  #elapsed = 0;
  #turn: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(wall: Wall) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall.now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#elapsed + ms, run };
    this.#timers.push(timer);
    this.#arm();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** The process that owned these timers is gone. */
  stop(): void {
    this.#stopped = true;
    this.#timers = [];
    if (this.#turn) clearImmediate(this.#turn);
  }

  #arm(): void {
    if (this.#turn || this.#stopped || this.#timers.length === 0) return;
    this.#turn = setImmediate(() => this.#fire());
  }

  #fire(): void {
    this.#turn = undefined;
    const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
    if (!next) return;
    this.#timers = this.#timers.filter((other) => other !== next);
    this.#elapsed = Math.max(this.#elapsed, next.at);
    next.run();
    this.#arm();
  }
}

/** Timers of real time; the wall goes with it, and may be set to something else in between. */
export class SteppedClock implements Clock {
  readonly #wall: Wall;
  readonly #timers = new Set<{ at: number; run: () => void }>();
  #elapsed = 0;

  constructor(wall: Wall) {
    this.#wall = wall;
  }

  now(): number {
    return this.#wall.now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#elapsed + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  async pass(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#step(Math.max(next.at, this.#elapsed));
      next.run();
      await settled();
    }
    this.#step(end);
  }

  #step(to: number): void {
    this.#wall.now += to - this.#elapsed;
    this.#elapsed = to;
  }

  #next(end: number) {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}
