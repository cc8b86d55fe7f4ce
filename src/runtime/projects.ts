import { basename, isAbsolute, join, resolve, sep } from 'node:path';
import type { Config } from './model/config.ts';
import type { Project } from './model/event.ts';
import type { ProjectId } from './model/ids.ts';
import { type Refusal, refuse } from './model/refusal.ts';
import type { Cause } from './model/task.ts';
import type { Clock, Files, Git, TaskStore } from './ports.ts';

export interface ProjectsPorts {
  readonly config: Config;
  readonly store: TaskStore;
  readonly files: Files;
  readonly git: Git;
  readonly clock: Clock;
  readonly userHome: string;
  /** Where the worktrees of tasks are: no project of anybody's. */
  readonly worktrees: string;
  /** The path with every link resolved; undefined where nothing is. */
  readonly real: (path: string) => Promise<string | undefined>;
  /** Called once for each project whose queue this runtime holds. */
  readonly adopted: (project: Project) => Promise<void>;
  readonly say: (level: 'info' | 'warn', message: string, facts: object) => void;
}

/**
 * Which folders are projects: configured ones, those in the projects folder, and the first task's that names one.
 * Those that can't be taken up, because another home has them or their disk is away, are tried again with every scan.
 */
export class Projects {
  readonly #ports: ProjectsPorts;
  readonly #started = new Set<ProjectId>();
  /** Known folders that could not be taken up, with the reason, by path. */
  readonly refused = new Map<string, Refusal>();
  #cancelLook: (() => void) | undefined;
  #looking: Promise<void> | undefined;
  #stopped = false;

  constructor(ports: ProjectsPorts) {
    this.#ports = ports;
  }

  /** Settles when all that can be had at the start are taken up. */
  async start(): Promise<void> {
    await this.#adoptKnown();
    this.#lookLater();
  }

  /** Looks now: the configuration may name others. */
  look(): void {
    this.#lookIn(0);
  }

  /** Settles when nothing is being taken up any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelLook?.();
    await this.#looking;
  }

  #lookLater(): void {
    this.#lookIn(this.#ports.config.dispatcher.scan);
  }

  #lookIn(ms: number): void {
    if (this.#stopped) return;
    const { clock, say } = this.#ports;
    this.#cancelLook?.();
    this.#cancelLook = clock.after(ms, () => {
      this.#looking = (this.#looking ?? Promise.resolve())
        .then(() => this.#adoptKnown())
        .catch((error) => say('warn', 'projects could not be looked for', { error: String(error) }))
        .finally(() => this.#lookLater());
    });
  }

  /** A folder that is not there is reported, not fatal. */
  async #adoptKnown(): Promise<void> {
    const { config, store, say } = this.#ports;
    const paths = new Map<string, string>();
    for (const { path, name } of store.projects()) paths.set(path, name);
    for (const path of await this.#inProjectsFolder()) paths.set(path, paths.get(path) ?? basename(path));
    for (const path of this.#ofSessions()) {
      const real = (await this.#real(path)) ?? path;
      paths.set(real, paths.get(real) ?? basename(real));
    }
    for (const { path, name } of config.projects) paths.set((await this.#real(path)) ?? path, name);
    for (const [path, name] of paths) {
      if (this.#stopped) return;
      if (this.#holds(path)) continue;
      const before = this.refused.get(path);
      const adopted = await this.#adopt(path, name, { by: 'recovery' });
      if (!('refused' in adopted)) {
        if (before) say('info', 'a project could be taken up at last', { path });
        continue;
      }
      this.refused.set(path, adopted);
      if (before?.message !== adopted.message) say('warn', adopted.message, { next: adopted.hint });
    }
  }

  async resolve(nameOrPath: string, options: { adopt: boolean; cause: Cause }): Promise<Project | Refusal> {
    const { config, store } = this.#ports;
    const known = store.projects().find((project) => project.name === nameOrPath || project.id === nameOrPath);
    const configured = config.projects.find(({ name }) => name === nameOrPath);
    const given = known?.path ?? configured?.path ?? nameOrPath;
    if (!known && !configured && !isAbsolute(given) && !given.startsWith('~')) return this.#unknownName(nameOrPath);
    const path = await this.#real(given);
    if (path === undefined) {
      return refuse(
        'not_found',
        `project: there is no folder ${given}`,
        'give the absolute path of an existing folder, or a configured name',
      );
    }
    const byPath = store.projects().find((project) => project.path === path);
    if (byPath && this.#holds(path)) return byPath;
    if (!options.adopt)
      return (
        byPath ??
        refuse(
          'not_found',
          `project: ${path} has no queue here yet`,
          'enqueue_task makes one; to ask before that, leave project out',
        )
      );
    return this.#adopt(path, configured?.name ?? basename(path), options.cause);
  }

  #holds(path: string): boolean {
    const project = this.#ports.store.projects().find((one) => one.path === path);
    return project !== undefined && this.#started.has(project.id);
  }

  async #adopt(path: string, name: string, cause: Cause): Promise<Project | Refusal> {
    const refusal = await this.#mayNot(path);
    if (refusal) return refusal;
    const configured = await this.#isConfigured(path);
    const project = await this.#ports.store.adoptProject(path, this.#freeName(name, path), configured, cause);
    if ('refused' in project) return project;
    this.refused.delete(path);
    if (!this.#started.has(project.id)) {
      this.#started.add(project.id);
      await this.#ports.adopted(project);
    }
    return project;
  }

  async #mayNot(path: string): Promise<Refusal | undefined> {
    const { config, files, git, userHome } = this.#ports;
    const stat = await files.stat(path);
    if (stat?.kind !== 'dir')
      return refuse('not_found', `project: ${path} is not a folder`, 'give the path of an existing folder');
    const roots = await Promise.all((config.allowed_roots ?? [userHome]).map((root) => this.#real(root)));
    const inside = roots.some(
      (root) => root !== undefined && (path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)),
    );
    if (!inside && !(await this.#isConfigured(path))) {
      return refuse(
        'not_allowed',
        `project: ${path} lies outside the allowed roots (${roots.filter(Boolean).join(', ')})`,
        'add its root to allowed_roots in yardmaster.yaml',
      );
    }
    const worktrees = await this.#real(this.#ports.worktrees);
    if (worktrees !== undefined && (path === worktrees || path.startsWith(worktrees + sep))) {
      return refuse('not_allowed', `project: ${path} is a worktree of a task`, 'name the project itself');
    }
    const queue = await files.stat(join(path, '.agent-queue'));
    if (queue?.kind === 'link')
      return refuse('not_allowed', `${path}/.agent-queue is a symbolic link`, 'make it a folder');
    if (queue && (await git.tracks(join(path, '.agent-queue')))) {
      return refuse(
        'not_allowed',
        `git tracks files in ${path}/.agent-queue: a checkout would undo the queue`,
        'git rm -r --cached .agent-queue',
      );
    }
    return undefined;
  }

  async #isConfigured(path: string): Promise<boolean> {
    const { config } = this.#ports;
    const configured = [...config.projects.map((project) => project.path), ...this.#ofSessions()];
    for (const one of configured) if ((await this.#real(one)) === path) return true;
    return (await this.#inProjectsFolder()).includes(path);
  }

  /** A session of its own makes a folder a configured project. */
  #ofSessions(): string[] {
    return this.#ports.config.pool.dedicated.map(({ project }) => project).filter(isAbsolute);
  }

  async #inProjectsFolder(): Promise<string[]> {
    const { config, files } = this.#ports;
    const dir = config.dispatcher.projects_dir ?? config.pool.shared_projects_dir;
    const folder = dir && (await this.#real(dir));
    if (!folder) return [];
    const children = ((await files.list(folder)) ?? [])
      .filter(({ kind }) => kind === 'dir')
      .map(({ name }) => join(folder, name));
    const queues = await Promise.all(children.map((child) => files.stat(join(child, '.agent-queue'))));
    return children.filter((_, i) => queues[i]?.kind === 'dir');
  }

  #real(path: string): Promise<string | undefined> {
    const { real, userHome } = this.#ports;
    return real(path === '~' || path.startsWith('~/') ? join(userHome, path.slice(1)) : resolve(path));
  }

  /** Two folders of the same name are told apart. */
  #freeName(name: string, path: string): string {
    const others = new Set(
      this.#ports.store
        .projects()
        .filter((project) => project.path !== path)
        .map((project) => project.name),
    );
    for (let n = 1; ; n++) {
      const candidate = n === 1 ? name : `${name}-${n}`;
      if (!others.has(candidate)) return candidate;
    }
  }

  #unknownName(name: string): Refusal {
    const names = [
      ...new Set([...this.#ports.config.projects, ...this.#ports.store.projects()].map((project) => project.name)),
    ];
    return refuse(
      'not_found',
      `project: "${name.slice(0, 100)}" is no known project`,
      `give an absolute path, or one of: ${names.join(', ') || '(none yet)'}`,
    );
  }
}
