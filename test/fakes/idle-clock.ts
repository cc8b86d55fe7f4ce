import type { Clock } from '../../src/runtime/ports.ts';

/** Time that goes on as soon as nothing else can: whenever all promises have settled, the next timer is due. */
export class IdleClock implements Clock {
  #now: number;
  #timers: { readonly at: number; readonly run: () => void }[] = [];
  #turn: NodeJS.Immediate | undefined;
  #stopped = false;

  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    this.#arm();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** The process that owned these timers is gone. */
  stop(): void {
    this.#stopped = true;
    this.#timers = [];
    if (this.#turn) clearImmediate(this.#turn);
  }

  #arm(): void {
    if (this.#turn || this.#stopped || this.#timers.length === 0) return;
    this.#turn = setImmediate(() => this.#fire());
  }

  #fire(): void {
    this.#turn = undefined;
    const next = this.#timers.toSorted((a, b) => a.at - b.at)[0];
    if (!next) return;
    this.#timers = this.#timers.filter((other) => other !== next);
    this.#now = Math.max(this.#now, next.at);
    next.run();
    this.#arm();
  }
}
