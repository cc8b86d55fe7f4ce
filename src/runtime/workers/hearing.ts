import type { Clock } from '../ports.ts';

/*
 * How long nothing was heard of somebody, in time that this runtime has lived through.
 *
 * H1. A step that is far too long was a machine asleep, a stopped process or a clock that was set, and so is one back in
 *     time: nobody could be heard, or nobody knows for how long. Everybody's silence begins anew.
 */
export class Hearing {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #heard = new Map<string, { lived: number; readonly at: number }>();
  #lived = 0;
  #last: number;
  /** What of the clock's time was not lived through. */
  skipped = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#last = clock.now();
  }

  /** Time goes on. `longest`: what a step may take. */
  step(longest: number): void {
    const now = this.#clock.now();
    const passed = now - this.#last;
    this.#last = now;
    if (passed >= 0 && passed <= longest) this.#lived += passed;
    else {
      this.skipped += passed;
      for (const one of this.#heard.values()) one.lived = this.#lived; // H1
    }
  }

  hear(who: string): void {
    this.#heard.set(who, { lived: this.#lived, at: this.#clock.now() });
  }

  forget(who: string): void {
    this.#heard.delete(who);
  }

  /** One that was never heard of is heard of now. */
  silence(who: string): number {
    const heard = this.#heard.get(who);
    if (heard === undefined) this.hear(who);
    return heard === undefined ? 0 : this.#lived - heard.lived;
  }

  /** When that was, for people. */
  at(who: string): number | undefined {
    return this.#heard.get(who)?.at;
  }
}
