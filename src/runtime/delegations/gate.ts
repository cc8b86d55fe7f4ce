import { LONGEST_TIMER_MS } from '../model/duration.ts';
import { type Breaker, type BreakerRule, CLOSED, enter, failed, undecided } from '../policy/breaker.ts';
import type { Chance, Clock } from '../ports.ts';

/*
 * Whether one provider is asked anything now. Two things shut its gate: a pause that it asked for, and failures in a row
 * (policy/breaker.ts). Whoever waits for it hears when that has changed.
 */

export interface GatePorts {
  readonly clock: Clock;
  readonly chance: Chance;
  readonly rule: () => BreakerRule;
  /** It has opened or shut, or will be tried. */
  readonly changed: () => void;
}

/** What one request has found out. */
export type Finding =
  | { readonly kind: 'well' }
  /** It has begun to answer: enough where it was only tried. */
  | { readonly kind: 'begun' }
  | { readonly kind: 'trouble'; readonly reason: string }
  /** It has too much to do. */
  | { readonly kind: 'busy'; readonly reason: string; readonly until: number };

export type Pass =
  | {
      readonly kind: 'open';
      found(finding: Finding): void;
      /** Always, at the end; a second time does nothing. */
      leave(): void;
    }
  | { readonly kind: 'shut'; readonly until: number; readonly why: string };

/** As others see it; with `max` it is to be tried, and gets tasks up to so many. */
export interface Away {
  readonly detail: string;
  readonly until?: number;
  readonly max?: number;
}

export interface GateFacts {
  readonly state: Breaker['state'];
  readonly until?: number;
  readonly last_trouble?: string;
}

/** While somebody else tries it, the others look again after so long, if they hear nothing. */
const TRIAL_LOOK_MS = 60_000;

export class Gate {
  readonly #ports: GatePorts;
  #breaker: Breaker = CLOSED;
  #held: { readonly until: number; readonly why: string } = { until: 0, why: '' };
  #trouble: string | undefined;
  #cancelTimer = () => {};

  constructor(ports: GatePorts) {
    this.#ports = ports;
  }

  enter(): Pass {
    const now = this.#ports.clock.now();
    if (this.#held.until > now) return { kind: 'shut', ...this.#held };
    const entry = enter(this.#breaker, now);
    if (entry.kind === 'shut') {
      const until = this.#breaker.state === 'open' ? this.#breaker.until : now + TRIAL_LOOK_MS;
      return { kind: 'shut', until, why: this.#why() };
    }
    const trial = entry.kind === 'trial';
    if (trial) this.#become(entry.breaker);
    return { kind: 'open', ...this.#pass(trial) };
  }

  away(active: () => number): Away | undefined {
    const now = this.#ports.clock.now();
    if (this.#held.until > now) return { detail: this.#held.why, until: this.#held.until };
    const breaker = this.#breaker;
    if (breaker.state === 'closed') return undefined;
    if (breaker.state === 'half_open') return { detail: `${this.#why()}; it is being tried again` };
    if (breaker.until > now) return { detail: this.#why(), until: breaker.until };
    return { detail: this.#why(), max: active() + 1 };
  }

  /** Set while it stays shut though it was tried again. */
  get stuck(): { readonly since: number; readonly reason: string; readonly until: number } | undefined {
    const breaker = this.#breaker;
    return breaker.state !== 'closed' && breaker.trials > 0 ? breaker : undefined;
  }

  facts(): GateFacts {
    const now = this.#ports.clock.now();
    const breaker = this.#breaker;
    const until = Math.max(this.#held.until, breaker.state === 'open' ? breaker.until : 0);
    return {
      state: breaker.state,
      ...(until > now && { until }),
      ...(this.#trouble !== undefined && { last_trouble: this.#trouble }),
    };
  }

  /** What was found out beside the requests that went through it. */
  heard(finding: Finding): void {
    this.#learn(finding);
  }

  /** It is another one now: what was found out about the one before counts for nothing. */
  forget(): void {
    this.#held = { until: 0, why: '' };
    this.#trouble = undefined;
    if (this.#breaker.state !== 'closed') this.#become(CLOSED);
    else this.#ports.changed();
  }

  close(): void {
    this.#cancelTimer();
  }

  #pass(trial: boolean) {
    let open = true;
    return {
      found: (finding: Finding) => {
        open = false;
        this.#learn(finding);
      },
      leave: () => {
        if (open && trial) this.#become(undecided(this.#breaker));
        open = false;
      },
    };
  }

  #learn(finding: Finding): void {
    const { clock, chance, rule } = this.#ports;
    if ('reason' in finding) this.#trouble = finding.reason;
    switch (finding.kind) {
      case 'begun':
        if (this.#breaker.state !== 'closed') this.#become(CLOSED);
        return;
      case 'well':
        if (this.#breaker.state !== 'closed' || this.#breaker.failures > 0) this.#become(CLOSED);
        return;
      case 'trouble':
        this.#become(failed(this.#breaker, finding.reason, rule(), clock.now(), chance.fraction()));
        return;
      case 'busy':
        if (finding.until <= this.#held.until && this.#breaker.state === 'closed') return;
        if (finding.until > this.#held.until)
          this.#held = { until: finding.until, why: `it asked us to wait: ${finding.reason}` };
        this.#breaker = CLOSED; // it is there, and says so
        this.#tell(this.#held.until);
    }
  }

  #become(breaker: Breaker): void {
    const before = this.#breaker;
    this.#breaker = breaker;
    if (breaker.state === before.state) return;
    this.#tell(this.facts().until); // whichever of the two shuts it longer
  }

  /** Now, and when the pause is over. */
  #tell(until: number | undefined): void {
    const { clock, changed } = this.#ports;
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    if (until !== undefined) {
      const wait = Math.min(Math.max(0, until - clock.now()), LONGEST_TIMER_MS);
      this.#cancelTimer = clock.after(wait, changed);
    }
    changed();
  }

  #why(): string {
    const breaker = this.#breaker;
    if (breaker.state === 'closed') return '';
    return `${breaker.failures} failures in a row, the last one: ${breaker.reason}`;
  }
}
