import { join } from 'node:path';
import { z } from 'zod';
import { keyOf, ProjectId, TaskId, type TaskKey, type TaskRef } from '../model/ids.ts';
import type { Files } from '../ports.ts';

/**
 * What we know of a worktree of ours: the one thing that tells it from what a person has made. Written before the step
 * that it names, so that a kill between two steps is seen from it.
 */
export const OwnTree = z.object({
  kind: z.literal('own'),
  project: ProjectId,
  id: TaskId,
  /** The checkout that it belongs to, when it was planned: projects may be parts of one repository. */
  repository: z.string(),
  branch: z.string(),
  /** The commit that the branch begins at, and how it was named. */
  base: z.string(),
  base_name: z.string(),
  /**
   * `planned`: the branch may be there. `branched`: it is, and is ours; the worktree may be half made, and nobody has
   * worked in it. `made`: somebody may have. `removing`: nothing in it was uncommitted, and it goes. `removed`: it is gone.
   */
  phase: z.enum(['planned', 'branched', 'made', 'removing', 'removed']),
  /** It has been `made` once: its branch may hold work. */
  worked: z.boolean().exactOptional(),
  /** The branch had nothing of its own, and went with the worktree. */
  branch_removed: z.boolean().exactOptional(),
  /** The branch that was checked out in it last, where its agent has chosen another one. */
  on: z.string().exactOptional(),
  /** Why it stayed after the end of its task. */
  kept: z.string().exactOptional(),
  made_at: z.number(),
});
export type OwnTree = z.infer<typeof OwnTree>;

/** A task that goes on in the worktree of another one. */
const SharedTree = z.object({ kind: z.literal('shared'), project: ProjectId, id: TaskId, of: TaskId });

const TreeRecord = z.discriminatedUnion('kind', [OwnTree, SharedTree]);
export type TreeRecord = z.infer<typeof TreeRecord>;

/** This branch is checked out in it now. */
export function onBranch({ on: _, ...tree }: OwnTree, branch: string): OwnTree {
  return branch === tree.branch ? tree : { ...tree, on: branch };
}

/** Where the worktrees of a home are. */
export function treesIn(home: string): string {
  return join(home, 'worktrees');
}

export function treePath(home: string, { project, id }: TaskRef): string {
  return join(treesIn(home), project, id);
}

const MAX_RECORD = 65_536;

/** The records of a home, in memory as on disk. */
export class TreeRecords {
  readonly #files: Files;
  readonly #dir: string;
  readonly #byTask = new Map<TaskKey, TreeRecord>();
  /** Grows with each change. */
  version = 0;

  constructor(files: Files, home: string) {
    this.#files = files;
    this.#dir = join(treesIn(home), '.records');
  }

  /** Answers the files that could not be read. */
  async load(): Promise<string[]> {
    const wrong: string[] = [];
    for (const project of (await this.#files.list(this.#dir)) ?? []) {
      for (const { name } of (await this.#files.list(join(this.#dir, project.name))) ?? []) {
        if (!name.endsWith('.json') || name.startsWith('.')) continue;
        const path = join(this.#dir, project.name, name);
        const record = parsed(await this.#files.read(path, MAX_RECORD).catch(() => undefined));
        if (record) this.#byTask.set(keyOf(record), record);
        else wrong.push(path);
      }
    }
    this.version += 1;
    return wrong;
  }

  get(ref: TaskRef): TreeRecord | undefined {
    return this.#byTask.get(keyOf(ref));
  }

  /** The worktree in which a task works or has worked, its own or another's. */
  treeOf(ref: TaskRef): OwnTree | undefined {
    let record = this.get(ref);
    for (let steps = 0; record?.kind === 'shared' && steps < 100; steps++) {
      record = this.get({ project: record.project, id: record.of });
    }
    return record?.kind === 'own' ? record : undefined;
  }

  all(): IterableIterator<TreeRecord> {
    return this.#byTask.values();
  }

  own(): OwnTree[] {
    return [...this.all()].filter((record) => record.kind === 'own');
  }

  /** Durable when it settles. */
  async write<R extends TreeRecord>(record: R): Promise<R> {
    const dir = join(this.#dir, record.project);
    const path = this.#path(record);
    await this.#files.makeDir(dir);
    await this.#files.replace(path, Buffer.from(`${JSON.stringify(record)}\n`));
    await this.#files.sync(path);
    await this.#files.syncDir(dir);
    this.#byTask.set(keyOf(record), record);
    this.version += 1;
    return record;
  }

  async forget(ref: TaskRef): Promise<void> {
    await this.#files.remove(this.#path(ref));
    this.#byTask.delete(keyOf(ref));
    this.version += 1;
  }

  #path({ project, id }: TaskRef): string {
    return join(this.#dir, project, `${id}.json`);
  }
}

function parsed(bytes: Uint8Array | undefined): TreeRecord | undefined {
  try {
    return TreeRecord.safeParse(JSON.parse(Buffer.from(bytes ?? []).toString())).data;
  } catch {
    return undefined;
  }
}
