import { nextHoldEnd } from './policy/held.ts';
import type { Change, Clock, TaskStore } from './ports.ts';

export interface HoldEndsPorts {
  readonly store: Pick<TaskStore, 'holds' | 'endHolds' | 'subscribe'>;
  readonly clock: Clock;
  readonly say: (level: 'error', message: string, facts: object) => void;
}

const STEP_MS = 60_000; // clocks jump and machines sleep
const AGAIN_MS = 30_000; // a full disk, say

/**
 * Writes down that holds have ended by their time, so that whoever follows the events hears of it.
 *
 * H1. Nothing waits for this record: a hold is over when its time is (`holdOn`), written down or not.
 * H2. It is written once: with it the hold is gone. One whose time passed while no runtime ran is written at the start.
 */
export class HoldEnds {
  readonly #ports: HoldEndsPorts;
  #unsubscribe: (() => void) | undefined;
  #cancel: () => void = () => {};
  #writing: Promise<void> = Promise.resolve();

  constructor(ports: HoldEndsPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#unsubscribe ??= this.#ports.store.subscribe((changes) => this.#hear(changes));
    this.#await();
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#cancel();
    await this.#writing;
  }

  #hear(changes: readonly Change[]): void {
    if (changes.some(({ type }) => type === 'paused' || type === 'resumed')) this.#await();
  }

  #await(leastMs = 0): void {
    const { store, clock } = this.#ports;
    this.#cancel();
    const end = nextHoldEnd(store.holds().values());
    if (end === undefined || !this.#unsubscribe) return;
    const ms = Math.max(leastMs, Math.min(end - clock.now(), STEP_MS));
    this.#cancel = clock.after(ms, () => {
      this.#writing = this.#write();
    });
  }

  /** H2 */
  async #write(): Promise<void> {
    const { store, say } = this.#ports;
    try {
      await store.endHolds({ by: 'dispatcher' });
      this.#await();
    } catch (error) {
      say('error', 'that holds have ended could not be recorded; it is tried again', { error: String(error) });
      this.#await(AGAIN_MS);
    }
  }
}
