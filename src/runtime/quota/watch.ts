import { allLimits } from '../policy/allowance.ts';
import { isInForce, nextEnd } from '../policy/limits.ts';
import { untold } from '../policy/quota-news.ts';
import type { Change } from '../ports.ts';
import type { QuotaPorts } from './quota.ts';

/*
 * Looks at the limits when something was spent or changed, and tells what is nearly or wholly spent.
 *
 * T1. What was told is in the journal, and what is to be told follows from it and from the books: a restart tells nothing
 *     twice, and what a kill has kept from being told is told by the next start.
 * T2. One look at a time, and a short while after what caused it: a thousand ends in a row are one look.
 * T3. A change ends by itself: everything that goes by limits is told so. Long times are reached in steps, because clocks
 *     jump and machines sleep.
 */

const LOOK_AFTER_MS = 100;
const AGAIN_MS = 30_000; // a full disk, say
const STEP_MS = 300_000;
const AT_ONCE = 100;

export class QuotaWatch {
  readonly #ports: QuotaPorts;
  #unsubscribe: (() => void) | undefined;
  #cancelLook: (() => void) | undefined;
  #cancelEnd: () => void = () => {};
  #looking: Promise<void> | undefined;
  #inForce = '';

  constructor(ports: QuotaPorts) {
    this.#ports = ports;
  }

  start(): void {
    if (this.#unsubscribe) return;
    this.#unsubscribe = this.#ports.store.subscribe((changes) => this.#hear(changes));
    this.#inForce = this.#changesInForce();
    this.#awaitEnd();
    this.#lookIn(0); // T1
  }

  async stop(): Promise<void> {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#cancelEnd();
    await this.#looking;
  }

  configured(): void {
    if (!this.#unsubscribe) return;
    this.#ports.changed();
    this.#lookIn(LOOK_AFTER_MS);
  }

  #hear(changes: readonly Change[]): void {
    if (changes.some(({ type }) => type === 'limit_changed' || type === 'limit_restored')) {
      this.#inForce = this.#changesInForce();
      this.#ports.changed();
      this.#awaitEnd();
      this.#lookIn(LOOK_AFTER_MS);
    } else if (changes.some(({ type }) => SPENDS.has(type))) this.#lookIn(LOOK_AFTER_MS);
  }

  /** T3 */
  #awaitEnd(): void {
    const { store, clock } = this.#ports;
    this.#cancelEnd();
    const now = clock.now();
    const at = nextEnd(store.quota().changes.values(), now);
    if (at === undefined) return;
    this.#cancelEnd = clock.after(Math.min(at - now, STEP_MS), () => {
      const inForce = this.#changesInForce();
      if (inForce !== this.#inForce) {
        this.#inForce = inForce;
        this.#ports.changed();
        this.#lookIn(LOOK_AFTER_MS);
      }
      this.#awaitEnd();
    });
  }

  #changesInForce(): string {
    const { store, clock } = this.#ports;
    const now = clock.now();
    return [...store.quota().changes].flatMap(([key, change]) => (isInForce(change, now) ? [key] : [])).join('\n');
  }

  /** T2 */
  #lookIn(ms: number): void {
    if (!this.#unsubscribe || this.#cancelLook) return;
    this.#cancelLook = this.#ports.clock.after(ms, () => {
      void (this.#looking ?? Promise.resolve()).then(() => {
        this.#cancelLook = undefined;
        if (this.#unsubscribe) this.#looking = this.#look();
      });
    });
  }

  async #look(): Promise<void> {
    const { store, fleet, clock, say } = this.#ports;
    try {
      const news = untold(allLimits(fleet(), clock.now()), store.quota().told);
      await Promise.all(news.slice(0, AT_ONCE).map((event) => store.record(event, { by: 'dispatcher' })));
      if (news.length > AT_ONCE) this.#lookIn(LOOK_AFTER_MS);
    } catch (error) {
      say('error', 'what is spent could not be recorded; it is tried again', { error: String(error) });
      this.#lookIn(AGAIN_MS);
    }
  }
}

/** After these more, or less, is used. */
const SPENDS: ReadonlySet<string> = new Set(['task_claimed', 'claim_void', 'task_requeued', 'task_finished']);
