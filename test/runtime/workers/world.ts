import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { Load } from '../../../src/runtime/load.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { pausedAt } from '../../../src/runtime/model/hold.ts';
import { keyOf, TaskId, type TaskRef } from '../../../src/runtime/model/ids.ts';
import { isRefusal, type Refusal } from '../../../src/runtime/model/refusal.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { isLive } from '../../../src/runtime/model/task.ts';
import type { Checks } from '../../../src/runtime/work.ts';
import type { HandedTask } from '../../../src/runtime/worker-desk.ts';
import { takenName, ttlOfWorker } from '../../../src/runtime/workers/settings.ts';
import { Workers } from '../../../src/runtime/workers/workers.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { projectFolders, unchecked } from '../../fakes/plain-work.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';

export const TTL = 60_000;

/** A dispatcher, a queue in memory and workers; a restart forgets all but the queue. */
export class Yard {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore(this.clock);
  readonly chance = seededChance(7);
  readonly config: Config;
  readonly files = new Map<string, Uint8Array>();
  /** What composing a prompt waits for. */
  composing: Promise<void> = Promise.resolve();
  project = '' as TaskRef['project'];
  checks: Checks = unchecked;
  workers!: Workers;
  dispatcher!: Dispatcher;
  #forget: () => void = () => {};
  #tasks = 0;

  constructor(config: object = {}) {
    this.config = Config.parse({ agents: {}, ...config });
  }

  static async open(config: object = {}): Promise<Yard> {
    const yard = new Yard(config);
    yard.project = (await yard.store.adoptProject('/shop', 'shop')).id;
    await yard.start();
    return yard;
  }

  async start(): Promise<void> {
    const { store, clock, chance, config } = this;
    const load = new Load(store.open().values());
    this.#forget = store.subscribe((changes) => load.apply(changes));
    const fleet = () =>
      buildFleet({
        ...{ config, projects: store.projects(), load, providers: [], workers: this.workers.forFleet() },
        paused: pausedAt(store.holds(), clock.now()),
      });
    this.workers = new Workers({
      ...{ home: '/home', store, clock, chance, checks: this.checks, say: () => {} },
      files: this.#disk(),
      config: () => config,
      settings: () => config.workers,
      workspaces: projectFolders(store),
      composer: {
        compose: async ({ title }) => {
          await this.composing;
          return { kind: 'ready', prompt: `do ${title}` };
        },
      },
      taken: (name) => takenName(name, fleet()),
      capabilities: () => [],
      unbegun: (name) => load.unbegun(name),
      ttl: (task) => ttlOfWorker(task, config, config.allowance),
      changed: () => this.dispatcher.wake(),
    });
    this.dispatcher = new Dispatcher({
      ...{ store, clock, load, fleet, ageStep: () => 600_000 },
      launch: { launch: (claimed) => this.workers.launch(claimed), delegate: async () => {} },
      report: (problem) => {
        throw problem;
      },
    });
    await this.workers.start();
    this.dispatcher.start();
    await settled();
  }

  /** As after `kill -9`: nothing is put away. */
  async killed(): Promise<void> {
    this.workers.stop();
    this.#forget();
    await this.dispatcher.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    this.workers.stop();
    await this.dispatcher.stop();
  }

  async task(more: TaskSpecInput = {}): Promise<TaskRef> {
    const id = TaskId.parse(`t${++this.#tasks}`);
    const spec = TaskSpec.parse(more);
    const bytes = Buffer.from('---\n---\n\nthe body\n');
    await this.store.enqueue(
      [{ project: this.project, id, spec, title: id, bytes, source: 'call', enqueued_by: 'test' }],
      { by: 'owner' },
    );
    await settled();
    return { project: this.project, id };
  }

  state({ project, id }: TaskRef): string {
    return this.store.open().get(keyOf({ project, id }))?.state ?? 'ended';
  }

  async ended(ref: TaskRef): Promise<string | undefined> {
    return (await this.store.get(ref))?.state;
  }

  live(): number {
    return [...this.store.open().values()].filter(isLive).length;
  }

  async register(name: string, more: object = {}, call?: string) {
    const order = { name, capabilities: [], max: 1, files: false, ...more };
    const answer = await this.workers.register(order, { by: 'owner', ...(call !== undefined && { call }) });
    if (isRefusal(answer)) throw new Error(answer.message);
    return { worker: name, key: answer.key, held: answer.held };
  }

  /** A call that waits; `gone` is its caller going away. */
  claim(who: { worker: string; key: string }, call?: string, ms = 30_000) {
    const gone = new AbortController();
    const wait = { ms, signal: gone.signal, ...(call !== undefined && { call }) };
    const answer: Promise<HandedTask | undefined | Refusal> = this.workers.claim(who, wait);
    return { answer, gone: () => gone.abort() };
  }

  async given(who: { worker: string; key: string }, call?: string): Promise<HandedTask> {
    const task = await this.claim(who, call).answer;
    if (task === undefined || isRefusal(task)) throw new Error('no task was given');
    return task;
  }

  #disk() {
    const { files } = this;
    return {
      makeDir: async () => {},
      read: async (path: string) => files.get(path),
      replace: async (path: string, bytes: Uint8Array) => void files.set(path, bytes),
      remove: async (path: string) => (files.delete(path) ? ('removed' as const) : ('missing' as const)),
      sync: async () => {},
      syncDir: async () => {},
    };
  }
}
