import { join } from 'node:path';
import type { WorkingTask } from '../load.ts';
import type { Project } from '../model/event.ts';
import type { FleetWorktrees } from '../model/fleet.ts';
import { keyOf, type ProjectId, type TaskRef } from '../model/ids.ts';
import { isLive, type LiveTask, type OpenTask, type Workspace } from '../model/task.ts';
import { worksInWorktree } from '../policy/abilities.ts';
import type { Change, Git, TaskStore } from '../ports.ts';
import type { OpenedWorkspace, Workspaces } from '../work.ts';
import type { CleanedWorktree, WorktreeDesk, WorktreeView } from '../worktree-desk.ts';
import type { Need } from '../yard.ts';
import { GitCalls, GitNotNow } from './calls.ts';
import { described } from './describe.ts';
import { FleetView } from './for-fleet.ts';
import { leftOut } from './left-out.ts';
import type { MakePorts } from './make.ts';
import { type OpenPorts, openTree } from './open.ts';
import { type OwnTree, onBranch, type TreeRecord, TreeRecords, treePath } from './record.ts';
import { type Removed, takeAway } from './remove.ts';
import { type Repository, repositoryAt } from './repository.ts';
import { Turns } from './turns.ts';

/*
 * Where tasks work: in their project's folder, or in git worktrees of ours.
 *
 * X1. A task works in the same folder in each of its attempts, and one that continues another in that one's.
 * X2. One task at a time works in a worktree.
 * X3. A worktree is looked at for removal when its task's end is durable, after each start and every hour; only while no
 *     task that is open works or has worked in it.
 * X4. Of one project's worktrees one is made or removed at a time; of one repository's one is made.
 */

const EVERY_MS = 3_600_000;
const AGAIN_MS = 60_000;

export interface WorktreesPorts extends Omit<MakePorts, 'records'> {
  readonly home: string;
  readonly git: Git;
  readonly store: Pick<TaskStore, 'projects' | 'owns' | 'open' | 'get' | 'note' | 'subscribe'>;
  /** The bound on worktrees of ours; 0 = none. */
  readonly max: () => number;
  readonly projectName: (id: ProjectId) => string;
  /** There may be room for another one. */
  readonly changed: () => void;
  readonly say: (level: 'info' | 'warn', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export class Worktrees implements Workspaces, WorktreeDesk {
  readonly #ports: WorktreesPorts;
  readonly #records: TreeRecords;
  readonly #fleet: FleetView;
  readonly #turns = new Turns();
  readonly #timers = new Map<string, () => void>();
  #unsubscribe: () => void = () => {};
  #stopped = false;

  constructor(ports: WorktreesPorts) {
    this.#ports = ports;
    this.#records = new TreeRecords(ports.files, ports.home);
    this.#fleet = new FleetView(this.#records, (ref) => nameOf(ref, ports.projectName));
  }

  /** What is on record is known when it settles; what may go is looked at afterwards. */
  async start(): Promise<void> {
    const { store, say } = this.#ports;
    for (const file of await this.#records.load()) say('warn', 'the record of a worktree can not be read', { file });
    this.#unsubscribe = store.subscribe((changes) => this.#hear(changes));
    this.#sweepIn(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await this.#turns.idle();
  }

  // ── for attempts ──────────────────────────────────────────────────────────

  async open(task: LiveTask): Promise<OpenedWorkspace> {
    const project = this.#project(task.project);
    if (!project) return { kind: 'unfit', reason: 'its project is not there any more' };
    if (!this.#treeFor(task) && !worksInWorktree(task.spec)) return { kind: 'ready', cwd: project.path };
    try {
      return await this.#turns.run(project.id, () => this.#open(task, project));
    } catch (error) {
      if (!(error instanceof GitNotNow)) throw error;
      return { kind: 'wait', reason: `its worktree can't be had now: ${error.message}` };
    }
  }

  async #open(task: LiveTask, project: Project): Promise<OpenedWorkspace> {
    const tree = this.#treeFor(task);
    const writer = tree && this.#writer(tree, task);
    if (writer) return { kind: 'wait', reason: `task ${writer.id} works in the same worktree` }; // X2
    const repository = await this.#repository(project);
    if ('none' in repository) return { kind: 'unfit', reason: `workspace: worktree, but ${repository.none}` };
    if (tree && tree.id !== task.id && !this.#records.get(task)) {
      await this.#records.write({ kind: 'shared', project: task.project, id: task.id, of: tree.id }); // X1
    }
    const isNew = tree?.phase !== 'made';
    const trees = {
      treeOf: (ref: TaskRef) => this.#records.treeOf(ref),
      isOpen: (ref: TaskRef) => this.#ports.store.open().has(keyOf(ref)),
    };
    const opened = await this.#turns.run(repository.top, () => openTree(this.#parts, repository, task, trees)); // X4
    if (isNew && opened.kind === 'ready') await this.#tellLeftOut(task);
    return opened;
  }

  async #tellLeftOut({ project, id }: LiveTask): Promise<void> {
    const { files, store, home } = this.#ports;
    const tree = this.#records.treeOf({ project, id });
    const what = tree && (await leftOut(files, treePath(home, tree)));
    if (what !== undefined)
      await store.note('worktree_without', `the worktree of task ${id} is without ${what}`, { project, id });
  }

  async describe(task: LiveTask): Promise<Workspace | undefined> {
    const tree = this.#records.treeOf(task);
    if (!tree) return undefined;
    const { changes: _, uncommitted: __, ...seen } = await this.#described(tree);
    if (seen.branch !== (tree.on ?? tree.branch)) await this.#records.write(onBranch(tree, seen.branch));
    return seen;
  }

  // ── for the dispatcher and people ─────────────────────────────────────────

  forFleet(atWork: Iterable<WorkingTask>): FleetWorktrees {
    return this.#fleet.now(atWork, this.#ports.max());
  }

  needs(): Need[] {
    const { projectName } = this.#ports;
    return this.#there()
      .filter((tree) => tree.kept !== undefined)
      .map((tree) => {
        const name = nameOf(tree, projectName);
        return {
          what: `the worktree of task ${tree.id} stays: ${tree.kept} (branch ${tree.on ?? tree.branch})`,
          where: treePath(this.#ports.home, tree),
          next: `commit what is worth keeping there; then yardmaster worktrees clean ${name} (--discard gives it up)`,
        };
      });
  }

  async list(): Promise<readonly WorktreeView[]> {
    const views: WorktreeView[] = [];
    for (const tree of this.#there()) {
      const { kept, uncommitted = kept, changes, ...seen } = await this.#described(tree);
      const user = this.#users(tree)[0];
      views.push({
        ...{ task: { project: tree.project, id: tree.id }, path: treePath(this.#ports.home, tree), ...seen, changes },
        state: user?.state ?? (await this.#ports.store.get(tree))?.state ?? 'gone',
        ...(uncommitted !== undefined && { uncommitted }),
        ...(tree.kept !== undefined && { kept: tree.kept }),
        in_use: user !== undefined,
      });
    }
    return views;
  }

  async clean(
    which: readonly TaskRef[] | undefined,
    { discard }: { readonly discard: boolean },
  ): Promise<readonly CleanedWorktree[]> {
    const trees = which?.flatMap((ref) => this.#records.treeOf(ref) ?? []) ?? this.#there();
    const cleaned: CleanedWorktree[] = [];
    for (const tree of trees.filter(isThere)) {
      const task = { project: tree.project, id: tree.id };
      cleaned.push({ task, path: treePath(this.#ports.home, tree), ...cleanedAs(await this.#clear(tree, discard)) });
    }
    return cleaned;
  }

  // ── after the end ─────────────────────────────────────────────────────────

  #hear(changes: readonly Change[]): void {
    for (const { before, after } of changes) {
      if (!after || !('finished_seq' in after)) continue;
      const tree = this.#records.treeOf(before ?? after);
      if (tree) void this.#look(tree);
    }
  }

  /** X3 */
  async #look(tree: OwnTree): Promise<void> {
    try {
      if (this.#stopped || !this.#ports.store.owns(tree.project)) return;
      const removed = await this.#clear(tree, false);
      if (removed.kind === 'kept') await this.#keep(tree, removed.why);
      if (removed.kind === 'not_now') this.#later(keyOf(tree), AGAIN_MS, () => void this.#look(this.#now(tree)));
    } catch (error) {
      this.#ports.say('warn', 'a worktree could not be looked at', { task: tree.id, error: String(error) });
    }
  }

  async #clear(tree: OwnTree, discard: boolean): Promise<Cleared> {
    const cleared = await this.#turns.run(tree.project, () => this.#clearNow(this.#now(tree), discard));
    if (cleared.kind === 'removed') {
      this.#ports.say('info', 'a worktree was removed', { task: tree.id, branch: cleared.branch });
      this.#ports.changed();
    }
    return cleared;
  }

  async #clearNow(tree: OwnTree, discard: boolean): Promise<Cleared> {
    const [user] = this.#users(tree);
    if (user) return { kind: 'in_use', why: `task ${user.id} is ${user.state}` };
    if (!isThere(tree)) return { kind: 'gone' };
    if ((await this.#ports.store.get(tree)) === undefined && !discard) {
      return { kind: 'kept', why: 'its task is not known any more' };
    }
    const project = this.#project(tree.project);
    if (!project) return { kind: 'not_now', why: 'its project is not there' };
    const path = treePath(this.#ports.home, tree);
    return takeAway(this.#parts, this.#gitIn(project), tree, path, { discard });
  }

  /** A person is told once for each reason. */
  async #keep(tree: OwnTree, kept: string): Promise<void> {
    const now = this.#now(tree);
    if (now.kept === kept || !isThere(now)) return;
    const { store, projectName, home } = this.#ports;
    const where = `branch ${now.on ?? now.branch}, in ${treePath(home, now)}`;
    await store.note('worktree_kept', `the worktree of ${nameOf(now, projectName)} stays: ${kept}; ${where}`, {
      project: now.project,
      id: now.id,
    });
    await this.#records.write({ ...this.#now(tree), kept }); // afterwards: rather told twice than never
  }

  #sweepIn(ms: number): void {
    this.#later('sweep', ms, () => {
      void this.#sweep().finally(() => this.#sweepIn(EVERY_MS));
    });
  }

  async #sweep(): Promise<void> {
    for (const record of [...this.#records.all()]) {
      if (this.#stopped) return;
      if (record.kind === 'own' && isThere(record)) await this.#look(record);
      else await this.#forgetIfOver(record);
    }
  }

  /** A record is of use as long as its branch can be built on, or its conversation be gone on with. */
  async #forgetIfOver(record: TreeRecord): Promise<void> {
    const { store, files, home } = this.#ports;
    const project = this.#project(record.project);
    if (!project || !store.owns(record.project) || store.open().has(keyOf(record))) return;
    if (await files.stat(join(home, 'runs', record.project, record.id))) return;
    if (record.kind === 'own') {
      const isShared = [...this.#records.all()].some((one) => one.kind === 'shared' && one.of === record.id);
      const found = await this.#gitIn(project).run('for-each-ref', '--count=1', `refs/heads/${record.branch}`);
      if (isShared || found.kind !== 'ok' || found.out !== '') return;
    }
    await this.#records.forget(record);
  }

  #later(key: string, ms: number, act: () => void): void {
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    if (this.#stopped) return;
    const cancel = this.#ports.clock.after(ms, () => {
      this.#timers.delete(key);
      act();
    });
    this.#timers.set(key, cancel);
  }

  // ── who works where ───────────────────────────────────────────────────────

  /** The worktree that a task has, or goes on in. */
  #treeFor(task: OpenTask): OwnTree | undefined {
    const { continues } = task.spec;
    const own = this.#records.treeOf(task);
    return own ?? (continues && this.#records.treeOf({ project: task.project, id: continues }));
  }

  /** Tasks that are open and have worked in it. */
  #users(tree: OwnTree): OpenTask[] {
    const open = this.#ports.store.open();
    const those = [...this.#records.all()].filter(
      (record) => record.project === tree.project && this.#records.treeOf(record)?.id === tree.id,
    );
    return those.flatMap((record) => open.get(keyOf(record)) ?? []);
  }

  /** X2. Of two that have just been claimed the earlier one goes first. */
  #writer(tree: OwnTree, me: LiveTask): LiveTask | undefined {
    const others = [...this.#ports.store.open().values()].filter(isLive).filter((task) => task.id !== me.id);
    return others.find((task) => {
      if (task.project !== tree.project || this.#treeFor(task)?.id !== tree.id) return false;
      if (task.state === 'running') return true;
      return me.state === 'claimed' && (task.claimed_at - me.claimed_at || task.seq - me.seq) < 0;
    });
  }

  #there(): OwnTree[] {
    return this.#records.own().filter(isThere);
  }

  #now(tree: OwnTree): OwnTree {
    return this.#records.treeOf(tree) ?? tree;
  }

  #project(id: ProjectId): Project | undefined {
    return this.#ports.store.projects().find((project) => project.id === id);
  }

  #repository(project: Project): Promise<Repository | { readonly none: string }> {
    return repositoryAt(this.#gitIn(project));
  }

  #gitIn({ path }: Project): GitCalls {
    return new GitCalls(this.#ports, path);
  }

  #described(tree: OwnTree): ReturnType<typeof described> {
    const project = this.#project(tree.project);
    return described(this.#parts, project && this.#gitIn(project), tree);
  }

  get #parts(): OpenPorts {
    return { ...this.#ports, records: this.#records };
  }
}

type Cleared = Removed | { readonly kind: 'in_use'; readonly why: string } | { readonly kind: 'gone' };

function cleanedAs(cleared: Cleared): Pick<CleanedWorktree, 'what' | 'detail'> {
  switch (cleared.kind) {
    case 'removed':
      return {
        what: 'removed',
        detail: cleared.branch === 'stays' ? 'its branch stays' : 'its branch had nothing of its own',
      };
    case 'gone':
      return { what: 'removed', detail: 'it was gone already' };
    case 'in_use':
      return { what: 'in_use', detail: cleared.why };
    case 'kept':
    case 'not_now':
      return { what: 'kept', detail: cleared.why };
  }
}

export function isThere({ phase }: OwnTree): boolean {
  return phase !== 'removed';
}

function nameOf({ project, id }: TaskRef, projectName: (id: ProjectId) => string): string {
  return `${projectName(project)}/${id}`;
}
