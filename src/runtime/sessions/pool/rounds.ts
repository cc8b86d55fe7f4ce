import type { Clock } from '../../ports.ts';

/** One round at a time, one per interval and one at each hint; hints that come during a round make one more together. */
export class Rounds {
  readonly #clock: Clock;
  readonly #interval: () => number;
  readonly #round: () => Promise<void>;
  readonly #report: (problem: unknown) => void;
  #life: 'new' | 'on' | 'over' = 'new';
  #running: Promise<void> | undefined;
  #again = false;
  #cancel: () => void = () => {};

  constructor(parts: {
    readonly clock: Clock;
    readonly interval: () => number;
    readonly round: () => Promise<void>;
    /** A round that broke off; the next one comes in its time. */
    readonly report: (problem: unknown) => void;
  }) {
    this.#clock = parts.clock;
    this.#interval = parts.interval;
    this.#round = parts.round;
    this.#report = parts.report;
  }

  /** Settles when the first one is over. */
  async start(): Promise<void> {
    if (this.#life !== 'new') return;
    this.#life = 'on';
    this.hint();
    await this.#running;
  }

  hint(): void {
    if (this.#life !== 'on') return;
    this.#again = true;
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#life = 'over';
    this.#cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#cancel();
    while (this.#again && this.#life === 'on') {
      this.#again = false;
      await this.#round().catch(this.#report);
    }
    this.#running = undefined; // nothing can hint between the last question and this
    if (this.#life === 'on') this.#cancel = this.#clock.after(this.#interval(), () => this.hint());
  }
}
