import type { Clock } from './ports.ts';

const LOOK_AGAIN_MS = 60_000;

/** Agents that could not be started: their program is missing, say. They are tried again after a while. */
export class OfflineAgents {
  readonly reasons = new Map<string, string>();
  readonly #timers = new Map<string, () => void>();
  readonly #clock: Clock;
  readonly #back: () => void;

  constructor(clock: Clock, back: () => void) {
    this.#clock = clock;
    this.#back = back;
  }

  add(agent: string, reason: string): void {
    this.reasons.set(agent, reason);
    this.#timers.get(agent)?.();
    this.#timers.set(
      agent,
      this.#clock.after(LOOK_AGAIN_MS, () => this.#tryAgain(agent)),
    );
  }

  ids(): ReadonlySet<string> {
    return new Set(this.#timers.keys());
  }

  stop(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** The reason stays for people until a start works; the agent may be chosen again. */
  #tryAgain(agent: string): void {
    this.#timers.delete(agent);
    this.reasons.delete(agent);
    this.#back();
  }
}
