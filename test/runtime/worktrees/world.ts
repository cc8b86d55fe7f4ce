import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { git as realGit } from '../../../src/runtime/io/git.ts';
import { workingIn } from '../../../src/runtime/io/processes/working-in.ts';
import type { Project } from '../../../src/runtime/model/event.ts';
import { keyOf, TaskId } from '../../../src/runtime/model/ids.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { Lease, LiveTask } from '../../../src/runtime/model/task.ts';
import type { Files, Git } from '../../../src/runtime/ports.ts';
import { Worktrees } from '../../../src/runtime/worktrees/worktrees.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { until } from '../../support/world.ts';

/** The runtime was killed before, or right behind, one of its steps. */
export class Killed extends Error {}

/** A store that remembers what people were told. */
class Store extends MemoryStore {
  readonly notes: string[] = [];

  override async note(code?: string, message?: string): Promise<void> {
    this.notes.push(`${code}: ${message}`);
  }
}

/** A home, a repository with one commit, and the service on them; the queue is in memory. */
export class Trees {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'ym-trees-')));
  readonly home = join(this.root, 'home');
  readonly top = join(this.root, 'shop');
  readonly store = new Store(systemClock());
  max = 20;
  /** Git is missing, in these words. */
  unavailable: string | undefined;
  project!: Project;
  worktrees!: Worktrees;
  /** Steps until the kill: commands of git and records. */
  #left = Number.POSITIVE_INFINITY;
  #after = false;
  #before = '';
  steps = 0;

  /** `folder`: the part of the repository that is the project. */
  async begin({ folder = '', repository = true } = {}): Promise<this> {
    mkdirSync(join(this.top, folder), { recursive: true });
    if (repository) {
      this.git('init', '-q', '-b', 'main');
      this.write(join(folder, 'README.md'), 'one\n');
      this.commit('first');
    }
    this.project = await this.store.adoptProject(join(this.top, folder), 'shop');
    await this.restart();
    return this;
  }

  async restart(): Promise<void> {
    await this.worktrees?.stop();
    this.#left = Number.POSITIVE_INFINITY;
    this.#before = '';
    this.worktrees = new Worktrees({
      ...{ home: this.home, files: this.#killable(new DiskFiles()), clock: systemClock(), git: this.#git() },
      ...{ store: this.store, workingIn, max: () => this.max, projectName: () => 'shop' },
      real: (path) => realpath(path).catch(() => undefined),
      removeTree: (dir) => rm(dir, { recursive: true, force: true }),
      changed: () => {},
      say: () => {},
    });
    await this.worktrees.start();
  }

  /** It is killed before the nth step from now, or with `after` right behind it. */
  killAt(step: number, after = false): void {
    this.#left = step;
    this.#after = after;
  }

  /** It is killed before this command of git. */
  killBefore(command: string): void {
    this.#before = command;
  }

  async task(id: string, spec: TaskSpecInput = {}): Promise<{ task: LiveTask; lease: Lease }> {
    const ref = { project: this.project.id, id: TaskId.parse(id) };
    if (!this.store.open().has(keyOf(ref))) {
      const parsed = TaskSpec.parse({ workspace: 'worktree', ...spec });
      const text = { title: id, bytes: Buffer.from('Do it.'), source: 'call', enqueued_by: 'a test' } as const;
      await this.store.enqueue([{ ...ref, spec: parsed, ...text }], { by: 'owner' });
    }
    const claimed = await this.store.claim(ref, { to: 'agent', agent: 'worker', kind: 'command', rules: [] });
    if ('refused' in claimed) throw new Error(claimed.message);
    return claimed;
  }

  /** The folder of a task that begins; it must get one. */
  async opened(id: string, spec: TaskSpecInput = {}): Promise<{ cwd: string; lease: Lease; task: LiveTask }> {
    const { task, lease } = await this.task(id, spec);
    const opened = await this.worktrees.open(task);
    if (opened.kind !== 'ready') throw new Error(`${opened.kind}: ${opened.reason}`);
    await this.store.started(lease);
    return { cwd: opened.cwd, lease, task: this.store.open().get(keyOf(task)) as LiveTask };
  }

  async done(lease: Lease): Promise<void> {
    const outcome = { state: 'done', result: 'Done.' } as const;
    await this.store.end(lease, { kind: 'finished', outcome });
  }

  again(lease: Lease): Promise<unknown> {
    return this.store.end(lease, { kind: 'requeue', class: 'crash', reason: 'it died', not_before: 0, spent: true });
  }

  path(id: string): string {
    return join(this.home, 'worktrees', this.project.id, id);
  }

  git(...args: string[]): string {
    return this.gitIn(this.top, ...args);
  }

  gitIn(folder: string, ...args: string[]): string {
    const who = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.org', '-c', 'commit.gpgsign=false'];
    return execFileSync('git', ['-C', folder, ...who, ...args], { encoding: 'utf8', stdio: 'pipe' }).trimEnd();
  }

  write(path: string, text: string, folder = this.top): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  commit(message: string, folder = this.top): string {
    this.gitIn(folder, 'add', '-A');
    this.gitIn(folder, 'commit', '-q', '-m', message);
    return this.gitIn(folder, 'rev-parse', 'HEAD');
  }

  branches(): string[] {
    return this.git('for-each-ref', '--format=%(refname:short)', 'refs/heads').split('\n');
  }

  /** Settles when nothing of a task's worktree is left. */
  async gone(id: string): Promise<void> {
    const path = this.path(id);
    await until(async () => !this.has(path) && !this.git('worktree', 'list').includes(path));
    await until(() => !this.has(this.record(id)) || JSON.parse(this.read(this.record(id))).phase === 'removed');
  }

  record(id: string): string {
    return join(this.home, 'worktrees/.records', this.project.id, `${id}.json`);
  }

  has(path: string): boolean {
    return existsSync(path);
  }

  read(path: string): string {
    return readFileSync(path, 'utf8');
  }

  async end(): Promise<void> {
    this.#left = Number.POSITIVE_INFINITY;
    await this.worktrees?.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  #git(): Git {
    return {
      tracks: realGit.tracks,
      run: (folder, args, options) => {
        const { unavailable: stderr } = this;
        if (stderr !== undefined) return Promise.resolve({ code: undefined, stdout: '', stderr });
        if (this.#before !== '' && args.join(' ').startsWith(this.#before)) this.#left = 0;
        return this.#step(() => realGit.run(folder, args, options));
      },
    };
  }

  #killable(files: DiskFiles): Files {
    const replace = files.replace.bind(files);
    files.replace = (...args) => this.#step(() => replace(...args));
    return files;
  }

  async #step<T>(act: () => Promise<T>): Promise<T> {
    if (this.#left <= 0 || (this.#left === 1 && !this.#after)) {
      this.#left = 0;
      throw new Killed('killed');
    }
    this.#left -= 1;
    this.steps += 1;
    const came = await act();
    if (this.#left === 0) throw new Killed('killed');
    return came;
  }
}
