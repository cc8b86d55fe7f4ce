import type { Clock } from '../../ports.ts';

export interface Rest {
  readonly until: number;
  readonly reason: string;
}

export interface CoolingParts {
  readonly clock: Clock;
  readonly cooldown: () => number;
  readonly begun: (seat: string, reason: string) => void;
  readonly over: () => void;
}

const AT_ONCE_MS = 5_000;
const MOST_AT_ONCE = 3;

/** Seats in which nothing could be started rest for a while: what fails at once would fail again, all day long. */
export class Cooling {
  readonly #parts: CoolingParts;
  readonly #rests = new Map<string, Rest & { readonly cancel: () => void }>();
  readonly #made = new Map<string, { readonly at: number; readonly inRow: number }>();

  constructor(parts: CoolingParts) {
    this.#parts = parts;
  }

  get(seat: string): Rest | undefined {
    const rest = this.#rests.get(seat);
    return rest && { until: rest.until, reason: rest.reason };
  }

  all(): ReadonlySet<string> {
    return new Set(this.#rests.keys());
  }

  begin(seat: string, reason: string): void {
    const { clock, cooldown, begun, over } = this.#parts;
    const length = cooldown();
    const before = this.#rests.get(seat);
    before?.cancel();
    const cancel = clock.after(length, () => {
      this.#rests.delete(seat);
      over();
    });
    this.#rests.set(seat, { until: clock.now() + length, reason, cancel });
    if (!before) begun(seat, reason);
  }

  /** Its placeholder was started. */
  made(seat: string): void {
    this.#made.set(seat, { at: this.#parts.clock.now(), inRow: this.#made.get(seat)?.inRow ?? 0 });
  }

  /** It has ended by itself, or somebody else has ended it. */
  ended(seat: string, how: string): void {
    const made = this.#made.get(seat);
    if (!made) return;
    const isSoon = this.#parts.clock.now() - made.at < AT_ONCE_MS;
    const inRow = isSoon ? made.inRow + 1 : 0;
    this.#made.set(seat, { ...made, inRow });
    if (inRow < MOST_AT_ONCE) return;
    this.#made.delete(seat);
    this.begin(seat, `it ended at once ${MOST_AT_ONCE} times in a row: ${how}`);
  }

  /** What failed may go well now: the configuration is another one. */
  forgive(): void {
    this.stop();
    this.serverIsAnother();
  }

  /** It took all of them with it: no seat has failed. */
  serverIsAnother(): void {
    this.#made.clear();
  }

  stop(): void {
    for (const { cancel } of this.#rests.values()) cancel();
    this.#rests.clear();
  }
}
