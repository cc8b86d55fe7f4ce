import { keyOf, type TaskKey } from '../../runtime/model/ids.ts';
import { isLive } from '../../runtime/model/task.ts';
import type { Clock } from '../../runtime/ports.ts';
import { type AnyTask, isFinished } from '../find-task.ts';
import type { Progress } from '../tool.ts';

/*
 * What a client hears while it waits for tasks.
 * P1. At once at each change of one of them; changes within GAP_MS of the last word are told together.
 * P2. At least every 15 s, though nothing changes.
 * P3. It only grows, from the next runtime as well: its whole part counts what has ended, the rest grows with the
 *     age of the oldest task, both of which outlive a runtime.
 * P4. Nothing after `stop`.
 */

const GAP_MS = 100;
const EVERY_MS = 10_000;
const HALF_LIFE_MS = 60_000; // a task of this age fills half of its step

export class WaitProgress {
  readonly #clock: Clock;
  readonly #tell: (progress: Progress) => void;
  #tasks = new Map<TaskKey, AnyTask>();
  #told = Number.NEGATIVE_INFINITY;
  #reached = 0;
  #cancel: () => void = () => {};

  constructor(clock: Clock, tell: (progress: Progress) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** What is waited for from here on. */
  over(tasks: readonly AnyTask[]): void {
    this.#tasks = new Map(tasks.map((task) => [keyOf(task), task]));
    this.#soon();
  }

  readonly changed = (after: AnyTask): void => {
    const key = keyOf(after);
    if (this.#tasks.get(key)?.state === after.state) return;
    this.#tasks.set(key, after);
    this.#soon();
  };

  stop(): void {
    this.#cancel(); // P4
  }

  /** P1 */
  #soon(): void {
    const wait = this.#told + GAP_MS - this.#clock.now();
    if (wait <= 0) this.#say();
    else this.#after(wait);
  }

  #say(): void {
    const now = this.#clock.now();
    this.#told = now;
    const tasks = [...this.#tasks.values()];
    const ended = tasks.filter(isFinished).length;
    const age = Math.max(0, now - Math.min(...tasks.map(({ queued_at }) => queued_at)));
    const grown = ended + age / (age + HALF_LIFE_MS);
    this.#reached = grown > this.#reached ? grown : this.#reached + 1e-6; // P3, whatever the clock does
    this.#tell({ progress: this.#reached, total: tasks.length, message: describe(tasks, now) });
    this.#after(EVERY_MS); // P2
  }

  #after(ms: number): void {
    this.#cancel();
    this.#cancel = this.#clock.after(ms, () => this.#say());
  }
}

/** `2 of 3 done; fix-login is running for 40 s` */
function describe(tasks: readonly AnyTask[], now: number): string {
  const count = (state: AnyTask['state']): number => tasks.filter((task) => task.state === state).length;
  const others = (['failed', 'cancelled', 'queued', 'unknown'] as const).flatMap((state) =>
    count(state) > 0 ? [`${count(state)} ${state}`] : [],
  );
  const ended = [`${count('done')} of ${tasks.length} done`, ...others].join(', ');
  const live = tasks.flatMap((task) => (!isFinished(task) && isLive(task) ? [task] : []));
  const [first] = live.sort((a, b) => a.claimed_at - b.claimed_at);
  if (first === undefined) return ended;
  const since = first.state === 'running' ? first.started_at : first.claimed_at;
  const more = live.length > 1 ? ` and ${live.length - 1} more` : '';
  return `${ended}; ${first.id}${more} running for ${lasting(now - since)}`;
}

function lasting(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
}
