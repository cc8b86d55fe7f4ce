import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DelegatedAnswers } from '../../../src/runtime/answers/answers.ts';
import { WorkChecks } from '../../../src/runtime/checks/checks.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { git as realGit } from '../../../src/runtime/io/git.ts';
import { patterns } from '../../../src/runtime/io/patterns.ts';
import { createRunner } from '../../../src/runtime/io/processes/runner.ts';
import { workingIn } from '../../../src/runtime/io/processes/working-in.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { Project } from '../../../src/runtime/model/event.ts';
import { keyOf, TaskId } from '../../../src/runtime/model/ids.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { Lease, LiveTask } from '../../../src/runtime/model/task.ts';
import type { Git } from '../../../src/runtime/ports.ts';
import { runDirOf } from '../../../src/runtime/runs/order.ts';
import type { Checked } from '../../../src/runtime/work.ts';
import { Worktrees } from '../../../src/runtime/worktrees/worktrees.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { supervisor } from '../io/processes/world.ts';

/** The runtime was killed at one of its steps: a command of git, or a file written in the home. */
export class Killed extends Error {}

export const FILE = 'one\ntwo\nthree\n';

/** One line of the file that every world has. */
export function patchTo(line: string, path = 'src/a.txt'): string {
  return `--- a/${path}\n+++ b/${path}\n@@ -1,3 +1,3 @@\n one\n-two\n+${line}\n three\n`;
}

export function newFile(path: string, text: string, mode = '100644'): string {
  const lines = text.split('\n').map((line) => `+${line}\n`);
  return `diff --git a/${path} b/${path}\nnew file mode ${mode}\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1,${lines.length} @@\n${lines.join('')}`;
}

/** As a provider says it. */
export function saying(diff: string): string {
  return `Here you are:\n\n\`\`\`diff\n${diff}\`\`\`\n`;
}

/** A home, a repository, a queue in memory, and all that judges an answer: on real files, git and processes. */
export class World {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'ym-answers-')));
  readonly home = join(this.root, 'home');
  readonly top = join(this.root, 'shop');
  readonly store = new MemoryStore(systemClock());
  readonly config: Config;
  readonly said: string[] = [];
  project!: Project;
  worktrees!: Worktrees;
  checks!: WorkChecks;
  answers!: DelegatedAnswers;
  /** Git is missing, in these words. */
  unavailable: string | undefined;
  steps = 0;
  #left = Number.POSITIVE_INFINITY;
  #before = '';
  readonly #runners: ReturnType<typeof createRunner>[] = [];
  readonly #dirs = new Set<string>();

  constructor(config: object = {}) {
    this.config = Config.parse({ headless: { grace: '200ms' }, ...config });
  }

  async begin(folder = ''): Promise<this> {
    mkdirSync(join(this.top, folder), { recursive: true });
    this.git('init', '-q', '-b', 'main');
    this.write(join(folder, 'src/a.txt'), FILE);
    this.commit('first');
    this.project = await this.store.adoptProject(join(this.top, folder), 'shop');
    await this.restart();
    return this;
  }

  /** Another runtime, which knows only what is on disk and in the journal. */
  async restart(): Promise<void> {
    this.checks?.close();
    await this.worktrees?.stop();
    this.#left = Number.POSITIVE_INFINITY;
    this.#before = '';
    const runner = createRunner({ pollMs: 50, supervisor });
    this.#runners.push(runner);
    const files = new DiskFiles({ file: 0o600, dir: 0o700 });
    for (const name of ['replace', 'remove'] as const) {
      const real = files[name].bind(files) as (...given: unknown[]) => Promise<never>;
      files[name] = (...given: unknown[]) => this.#step(() => real(...given));
    }
    const ports = {
      ...{
        home: this.home,
        store: this.store,
        files,
        clock: systemClock(),
        git: this.#git(),
        workingIn,
        runner,
        patterns,
      },
      removeTree: (dir: string) => rm(dir, { recursive: true, force: true }),
      say: (_: string, message: string) => void this.said.push(message),
      config: () => this.config,
    };
    this.worktrees = new Worktrees({
      ...ports,
      ...{ max: () => 20, projectName: () => 'shop', changed: () => {} },
      real: (path) => realpath(path).catch(() => undefined),
    });
    await this.worktrees.start();
    this.checks = new WorkChecks({ ...ports, env: { PATH: process.env.PATH ?? '', SECRET: 'no' }, grace: () => 200 });
    this.answers = new DelegatedAnswers({ ...ports, checks: this.checks, workspaces: this.worktrees });
  }

  /** It is killed right behind the nth step from now. */
  killBehind(step: number): void {
    this.#left = step;
  }

  /** It is killed before this command of git. */
  killBefore(command: string): void {
    this.#before = command;
  }

  async task(id: string, spec: TaskSpecInput = {}): Promise<{ task: LiveTask; lease: Lease; dir: string }> {
    const ref = { project: this.project.id, id: TaskId.parse(id) };
    if (!this.store.open().has(keyOf(ref))) {
      const parsed = TaskSpec.parse({ apply: 'worktree', ...spec });
      const text = { title: `Do ${id}`, bytes: Buffer.from('Do it.'), source: 'call', enqueued_by: 'a test' } as const;
      await this.store.enqueue([{ ...ref, spec: parsed, ...text }], { by: 'owner' });
    }
    const claimed = await this.store.claim(ref, { to: 'provider', provider: 'far', rules: [] });
    if ('refused' in claimed) throw new Error(claimed.message);
    await this.store.started(claimed.lease);
    const dir = runDirOf(this.home, ref, claimed.lease.attempt);
    this.#dirs.add(dir);
    return { task: this.store.open().get(keyOf(ref)) as LiveTask, lease: claimed.lease, dir };
  }

  judge({ task, lease }: { task: LiveTask; lease: Lease }, result: string, more: object = {}): Promise<Checked> {
    const outcome = { state: 'done', result, provider: 'far', job_id: 'job-1', ...more } as const;
    return this.answers.judge({ task, lease, outcome });
  }

  /** Back to the queue, as the retry policy has it for a check that refuses. */
  async back(lease: Lease): Promise<void> {
    const end = { kind: 'requeue', class: 'verify', reason: 'no', not_before: 0, spent: false } as const;
    await this.store.end(lease, end);
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

  /** The subjects on a task's branch that main does not have, newest first. */
  commits(id: string): string[] {
    return this.git('log', '--format=%s', `main..yardmaster/${id}`).split('\n').filter(Boolean);
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

  has(path: string): boolean {
    return existsSync(path);
  }

  read(path: string): string {
    return readFileSync(path, 'utf8');
  }

  async end(): Promise<void> {
    this.#left = Number.POSITIVE_INFINITY;
    for (const dir of this.#dirs) await this.checks?.stop(dir);
    this.checks?.close();
    await this.worktrees?.stop();
    await Promise.all(this.#runners.map((runner) => runner.close()));
    rmSync(this.root, { recursive: true, force: true });
  }

  #git(): Git {
    return {
      tracks: realGit.tracks,
      run: (folder, args, options) => {
        const { unavailable: stderr } = this;
        if (stderr !== undefined) return Promise.resolve({ code: undefined, stdout: '', stderr });
        if (this.#before !== '' && args.join(' ').includes(this.#before)) this.#left = 0;
        return this.#step(() => realGit.run(folder, args, options));
      },
    };
  }

  async #step<T>(act: () => Promise<T>): Promise<T> {
    if (this.#left <= 0) throw new Killed('killed');
    this.#left -= 1;
    this.steps += 1;
    const came = await act();
    if (this.#left === 0) throw new Killed('killed');
    return came;
  }
}
