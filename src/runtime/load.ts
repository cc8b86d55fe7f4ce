import { payers } from './model/books.ts';
import type { AllowanceLoad } from './model/fleet.ts';
import { keyOf, type ProjectId, type TaskId, type TaskKey, type TaskRef } from './model/ids.ts';
import type { RunRoute } from './model/route.ts';
import type { TaskSpec } from './model/spec.ts';
import { isLive, type LiveTask, type OpenTask } from './model/task.ts';
import { worksInWorktree } from './policy/abilities.ts';
import type { Change } from './ports.ts';

/** A task at work on this machine that may work in a worktree. */
export interface WorkingTask extends TaskRef {
  /** It asks for one. */
  readonly worktree: boolean;
  readonly continues?: TaskId | undefined;
}

interface Work {
  readonly project: ProjectId;
  readonly route: RunRoute;
  readonly id: TaskId;
  readonly worktree: boolean;
  readonly continues: TaskId | undefined;
  readonly reserved: boolean;
  /** It is claimed and has not begun. */
  readonly unbegun: boolean;
}

/** How much is at work where, as `buildFleet` reads it. */
export interface Counts {
  agent(id: string): number;
  /** Of those, the ones that have not begun. */
  unbegun(id: string): number;
  provider(id: string): number;
  /** When one of its attempts was last claimed, started, checked or ended, while this runtime lives. */
  heardAt(id: string): number | undefined;
  /** Commands and headless runs together. */
  readonly headless: number;
  running(project: ProjectId): number;
  /** Local tasks in the project's own checkout. */
  inCheckout(project: ProjectId): number;
  readonly allowance: AllowanceLoad;
}

/**
 * Running counts of live tasks, kept by the changes and never by scanning the queue. A claim under way is reserved, so
 * that the next decision already sees it; the claim's own change takes the reservation's place. One entry a task:
 * nothing is counted twice, in whatever order the two arrive.
 */
export class Load implements Counts {
  readonly #work = new Map<TaskKey, Work>();
  readonly #agents = new Map<string, number>();
  readonly #unbegun = new Map<string, number>();
  readonly #providers = new Map<string, number>();
  readonly #running = new Map<ProjectId, number>();
  readonly #checkouts = new Map<ProjectId, number>();
  readonly #inWorktrees = new Map<TaskKey, WorkingTask>();
  readonly #atWork = new Map<string, number>();
  readonly #claims = { agent: counter(), model: counter(), project: counter() };
  readonly #heard = new Map<string, number>();
  readonly allowance: AllowanceLoad = { at_work: this.#atWork, claims: this.#claims };
  headless = 0;

  constructor(open: Iterable<OpenTask> = []) {
    for (const task of open) this.#look(task);
  }

  apply(changes: readonly Change[]): void {
    for (const { before, after, at } of changes) {
      const live = [after, before].find((one): one is LiveTask => one !== undefined && 'spec' in one && isLive(one));
      if (live) this.#hear(live.route, at);
      if (after && 'spec' in after && isLive(after)) this.#look(after);
      else if (before && isLive(before)) this.#set(keyOf(before), undefined);
    }
  }

  reserve(ref: TaskRef, spec: TaskSpec, route: RunRoute): void {
    const worktree = worksInWorktree(spec);
    const { continues } = spec;
    this.#set(keyOf(ref), {
      project: ref.project,
      id: ref.id,
      route,
      worktree,
      continues,
      reserved: true,
      unbegun: true,
    });
  }

  /** Gives a reservation back whose claim came to nothing; a task that is live stays counted. */
  release(ref: TaskRef): void {
    if (this.#work.get(keyOf(ref))?.reserved) this.#set(keyOf(ref), undefined);
  }

  /** Nothing of it is at work any more, though its end is not durable yet. */
  free(ref: TaskRef): void {
    this.#set(keyOf(ref), undefined);
  }

  agent(id: string): number {
    return this.#agents.get(id) ?? 0;
  }

  unbegun(id: string): number {
    return this.#unbegun.get(id) ?? 0;
  }

  provider(id: string): number {
    return this.#providers.get(id) ?? 0;
  }

  /** All that is at work, claims under way included. */
  get total(): number {
    return this.#work.size;
  }

  heardAt(id: string): number | undefined {
    return this.#heard.get(id);
  }

  /** Workers say themselves that they are there, and are called as they like. */
  #hear(route: RunRoute, at: number): void {
    if (route.to === 'provider') this.#heard.set(route.provider, at);
    else if (route.kind !== 'worker') this.#heard.set(route.agent, at);
  }

  /** Sessions with a live attempt, or with one that is about to be claimed. */
  sessions(): ReadonlySet<string> {
    const routes = [...this.#work.values()].map(({ route }) => route);
    return new Set(routes.flatMap((route) => (route.to === 'agent' && route.kind === 'session' ? [route.agent] : [])));
  }

  running(project: ProjectId): number {
    return this.#running.get(project) ?? 0;
  }

  inCheckout(project: ProjectId): number {
    return this.#checkouts.get(project) ?? 0;
  }

  /** Those that may work in a worktree. */
  inWorktrees(): Iterable<WorkingTask> {
    return this.#inWorktrees.values();
  }

  #look(task: OpenTask): void {
    if (!isLive(task)) return;
    const { project, id, route } = task;
    const worktree = worksInWorktree(task.spec);
    const { continues } = task.spec;
    const unbegun = task.state === 'claimed';
    this.#set(keyOf(task), { project, id, route, worktree, continues, reserved: false, unbegun });
  }

  #set(key: TaskKey, work: Work | undefined): void {
    const old = this.#work.get(key);
    if (old) this.#count(old, -1);
    if (work) {
      this.#work.set(key, work);
      this.#count(work, 1);
      if (isInWorktree(work)) this.#inWorktrees.set(key, work);
    } else {
      this.#work.delete(key);
      this.#inWorktrees.delete(key);
    }
  }

  /** The claim books a job when it is durable, in the change that ends its reservation. */
  #countClaim({ project, route }: Work, by: 1 | -1): void {
    for (const name of payers(route)) add(this.#claims.agent, name, by);
    add(this.#claims.project, project, by);
    if (route.model !== undefined) add(this.#claims.model, route.model, by);
  }

  #count(work: Work, by: 1 | -1): void {
    const { project, route, reserved } = work;
    add(this.#running, project, by);
    for (const name of payers(route)) add(this.#atWork, name, by);
    if (reserved) this.#countClaim(work, by);
    if (route.to === 'provider') {
      add(this.#providers, route.provider, by);
      return;
    }
    add(this.#agents, route.agent, by);
    if (work.unbegun) add(this.#unbegun, route.agent, by);
    if (route.kind === 'command' || route.kind === 'headless') this.headless += by;
    if (!work.worktree && !route.elsewhere) add(this.#checkouts, project, by);
  }
}

function counter() {
  return new Map<string, number>();
}

/** What a provider answers works in one only where its patch is applied. */
function isInWorktree({ route, worktree, continues }: Work): boolean {
  return worktree || (route.to === 'agent' && continues !== undefined);
}

function add<K>(counts: Map<K, number>, key: K, by: number): void {
  const now = (counts.get(key) ?? 0) + by;
  if (now === 0) counts.delete(key);
  else counts.set(key, now);
}
