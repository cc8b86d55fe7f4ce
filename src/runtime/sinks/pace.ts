import type { Chance, Clock } from '../ports.ts';

const FIRST_MS = 1_000;
const LONGEST_MS = 5 * 60_000;
const LONGEST_ASKED_MS = 60 * 60_000;

/** When a sink is asked next: soon, or later each time that it fails. */
export class Pace {
  readonly #ports: { readonly clock: Clock; readonly chance: Chance };
  readonly #everyMs: number;
  #nextAt = 0;
  #failures = 0;

  constructor(ports: { readonly clock: Clock; readonly chance: Chance }, everyMs: number) {
    this.#ports = ports;
    this.#everyMs = everyMs;
  }

  /** In a row. */
  get failures(): number {
    return this.#failures;
  }

  get nextAt(): number {
    return this.#nextAt;
  }

  worked(): void {
    this.#failures = 0;
    this.#nextAt = this.#ports.clock.now() + this.#everyMs;
  }

  /** Doubles with each failure, with jitter; what the other side asks for counts. */
  failed(atLeastMs = 0): void {
    this.#failures++;
    const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(this.#failures - 1, 20));
    const pause = Math.ceil(whole * (0.5 + this.#ports.chance.fraction() / 2));
    this.#nextAt = this.#ports.clock.now() + Math.max(pause, Math.min(atLeastMs, LONGEST_ASKED_MS));
  }

  /** The reason for waiting may be gone. */
  now(): void {
    this.#nextAt = 0;
  }
}
