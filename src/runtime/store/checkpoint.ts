import { dirname, join } from 'node:path';
import type { Event } from '../model/event.ts';
import { keyOf } from '../model/ids.ts';
import type { OpenTask } from '../model/task.ts';
import type { Bodies } from './bodies.ts';
import { encodeBytes } from './bytes.ts';
import type { Commits } from './commit.ts';
import type { Ground } from './ground.ts';
import { firstOf } from './journal/segment.ts';
import type { Projections } from './projections.ts';
import { writeSnapshot } from './snapshot.ts';

/*
 * K1. A segment goes only when a durable snapshot covers it, every file that it projected is synced, and no task that
 *     was open at the snapshot has its bytes in it: one that ended since may not have its file yet.
 * K2. A segment that is mostly dead gives its living bytes to a new record first: the journal's size follows the work
 *     at hand, and each byte is carried only a few times.
 * K3. A segment that goes is moved aside for those who ask about the past, as long as the configuration wants. Nothing
 *     is ever read back from there into the state, so that losing it loses no task.
 */

const PROJECTION_PATIENCE_MS = 60_000;
const LIVING_SHARE = 0.25; // a segment with a smaller living part is emptied; so is the oldest when the whole has less
const FILES_AT_THE_END = 200;
const SYNCS_AT_ONCE = 3; // of the four threads that all files share: the journal's own sync must find one
const ROOM = 64 * 1_048_576; // that the journal may always take

export class Checkpoints {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #projections: Projections;
  readonly #bodies: Bodies;
  #running: Promise<void> | undefined;
  #triedAt: string | undefined;
  #ending = false;

  constructor(ground: Ground, commits: Commits, projections: Projections, bodies: Bodies) {
    this.#ground = ground;
    this.#commits = commits;
    this.#projections = projections;
    this.#bodies = bodies;
  }

  /** One at a time; a call during a run joins it. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /**
   * At the end of the runtime: a snapshot where it costs little. Where thousands of files would have to be synced first,
   * nobody waits for that: the journal holds it all, and the next start reads on from the snapshot before.
   */
  async last(): Promise<void> {
    this.#ending = true; // a run under way ends before its next file
    await this.#running?.catch(() => undefined);
    if (this.#projections.unsynced > FILES_AT_THE_END) return;
    this.#ending = false;
    await this.run();
  }

  /** Without anybody who waits: what goes wrong is said, and tried again when the next segment is full. */
  soon(): void {
    const { journal, say } = this.#ground;
    const newest = journal.segments().at(-1);
    if (newest === this.#triedAt) return;
    this.#triedAt = newest;
    this.run().catch((error) => {
      if (!this.#ending) say('warn', 'old journal segments could not be cleared away yet', { error: String(error) });
    });
  }

  async #run(): Promise<void> {
    const { journal, files, index, home, clock } = this.#ground;
    const state = this.#commits.committed;
    const covered = state.seq;
    const snapshot = state.toJSON(); // taken in one step with `covered`
    if (!(await this.#projections.reached(PROJECTION_PATIENCE_MS))) return; // an unreachable project pins the segments (K1)
    await this.#syncFiles(files);
    await index.sync();
    await writeSnapshot(files, home.snapshot, {
      format: 1,
      epoch: journal.epoch,
      seq: covered,
      at: clock.now(),
      state: snapshot,
    });
    await this.#dropSegments(covered, snapshot.open);
  }

  async #syncFiles(files: Ground['files']): Promise<void> {
    const paths = this.#projections.takeUnsynced();
    const left = paths.values();
    const syncOthers = async () => {
      for (const path of left) {
        if (this.#ending) throw new Error('the runtime ends');
        await syncIfThere(files, path);
      }
    };
    try {
      // Side by side they share the disk's own commits; one after another each would wait for one of its own.
      await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, syncOthers));
    } catch (error) {
      this.#projections.markUnsynced(...paths);
      throw error;
    }
  }

  async #dropSegments(covered: number, atSnapshot: readonly OpenTask[]): Promise<void> {
    const { journal } = this.#ground;
    const living = bySegment(atSnapshot);
    const names = journal.segments();
    const sizes = await Promise.all(names.map((name) => this.#size(name)));
    let left = sum(sizes);
    const alive = sum(atSnapshot.map((task) => task.size));
    for (const [i, name] of names.entries()) {
      const next = names[i + 1];
      if (next === undefined || (firstOf(next) ?? 0) > covered + 1) return; // the one being written, or not covered yet
      const tasks = living.get(name) ?? [];
      const size = sizes[i] ?? 0;
      const mostlyDead = sum(tasks.map((task) => task.size)) <= size * LIVING_SHARE;
      if (!mostlyDead && left <= alive / LIVING_SHARE + ROOM) return; // only the oldest can go, so it stands before the others
      await this.#carry(this.#openIn(name, tasks)); // K2
      if (!tasks.every((task) => this.#isElsewhere(name, task))) return; // K1
      await this.#moveAside(name); // K3
      await journal.drop(name);
      left -= size;
    }
  }

  async #moveAside(name: string): Promise<void> {
    const { files, home, journal, config, say } = this.#ground;
    if (config.retention.events === 0) return;
    const folder = pastEventsDir(home.journal, journal.epoch);
    try {
      await files.makeDir(folder);
      await files.moveNew(join(home.journal, name), join(folder, name));
    } catch (error) {
      say('warn', 'old events could not be kept', { segment: name, error: String(error) });
    }
  }

  #openIn(segment: string, tasks: readonly OpenTask[]): OpenTask[] {
    const now = tasks.flatMap((task) => this.#commits.committed.open.get(keyOf(task)) ?? []);
    return now.filter((task) => task.body.segment === segment);
  }

  #isElsewhere(segment: string, task: OpenTask): boolean {
    const now = this.#commits.committed.open.get(keyOf(task));
    return now !== undefined && now.body.segment !== segment;
  }

  async #size(name: string): Promise<number> {
    const { files, home } = this.#ground;
    return (await files.stat(join(home.journal, name)))?.size ?? 0;
  }

  async #carry(tasks: readonly OpenTask[]): Promise<void> {
    for (let i = 0; i < tasks.length; i += 50) {
      const events: Event[] = [];
      for (const task of tasks.slice(i, i + 50)) {
        events.push({
          type: 'task_carried',
          project: task.project,
          id: task.id,
          bytes: encodeBytes(await this.#bodies.of(task)),
        });
      }
      await this.#commits.commit({ by: 'recovery' }, () => ({ events, reply: null }));
    }
  }
}

/** Where the segments of one epoch lie that the journal needs no more. */
export function pastEventsDir(journal: string, epoch: string): string {
  return join(dirname(journal), 'events', epoch);
}

function bySegment(tasks: readonly OpenTask[]): Map<string, OpenTask[]> {
  const segments = new Map<string, OpenTask[]>();
  for (const task of tasks) {
    const those = segments.get(task.body.segment);
    if (those) those.push(task);
    else segments.set(task.body.segment, [task]);
  }
  return segments;
}

async function syncIfThere(files: Ground['files'], path: string): Promise<void> {
  const stat = await files.stat(path);
  if (stat?.kind === 'dir') await files.syncDir(path);
  else if (stat?.kind === 'file') await files.sync(path);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
