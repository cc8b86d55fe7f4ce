import type { Clock } from '../ports.ts';

const PAUSE_MS = 25;
const LONGEST_MS = 700; // files follow within a second

/**
 * When the next slice of work is done that can wait: making names and syncing the journal hold each other up on one
 * disk, and whoever waits for the journal comes first. So it is done after a pause in what is asked for, but never much
 * later than the first of it, and at once when somebody waits for it.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #slice: () => Promise<'more' | 'done'>;
  #timer: (() => void) | undefined;
  #since: number | undefined;
  #working = false;
  #hurried = false;
  #wanted = false;

  constructor(clock: Clock, slice: () => Promise<'more' | 'done'>) {
    this.#clock = clock;
    this.#slice = slice;
  }

  /** There is work. */
  want(): void {
    this.#wanted = true;
    const now = this.#clock.now();
    this.#since ??= now;
    const left = Math.max(0, this.#since + LONGEST_MS - now);
    this.#arm(Math.min(PAUSE_MS, left));
  }

  /** Somebody waits for the work. */
  hurry(): void {
    this.#hurried = true;
    if (!this.#working) this.#arm(0);
  }

  stop(): void {
    this.#timer?.();
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    if (this.#working || (this.#hurried && this.#timer && ms > 0)) return;
    this.#timer?.();
    this.#timer = this.#clock.after(ms, () => void this.#work());
  }

  async #work(): Promise<void> {
    this.#timer = undefined;
    this.#hurried = false;
    this.#wanted = false;
    this.#working = true;
    const left = await this.#slice();
    this.#working = false;
    if (left === 'more') {
      this.#arm(0); // having waited once, the rest follows slice by slice; what else is due has its turn between
      return;
    }
    this.#since = undefined;
    if (this.#hurried) this.#arm(0);
    else if (this.#wanted) this.want(); // it may have come when the slice had looked for the last time
  }
}
