import { isDeepStrictEqual } from 'node:util';
import { keyOf, type TaskKey, type TaskRef } from '../../../../src/runtime/model/ids.ts';
import { type FinishedTask, isLive, type Lease, type OpenTask } from '../../../../src/runtime/model/task.ts';
import type { FileStore } from '../../../../src/runtime/store/file-store.ts';

/** A text that somebody asked to be done; its mark is unique and stands in the task's group. */
export interface Wish {
  readonly mark: string;
  readonly text: Uint8Array;
  readonly dependsOn: readonly TaskRef[];
  retries: number;
}

/** What is known of a task for certain, because the store said or showed it. */
export interface Entry {
  readonly ref: TaskRef;
  readonly wish: Wish;
  seen: OpenTask | FinishedTask;
  /** Something was asked since it was last seen; it may have changed. */
  touched: boolean;
  /** What was asked of it failed without an answer: only a restart shows what became of it. */
  unsure: boolean;
  /** The claim of this attempt was refused; the task goes back to the queue by itself, on a full disk a little later. */
  goesBack?: number;
  leases: Lease[];
  readonly attempts: Set<number>;
  /** Results that were reported, acknowledged or not. */
  readonly reported: string[];
  /** The result in its file; it never changes. */
  result?: string;
}

/** Everything that was acknowledged so far. What contradicts it breaks a law. */
export class Ledger {
  readonly wishes = new Map<string, Wish>();
  readonly entries = new Map<TaskKey, Entry>();

  wish(mark: string, text: Uint8Array, dependsOn: readonly TaskRef[] = []): Wish {
    const wish = { mark, text, dependsOn, retries: 0 };
    this.wishes.set(mark, wish);
    return wish;
  }

  all(): Entry[] {
    return [...this.entries.values()];
  }

  /** The task and all that wait for it may change from now on. */
  touch(ref: TaskRef, seen = new Set<TaskKey>()): void {
    const key = keyOf(ref);
    if (seen.has(key)) return;
    seen.add(key);
    const entry = this.entries.get(key);
    if (entry) entry.touched = true;
    for (const other of this.entries.values()) if (waitsFor(other, ref)) this.touch(other.ref, seen);
  }

  /** Compares what the store shows with everything known, and learns. `fresh`: after a restart. */
  async observe(store: FileStore, fresh: boolean): Promise<void> {
    for (const task of [...store.open().values(), ...store.recentlyFinished()]) this.#meet(task);
    for (const entry of this.all()) {
      const now = await store.get(entry.ref);
      if (!now) throw new Error(`law 1: the task ${entry.ref.id} is lost`);
      this.#compare(entry, now);
      entry.seen = now;
      if (isLive(now as OpenTask)) entry.attempts.add((now as OpenTask).attempt);
      if (fresh) entry.unsure = false;
      entry.touched = entry.unsure;
    }
    this.#countTwins();
  }

  #meet(task: OpenTask | FinishedTask): void {
    const ref = { project: task.project, id: task.id };
    if (this.entries.has(keyOf(ref))) return;
    const mark = 'spec' in task ? task.spec.group : task.group;
    const wish = this.wishes.get(mark ?? '');
    if (!wish) throw new Error(`law 7: nobody asked for the task ${task.id} (${mark})`);
    const entry = {
      ref,
      wish,
      seen: task,
      touched: true,
      unsure: false,
      leases: [],
      attempts: new Set<number>(),
      reported: [],
    };
    this.entries.set(keyOf(ref), entry);
  }

  #compare(entry: Entry, now: OpenTask | FinishedTask): void {
    const { seen, touched, ref } = entry;
    const story = () => `${ref.id} was ${JSON.stringify(seen)} and is ${JSON.stringify(now)}`;
    if ('finished_seq' in seen) {
      if (!isDeepStrictEqual(lasting(seen), lasting(now))) throw new Error(`law 3: the ended task ${story()}`);
      return;
    }
    const attempt = 'finished_seq' in now ? now.attempts : now.attempt;
    if (attempt < seen.attempt) throw new Error(`law 2: an attempt is forgotten: ${story()}`);
    if (entry.goesBack === attempt && seen.attempt === attempt && now.state === 'queued') return;
    if (!touched && !isDeepStrictEqual(lasting(seen), lasting(now))) throw new Error(`law 1: unasked, ${story()}`);
  }

  /** Nothing that was asked for once became two tasks. */
  #countTwins(): void {
    const counts = new Map<Wish, { first: string[]; again: string[] }>();
    for (const { wish, seen } of this.entries.values()) {
      const count = counts.get(wish) ?? { first: [], again: [] };
      (seen.retry_of === undefined ? count.first : count.again).push(seen.id);
      counts.set(wish, count);
    }
    for (const [wish, { first, again }] of counts)
      if (first.length > 1 || again.length > wish.retries)
        throw new Error(`asked for once, there as ${[...first, ...again].join(', ')} (${wish.mark})`);
  }
}

function waitsFor({ wish, seen }: Entry, ref: TaskRef): boolean {
  if (seen.project !== ref.project) return false;
  return wish.dependsOn.some(({ id }) => id === ref.id) || ('waits_for' in seen && seen.waits_for.includes(ref.id));
}

/** Where its bytes lie may change unasked, and a finished task may get a successor. */
function lasting(task: OpenTask | FinishedTask): unknown {
  return JSON.parse(JSON.stringify({ ...task, body: undefined, retried_as: undefined }));
}
