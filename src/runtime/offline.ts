import type { Clock } from './ports.ts';

/** Agents that could not be started: their program is missing, say. They are tried again after a while. */
export class OfflineAgents {
  readonly reasons = new Map<string, string>();
  readonly #timers = new Map<string, () => void>();
  readonly #clock: Clock;
  readonly #again: () => number;
  readonly #back: () => void;

  /** `again`: after how many milliseconds an agent is tried again. */
  constructor(clock: Clock, again: () => number, back: () => void) {
    this.#clock = clock;
    this.#again = again;
    this.#back = back;
  }

  add(agent: string, reason: string): void {
    this.reasons.set(agent, reason);
    this.#timers.get(agent)?.();
    this.#timers.set(
      agent,
      this.#clock.after(this.#again(), () => this.#tryAgain(agent)),
    );
  }

  /** Their configuration is another now: they may be tried at once. */
  forgive(): void {
    this.stop();
    this.reasons.clear();
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** The agent may be chosen again; should its start fail again, the reason comes back. */
  #tryAgain(agent: string): void {
    this.#timers.delete(agent);
    this.reasons.delete(agent);
    this.#back();
  }
}
