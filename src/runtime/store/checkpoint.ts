import type { Event } from '../model/event.ts';
import type { OpenTask } from '../model/task.ts';
import { encodeBytes } from './bytes.ts';
import type { Commits } from './commit.ts';
import type { Ground } from './ground.ts';
import type { Projector } from './projector.ts';
import { writeSnapshot } from './snapshot.ts';

/*
 * K1. A segment goes only when a durable snapshot covers it, every file that it projected is synced, and no open task
 *     has its bytes in it.
 * K2. A segment that is mostly dead gives its living bytes to a new record first: the journal's size follows the work
 *     at hand, and each byte is carried only a few times.
 */

const PROJECTION_PATIENCE_MS = 60_000;
const DEAD_ENOUGH = 0.25; // a segment with a smaller living part is emptied

export class Checkpoints {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #projector: Projector;
  readonly #body: (task: OpenTask) => Promise<Uint8Array>;
  #running: Promise<void> | undefined;

  constructor(ground: Ground, commits: Commits, projector: Projector, body: (task: OpenTask) => Promise<Uint8Array>) {
    this.#ground = ground;
    this.#commits = commits;
    this.#projector = projector;
    this.#body = body;
  }

  /** One at a time; a call during a run joins it. */
  run(): Promise<void> {
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<void> {
    const { journal, files, index, home, clock } = this.#ground;
    const state = this.#commits.committed;
    const covered = state.seq;
    const snapshot = state.toJSON(); // taken in one step with `covered`
    if (!(await this.#projector.reached(PROJECTION_PATIENCE_MS))) return; // an unreachable project pins the segments (K1)
    await this.#syncFiles(files);
    await index.sync();
    await writeSnapshot(files, home.snapshot, { format: 1, epoch: journal.epoch, seq: covered, at: clock.now(), state: snapshot });
    await this.#dropSegments(covered);
  }

  async #syncFiles(files: Ground['files']): Promise<void> {
    const paths = this.#projector.takeUnsynced();
    try {
      for (const path of paths) await syncIfThere(files, path);
    } catch (error) {
      this.#projector.markUnsynced(...paths);
      throw error;
    }
  }

  async #dropSegments(covered: number): Promise<void> {
    const { journal } = this.#ground;
    const segments = journal.segments();
    const living = this.#livingBytes();
    for (const [i, segment] of segments.entries()) {
      const next = segments[i + 1];
      if (!next || next.firstSeq > covered + 1) return; // the one being written, or not covered yet
      const alive = living.get(segment.name) ?? [];
      const bytes = alive.reduce((sum, task) => sum + task.size, 0);
      if (bytes > segment.bytes * DEAD_ENOUGH) continue;
      await this.#carry(alive); // K2
      await journal.drop(segment.name);
    }
  }

  #livingBytes(): Map<string, OpenTask[]> {
    const living = new Map<string, OpenTask[]>();
    for (const task of this.#commits.committed.open.values()) {
      const tasks = living.get(task.body.segment);
      if (tasks) tasks.push(task);
      else living.set(task.body.segment, [task]);
    }
    return living;
  }

  async #carry(tasks: readonly OpenTask[]): Promise<void> {
    for (let i = 0; i < tasks.length; i += 50) {
      const events: Event[] = [];
      for (const task of tasks.slice(i, i + 50)) {
        events.push({ type: 'task_carried', project: task.project, id: task.id, bytes: encodeBytes(await this.#body(task)) });
      }
      await this.#commits.commit({ by: 'recovery' }, () => ({ events, reply: null }));
    }
  }
}

async function syncIfThere(files: Ground['files'], path: string): Promise<void> {
  const stat = await files.stat(path);
  if (stat?.kind === 'dir') await files.syncDir(path);
  else if (stat?.kind === 'file') await files.sync(path);
}
