import type { Clock } from './ports.ts';
import type { RunAtWork, StopOrder, Stopping } from './yard.ts';

/*
 * The end of the runtime, as far as it concerns what is at work: nothing new is taken or started, runs that are processes
 * may end and be recorded, and what has not ended in time is left to the next runtime, or ended. What must hold:
 *
 * 1. Nothing is waited for but runs that would be recorded here; where none is, this takes no time.
 * 2. Whoever orders it again changes what is still to come: at once, or the runs ended.
 * 3. A run that is left goes on as it is, and its attempt stays live. What would end with the runtime is not left: it is
 *    ended, and its attempt goes back to the queue.
 */

/** Beside the grace: for the record of what was ended. */
const RECORDED_MS = 5_000;
/** Runs end without a change of the queue, too. */
const LOOK_MS = 500;

export interface WindDownPorts {
  readonly clock: Clock;
  /** How long it waits, as configured at the time. */
  readonly wait: () => number;
  /** How long what is ended may take. */
  readonly grace: () => number;
  /** Takes and starts nothing any more; settles when what was being started has begun. */
  readonly halt: () => Promise<void>;
  readonly atWork: () => readonly RunAtWork[];
  /** Hears of changes of the queue. Returns the way to stop. */
  readonly subscribe: (changed: () => void) => () => void;
  /** Ends what is at work; the attempts go back to the queue. */
  readonly endAll: () => Promise<void>;
  /** Ends what can't go on without the runtime; the same holds for its attempts. */
  readonly endMortal: () => Promise<void>;
  readonly say: (level: 'info', message: string, facts: object) => void;
}

export class WindDown {
  readonly #ports: WindDownPorts;
  readonly #listeners = new Set<() => void>();
  #order: Required<StopOrder> = { now: false, kill: false };
  #until = 0;
  #ending = false;
  #over = false;
  #running: Promise<readonly RunAtWork[]> | undefined;

  constructor(ports: WindDownPorts) {
    this.#ports = ports;
  }

  /** Undefined while nobody has ordered it. */
  get state(): Stopping | undefined {
    if (this.#running === undefined) return undefined;
    const { kill } = this.#order;
    return { until: this.#until, kill, ending: this.#ending, over: this.#over, runs: this.#ports.atWork() };
  }

  /** What goes on when it is over. */
  begin(order: StopOrder = {}): Promise<readonly RunAtWork[]> {
    const { clock, wait } = this.#ports;
    this.#order = { now: order.now ?? false, kill: order.kill ?? (!order.now && this.#order.kill) }; // 2
    if (this.#running === undefined) this.#until = clock.now() + wait();
    if (order.now) this.#until = clock.now();
    this.#running ??= this.#run();
    this.#tell();
    return this.#running;
  }

  /** Settles when there are fewer at work than `seen`, or it is over, at the latest after `ms`. */
  async news(seen: number, ms: number): Promise<void> {
    const { clock } = this.#ports;
    const late = clock.now() + ms;
    await this.#till(
      () => this.#over || this.#ports.atWork().length !== seen,
      () => late,
    );
  }

  async #run(): Promise<readonly RunAtWork[]> {
    const { halt, atWork, clock, grace, endAll, say } = this.#ports;
    await halt();
    const isIdle = () => atWork().length === 0; // 1
    if (!isIdle()) say('info', 'the runtime stops and waits for runs', named(atWork(), this.#until - clock.now()));
    await this.#till(isIdle, () => this.#until);
    if (this.#order.kill && !isIdle()) {
      this.#ending = true;
      say('info', 'runs are ended with the runtime, and go back to the queue', named(atWork()));
      void endAll().finally(() => this.#tell());
      const last = clock.now() + grace() + RECORDED_MS;
      await this.#till(isIdle, () => (this.#order.kill ? last : 0));
    }
    await this.#ports.endMortal(); // 3
    this.#over = true;
    this.#tell();
    const left = atWork(); // 3
    if (left.length > 0) say('info', 'runs go on, and are taken up by the next runtime', named(left));
    return left;
  }

  /** Until it holds, or the time has come. */
  async #till(holds: () => boolean, until: () => number): Promise<void> {
    const { clock } = this.#ports;
    while (!holds() && clock.now() < until()) await this.#somethingIn(until() - clock.now());
  }

  #somethingIn(ms: number): Promise<void> {
    const { clock, subscribe } = this.#ports;
    return new Promise((resolve) => {
      const heard = () => {
        this.#listeners.delete(heard);
        unsubscribe();
        cancel();
        resolve();
      };
      const unsubscribe = subscribe(heard);
      const cancel = clock.after(Math.min(LOOK_MS, ms), heard);
      this.#listeners.add(heard);
    });
  }

  #tell(): void {
    for (const heard of [...this.#listeners]) heard();
  }
}

function named(runs: readonly RunAtWork[], ms?: number): object {
  return { runs: runs.map(({ name }) => name), ...(ms !== undefined && { seconds: Math.ceil(ms / 1_000) }) };
}
