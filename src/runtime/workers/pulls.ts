import type { Clock } from '../ports.ts';
import type { HandedTask } from '../worker-desk.ts';

/*
 * Calls of workers that wait for a task.
 *
 * P1. A pull is answered once: with a task, or with nothing.
 * P2. The same call that comes again while it waits is the same pull. It is abandoned when all who waited have gone away.
 * P3. A pull is of one life of a worker: who has taken its name over gets nothing by it, nor the other way round.
 * P4. One that is taken waits for what it was taken for; its time may be over meanwhile.
 */

export interface Pull {
  /** Of the worker (P3). */
  readonly life: string;
  readonly call?: string;
  readonly answer: Promise<HandedTask | undefined>;
  readonly settle: (task: HandedTask | undefined) => void;
  /** Who waits for the answer. */
  callers: number;
  taken: boolean;
  late: boolean;
}

export interface PullOrder {
  readonly life: string;
  readonly call?: string;
  /** How many of this worker may wait at once: for one more the oldest is answered. */
  readonly most: number;
  readonly ms: number;
  readonly signal: AbortSignal;
}

export class Pulls {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #pulls = new Set<Pull>(); // the oldest first

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  /** Those of a worker's life that could be given a task. */
  waiting(life: string): number {
    return this.#waitingOf(life).length;
  }

  has(call: string): boolean {
    return [...this.#pulls].some((pull) => pull.call === call);
  }

  wait(order: PullOrder): Promise<HandedTask | undefined> {
    if (order.signal.aborted) return Promise.resolve(undefined);
    const pull = this.#joined(order) ?? this.#opened(order);
    pull.callers++;
    return new Promise((resolve) => {
      let left = false;
      const leave = (task: HandedTask | undefined) => {
        if (left) return;
        left = true;
        cancel();
        order.signal.removeEventListener('abort', gone);
        pull.callers--;
        if (pull.callers === 0 && !pull.taken) this.#pulls.delete(pull); // P2
        resolve(task);
      };
      const gone = () => leave(undefined);
      const cancel = this.#clock.after(order.ms, () => {
        if (pull.taken)
          pull.late = true; // P4
        else leave(undefined);
      });
      order.signal.addEventListener('abort', gone);
      void pull.answer.then(leave);
    });
  }

  take(life: string): Pull | undefined {
    const [pull] = this.#waitingOf(life);
    if (pull) pull.taken = true;
    return pull;
  }

  /** What it was taken for came to nothing: it waits on. */
  giveBack(pull: Pull): void {
    pull.taken = false;
    if (pull.late || pull.callers === 0) this.settle(pull, undefined);
  }

  /** P1 */
  settle(pull: Pull, task: HandedTask | undefined): void {
    this.#pulls.delete(pull);
    pull.settle(task);
  }

  /** Of one worker, or of all. Those that are taken get what they were taken for. */
  answerWithNothing(life?: string): void {
    for (const pull of [...this.#pulls]) {
      if (life !== undefined && pull.life !== life) continue;
      if (pull.taken) pull.late = true;
      else this.settle(pull, undefined);
    }
  }

  #waitingOf(life: string): Pull[] {
    return [...this.#pulls].filter((pull) => pull.life === life && !pull.taken);
  }

  #joined({ life, call }: PullOrder): Pull | undefined {
    return call === undefined ? undefined : [...this.#pulls].find((pull) => pull.call === call && pull.life === life);
  }

  #opened({ life, call, most }: PullOrder): Pull {
    const waiting = this.#waitingOf(life);
    for (const old of waiting.slice(0, Math.max(0, waiting.length + 1 - most))) this.settle(old, undefined);
    let settle: Pull['settle'] = () => {};
    const answer = new Promise<HandedTask | undefined>((resolve) => {
      settle = resolve;
    });
    const pull: Pull = {
      life,
      ...(call !== undefined && { call }),
      answer,
      settle,
      callers: 0,
      taken: false,
      late: false,
    };
    this.#pulls.add(pull);
    return pull;
  }
}
