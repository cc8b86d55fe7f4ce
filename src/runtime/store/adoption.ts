import type { Project } from '../model/event.ts';
import { ProjectId } from '../model/ids.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Cause } from '../model/task.ts';
import { type QueueLayout, queueOf } from '../taskfile/layout.ts';
import { ProjectFile, readJson, writeJson } from '../taskfile/marker.ts';
import type { Commits } from './commit.ts';
import { sweepTemps } from './durably.ts';
import type { Ground } from './ground.ts';

/*
 * A queue has one owner: the home that holds the lock `.agent-queue/.owner`. Another home sees it read-only.
 * The project's id lives in the queue (`.project.json`), so that it outlives the home.
 */

const MARK_MS = 2_000;

interface Owned {
  readonly folder: string;
  readonly lock: { release(): Promise<void> };
  /** What `.project.json` said when the queue was taken. */
  readonly seen: { epoch?: string; last_seq: number; boot?: string };
  /** Its files were compared with the journal. */
  compared: boolean;
}

export class Adoption {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #owned = new Map<ProjectId, Owned>();
  #marking: (() => void) | undefined;
  readonly #adopting = new Map<string, Promise<Project | Refusal>>();

  constructor(ground: Ground, commits: Commits) {
    this.#ground = ground;
    this.#commits = commits;
  }

  folder(id: ProjectId): string | undefined {
    return this.#owned.get(id)?.folder;
  }

  seen(id: ProjectId): Owned['seen'] | undefined {
    return this.#owned.get(id)?.seen;
  }

  owned(): ProjectId[] {
    return [...this.#owned.keys()];
  }

  paths(id: ProjectId): QueueLayout | undefined {
    const folder = this.folder(id);
    return folder === undefined ? undefined : queueOf(folder);
  }

  /** The same folder is adopted once, however many ask at the same time. */
  adopt(path: string, name: string, configured: boolean, cause: Cause): Promise<Project | Refusal> {
    const running = this.#adopting.get(path);
    if (running) return running;
    const adopting = this.#adopt(path, name, configured, cause).finally(() => this.#adopting.delete(path));
    this.#adopting.set(path, adopting);
    return adopting;
  }

  async #adopt(path: string, name: string, configured: boolean, cause: Cause): Promise<Project | Refusal> {
    const known = [...this.#commits.committed.projects.values()].find((project) => project.path === path);
    if (known && this.#owned.has(known.id)) return known;
    const taken = await this.#take(path);
    if ('refused' in taken) return taken;
    const id = known?.id ?? taken.id ?? ProjectId.parse(`p_${this.#ground.chance.hex(6)}`);
    const twin = this.#commits.committed.projects.get(id);
    if (twin && twin.path !== path && this.#owned.has(id)) {
      await taken.lock.release();
      return refuse(
        'not_allowed',
        `${path} carries the identity of the project at ${twin.path}: it is a copy`,
        'remove .agent-queue/.project.json in the copy',
      );
    }
    this.#owned.set(id, { folder: path, lock: taken.lock, seen: taken.seen, compared: false });
    if (known) return known;
    try {
      const held = configured || twin ? [] : await this.#dropsAlreadyThere(path);
      const project: Project = { id, path, name, adopted_at: this.#ground.clock.now(), held };
      await this.#commits.commit(withoutCall(cause), () => ({
        events: [{ type: 'project_adopted', project }],
        reply: null,
      }));
      await this.#rememberPaths();
      return project;
    } catch (error) {
      this.#owned.delete(id); // the next one who asks tries again
      await taken.lock.release();
      throw error;
    }
  }

  async #take(path: string): Promise<Refusal | { id?: ProjectId; lock: Owned['lock']; seen: Owned['seen'] }> {
    const { files, locks } = this.#ground;
    const paths = queueOf(path);
    for (const dir of [paths.inbox, paths.doneDir, paths.failedDir]) await files.makeDir(dir);
    await files.create(paths.gitignore, Buffer.from('*\n'));
    for (const dir of [paths.root, path]) await files.syncDir(dir); // what is synced in a folder that goes is lost all the same
    const lock = await locks.acquire(paths.owner);
    if (!lock) {
      return refuse(
        'read_only',
        `the queue of ${path} belongs to another running home`,
        'stop the other runtime, or use its home (YARDMASTER_HOME)',
      );
    }
    await sweepTemps(files, [paths.root, paths.inbox, paths.doneDir, paths.failedDir]);
    const file = await files.read(paths.projectFile).catch(() => undefined);
    const mark = file && readJson(ProjectFile, file);
    return {
      lock,
      seen: {
        last_seq: mark?.last_seq ?? 0,
        ...(mark && { epoch: mark.epoch, ...(mark.boot !== undefined && { boot: mark.boot }) }),
      },
      ...(mark && { id: mark.project_id }),
    };
  }

  async #dropsAlreadyThere(path: string): Promise<string[]> {
    const entries = (await this.#ground.files.list(queueOf(path).inbox)) ?? [];
    const names = new Set(entries.map(({ name }) => name));
    return [...names].filter((name) => name.endsWith('.md') && !names.has(`${name}.delegated`)); // such a task is under way
  }

  /** The machine was started anew since its files were last known to be whole: they may be empty, torn or missing. */
  anotherBoot(id: ProjectId): boolean {
    return this.seen(id)?.boot !== this.#ground.bootId;
  }

  compared(id: ProjectId): void {
    const owned = this.#owned.get(id);
    if (owned) owned.compared = true;
  }

  /** Marks the queues again once in a while, so that their marks are never far behind. */
  markSoon(converged: (id: ProjectId) => boolean): void {
    this.#marking ??= this.#ground.clock.after(MARK_MS, () => {
      this.#marking = undefined;
      void this.mark(converged);
    });
  }

  /**
   * Tells later readers which journal the files of each queue follow, and up to where they do. A home that comes back
   * from a backup is known by it, a file that changed since is known for an edit.
   */
  async mark(converged: (id: ProjectId) => boolean): Promise<void> {
    const { journal, files, bootId, say } = this.#ground;
    for (const [id, { folder, compared }] of this.#owned) {
      if (!compared || !converged(id)) continue;
      const mark = { project_id: id, epoch: journal.epoch, last_seq: this.#commits.committed.seq, boot: bootId };
      await files
        .replace(queueOf(folder).projectFile, writeJson(mark))
        .catch((error) => say('warn', 'a queue could not be marked as ours', { error: String(error) }));
    }
  }

  async #rememberPaths(): Promise<void> {
    const paths = [...this.#commits.committed.projects.values()].map(({ id, path, name }) => ({ id, path, name }));
    const text = Buffer.from(`${JSON.stringify(paths, null, 2)}\n`);
    await this.#ground.files
      .replace(this.#ground.home.projects, text)
      .catch((error) =>
        this.#ground.say('warn', 'the list of projects could not be written', { error: String(error) }),
      );
  }

  async release(): Promise<void> {
    this.#marking?.();
    const owned = [...this.#owned.values()];
    this.#owned.clear();
    await Promise.all(owned.map(({ lock }) => lock.release()));
  }
}

/** Adopting is a step of a call, not its answer: the call's own change carries the reply. */
function withoutCall({ call: _, ...cause }: Cause): Cause {
  return cause;
}
