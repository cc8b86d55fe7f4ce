import { join } from 'node:path';
import type { Project } from '../model/event.ts';
import { ProjectId } from '../model/ids.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Cause } from '../model/task.ts';
import { type QueueLayout, queueOf } from '../taskfile/layout.ts';
import { ProjectFile, readJson, writeJson } from '../taskfile/marker.ts';
import { TEMP_PREFIX } from '../taskfile/names.ts';
import type { Commits } from './commit.ts';
import type { Ground } from './ground.ts';

/*
 * A queue has one owner: the home that holds the lock `.agent-queue/.owner`. Another home sees it read-only.
 * The project's id lives in the queue (`.project.json`), so that it outlives the home.
 */

interface Owned {
  readonly folder: string;
  readonly lock: { release(): Promise<void> };
  /** What `.project.json` said when the queue was taken. */
  readonly seen: { epoch?: string; last_seq: number };
}

export class Adoption {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #owned = new Map<ProjectId, Owned>();
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
    this.#owned.set(id, { folder: path, lock: taken.lock, seen: taken.seen });
    if (known) return known;
    const held = configured || twin ? [] : await this.#dropsAlreadyThere(path);
    const project: Project = { id, path, name, adopted_at: this.#ground.clock.now(), held };
    await this.#commits.commit(withoutCall(cause), () => ({
      events: [{ type: 'project_adopted', project }],
      reply: null,
    }));
    await this.writeMark(id);
    await this.#rememberPaths();
    return project;
  }

  async #take(path: string): Promise<Refusal | { id?: ProjectId; lock: Owned['lock']; seen: Owned['seen'] }> {
    const { files, locks } = this.#ground;
    const paths = queueOf(path);
    for (const dir of [paths.inbox, paths.doneDir, paths.failedDir]) await files.makeDir(dir);
    await files.create(paths.gitignore, Buffer.from('*\n'));
    const lock = await locks.acquire(paths.owner);
    if (!lock) {
      return refuse(
        'read_only',
        `the queue of ${path} belongs to another running home`,
        'stop the other runtime, or use its home (YARDMASTER_HOME)',
      );
    }
    await this.#clearTemps(paths);
    const file = await files.read(paths.projectFile).catch(() => undefined);
    const mark = file && readJson(ProjectFile, file);
    return {
      lock,
      seen: { last_seq: mark?.last_seq ?? 0, ...(mark && { epoch: mark.epoch }) },
      ...(mark && { id: mark.project_id }),
    };
  }

  /** Only the lock's holder writes here and it has not begun: what is unfinished is of one that died. */
  async #clearTemps({ inbox, doneDir, failedDir }: QueueLayout): Promise<void> {
    const { files } = this.#ground;
    for (const dir of [inbox, doneDir, failedDir]) {
      for (const { name, kind } of (await files.list(dir)) ?? [])
        if (kind === 'file' && name.startsWith(TEMP_PREFIX)) await files.remove(join(dir, name));
    }
  }

  async #dropsAlreadyThere(path: string): Promise<string[]> {
    const entries = (await this.#ground.files.list(queueOf(path).inbox)) ?? [];
    const names = new Set(entries.map(({ name }) => name));
    return [...names].filter((name) => name.endsWith('.md') && !names.has(`${name}.delegated`)); // such a task is under way
  }

  /** Tells later readers which journal the files follow, and up to where. */
  async writeMark(id: ProjectId): Promise<void> {
    const paths = this.paths(id);
    if (!paths) return;
    const mark = { project_id: id, epoch: this.#ground.journal.epoch, last_seq: this.#commits.committed.seq };
    await this.#ground.files.replace(paths.projectFile, writeJson(mark));
  }

  async #rememberPaths(): Promise<void> {
    const paths = [...this.#commits.committed.projects.values()].map(({ id, path, name }) => ({ id, path, name }));
    await this.#ground.files.replace(this.#ground.home.projects, Buffer.from(`${JSON.stringify(paths, null, 2)}\n`));
  }

  async release(): Promise<void> {
    const owned = [...this.#owned.values()];
    this.#owned.clear();
    await Promise.all(owned.map(({ lock }) => lock.release()));
  }
}

/** Adopting is a step of a call, not its answer: the call's own change carries the reply. */
function withoutCall({ call: _, ...cause }: Cause): Cause {
  return cause;
}
