import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DispatchFiles } from '../../../src/runtime/dispatch-files/dispatch-files.ts';
import { reportPlaces } from '../../../src/runtime/dispatch-files/places.ts';
import type { SigningKey } from '../../../src/runtime/dispatch-files/signature.ts';
import { tidier } from '../../../src/runtime/dispatch-files/tidy.ts';
import { admit } from '../../../src/runtime/intake.ts';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { git } from '../../../src/runtime/io/git.ts';
import { fileLocks } from '../../../src/runtime/io/locks.ts';
import { thisMachine } from '../../../src/runtime/io/machine.ts';
import { procWriters } from '../../../src/runtime/io/open-writers.ts';
import { KernelWatcher } from '../../../src/runtime/io/watch.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { OutcomeInput } from '../../../src/runtime/model/task.ts';
import type { Files } from '../../../src/runtime/ports.ts';
import { Projects } from '../../../src/runtime/projects.ts';
import { Reports } from '../../../src/runtime/reports/deliver.ts';
import type { FileStore } from '../../../src/runtime/store/file-store.ts';
import { openStore } from '../../../src/runtime/store/open-store.ts';
import { SkippingClock } from '../../inbox/world.ts';

export interface YardOptions {
  readonly config?: Record<string, unknown>;
  readonly key?: SigningKey;
  readonly files?: Files;
}

/** Where a test's home, projects and intake folders lie; gone after the test. */
export class Ground {
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'ym-dispatch-')));
  readonly home = this.folder('home');
  readonly dispatch = this.folder('home/dispatch');
  readonly shop = this.folder('code/shop');

  constructor() {
    onTestFinished(() => rmSync(this.root, { recursive: true, force: true }));
  }

  folder(name: string): string {
    mkdirSync(join(this.root, name), { recursive: true });
    return join(this.root, name);
  }

  /** As a program does that knows how: written beside, then renamed. */
  drop(name: string, content: object | string | Uint8Array, into = this.dispatch): void {
    const bytes = typeof content === 'object' && !(content instanceof Uint8Array) ? JSON.stringify(content) : content;
    const beside = join(into, `.${name.slice(0, 100)}.part`);
    writeFileSync(beside, bytes);
    utimesSync(beside, new Date(), new Date(Date.now() - 50)); // the clock of file systems is coarse: renamed later than written
    renameSync(beside, join(into, name));
  }

  /** A sound file; `id` without its prefix. */
  file(id: string, more: object = {}): Record<string, unknown> {
    const sound = { dispatched_by: 'a test', task: `Do ${id}.`, project: 'shop', project_dir: this.shop };
    return { id: `dispatch-${id}`, ...sound, ...more };
  }

  listed(...path: string[]): string[] {
    try {
      return readdirSync(join(this.dispatch, ...path), { withFileTypes: true })
        .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
        .sort();
    } catch {
      return [];
    }
  }

  json(...path: string[]): Record<string, unknown> {
    return JSON.parse(readFileSync(join(this.dispatch, ...path), 'utf8'));
  }
}

/** The intake on a real store, real files and a clock that a test may put forward. */
export class Yard {
  readonly clock = new SkippingClock();
  readonly said: string[] = [];
  readonly store: FileStore;
  readonly intake: DispatchFiles;
  readonly reports: Reports;
  readonly projects: Projects;
  readonly config: { intake_dirs: string[] };
  #open = true;

  private constructor(ground: Ground, store: FileStore, config: Config, options: YardOptions) {
    this.store = store;
    this.config = config;
    const machine = thisMachine({});
    const files = options.files ?? new DiskFiles();
    const say = (_level: string, message: string, facts: object) =>
      void this.said.push(`${message} ${JSON.stringify(facts)}`);
    const { clock } = this;
    this.projects = new Projects({
      worktrees: '/nowhere',
      ...{ config, store, files, git, clock, say, real: machine.real, userHome: ground.root },
      adopted: async () => {},
    });
    this.intake = new DispatchFiles({
      ...{ files, clock, store, config, say, real: machine.real, writers: procWriters, watcher: new KernelWatcher() },
      dir: ground.dispatch,
      key: () => options.key,
      rules: () => ({ checks: new Set(Object.keys(config.checks)), callbacks: config.callbacks }),
      resolve: (path, how) => this.projects.resolve(path, how),
      route: () => ({ to: 'wait', reason: 'no_free_agent', rules: [] }),
      admit: (tasks, cause) => admit({ store, config, home: ground.home, gauge: machine.gauge }, tasks, cause),
      projectName: (id) => store.projects().find((project) => project.id === id)?.name ?? id,
      tidy: tidier({ files, clock, store, config }),
    });
    this.reports = new Reports({ store, files, clock, say, places: (outgoing) => reportPlaces(outgoing, this.intake) });
  }

  /** A runtime's beginning: what lies there is looked at before this settles. */
  static async open(ground: Ground, options: YardOptions = {}): Promise<Yard> {
    const config = Config.parse({ allowed_roots: [ground.root], dispatcher: { settle: 0.2 }, ...options.config });
    const at = (name: string) => join(ground.home, name);
    const store = await openStore({
      ...{ files: new DiskFiles(), clock: new SkippingClock(), chance: systemChance(), locks: fileLocks(), config },
      home: {
        ...{ dir: ground.home, journal: at('journal'), snapshot: at('snapshot.json'), runs: at('runs') },
        ...{ projects: at('projects.json'), finished: at('finished') },
      },
      bootId: 'one boot',
      say: () => {},
      onFatal: (error) => {
        throw error;
      },
    });
    const yard = new Yard(ground, store, config, options);
    onTestFinished(() => yard.close());
    await yard.projects.start();
    await yard.intake.start();
    yard.reports.start();
    return yard;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.intake.stop();
    await this.projects.stop();
    await this.reports.stop();
    await this.store.close();
  }

  /** Ids in the order of their arrival. */
  queued(): string[] {
    return [...this.store.open().values()].sort((a, b) => a.seq - b.seq).map(({ id }) => id);
  }

  task(id: string) {
    return [...this.store.open().values()].find((task) => task.id === `dispatch-${id}`);
  }

  /** Claims a task and ends it like this. */
  async end(id: string, outcome: OutcomeInput): Promise<void> {
    const task = this.task(id);
    if (!task) throw new Error(`no open task dispatch-${id}`);
    const ref = { project: task.project, id: TaskId.parse(task.id) };
    await this.store.text(ref); // its file is written
    const claimed = await this.store.claim(
      ref,
      { to: 'agent', agent: 'bot', kind: 'command', rules: [] },
      { by: 'owner' },
    );
    if (isRefusal(claimed)) throw new Error(claimed.message);
    await this.store.started(claimed.lease);
    const refusal = await this.store.end(claimed.lease, { kind: 'finished', outcome }, { by: 'runner' });
    if (refusal) throw new Error(refusal.message);
  }
}
