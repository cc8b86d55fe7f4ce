import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Desk, type DeskPorts } from '../../src/runtime/desk.ts';
import { Dispatcher } from '../../src/runtime/dispatcher/dispatcher.ts';
import type { Claimed } from '../../src/runtime/dispatcher/launch.ts';
import { buildFleet } from '../../src/runtime/fleet.ts';
import { systemChance } from '../../src/runtime/io/chance.ts';
import { systemClock } from '../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../src/runtime/io/files.ts';
import { fileLocks } from '../../src/runtime/io/locks.ts';
import { type Counts, Load } from '../../src/runtime/load.ts';
import { Allowance } from '../../src/runtime/model/allowance.ts';
import { Config } from '../../src/runtime/model/config.ts';
import type { Project } from '../../src/runtime/model/event.ts';
import type { Fleet, FleetAgent } from '../../src/runtime/model/fleet.ts';
import { isRefusal, type Refusal } from '../../src/runtime/model/refusal.ts';
import type { Route } from '../../src/runtime/model/route.ts';
import type { FileStore } from '../../src/runtime/store/file-store.ts';
import { openStore } from '../../src/runtime/store/open-store.ts';
import { tools } from '../../src/tools/index.ts';
import type { ToolContext } from '../../src/tools/tool.ts';
import { OWNER } from './desk.ts';

/** How the world is while one task is asked about and dispatched. */
export interface Weather {
  readonly providers: readonly string[];
  /** Providers that get nothing now. */
  readonly away: readonly string[];
  /** Places that have no room, by id. */
  readonly full: readonly string[];
  readonly default_provider?: string;
  readonly agents: readonly FleetAgent[];
  readonly paused: boolean;
  /** Agents and providers that may begin one task a day: after their first one their allowance is spent. */
  readonly spent: readonly string[];
}

export const AIS: Readonly<Record<string, string[]>> = { alpha: ['gpu', 'gemini'], beta: ['gemini', 'claude-api'] };
const ALL = ['alpha', 'beta'];
const ONE_A_DAY = { daily_jobs: 1 };
const config = Config.parse({
  agents: { worker: { command: ['work'], max: 3, capabilities: ['lint'] } },
  projects: [{ name: 'shop', path: '/shop', shared_checkout: true }],
  headless: { max_running: 0 },
  delegation: {
    providers: Object.fromEntries(
      ALL.map((id) => [id, { kind: 'jobs', base_url: 'http://127.0.0.1:9', ai: AIS[id], max: 3 }]),
    ),
  },
});

/**
 * A store on a real disk, the dispatcher, and the desk that the tools ask; only what would run or be sent is missing. The
 * fleet is built as the runtime builds it, from a weather that the test makes.
 */
export class RouteWorld {
  readonly #dir = mkdtempSync(join(tmpdir(), 'ym-routes-'));
  readonly #under = new Map<string, () => void>();
  /** Claims of the dispatcher that are under way. */
  #claims = 0;
  weather!: Weather;
  store!: FileStore;
  project!: Project;
  #dispatcher!: Dispatcher;
  #yard!: Desk;

  async start(): Promise<this> {
    const at = (name: string) => join(this.#dir, name);
    mkdirSync(at('shop'));
    mkdirSync(at('home'));
    const clock = systemClock();
    const files = new DiskFiles();
    const dir = at('home');
    const store = await openStore({
      ...{ files, clock, chance: systemChance(), locks: fileLocks(), config, bootId: 'one boot' },
      home: {
        ...{ dir, journal: join(dir, 'journal'), snapshot: join(dir, 'snapshot.json'), runs: join(dir, 'runs') },
        ...{ projects: join(dir, 'projects.json'), finished: join(dir, 'finished') },
      },
      say: () => undefined,
      onFatal: (error) => {
        throw error;
      },
    });
    this.store = store;
    const project = await store.adoptProject(at('shop'), 'shop', true, { by: 'owner' });
    if (isRefusal(project)) throw new Error(project.message);
    this.project = project;
    const load = new Load();
    store.subscribe((changes) => load.apply(changes));
    const fleet = () => this.#fleet(load);
    const started = async ({ task }: Claimed) => this.#under.get(task.id)?.();
    this.#dispatcher = new Dispatcher({
      ...{ clock, load, fleet, ageStep: () => config.order.age_step },
      store: {
        open: () => store.open(),
        subscribe: (listener) => store.subscribe(listener),
        claim: (...given) => {
          this.#claims++;
          return store.claim(...given).finally(() => this.#claims--);
        },
      },
      launch: { launch: started, delegate: started },
      report: (problem) => {
        throw problem;
      },
    });
    this.#yard = new Desk({
      ...{ config, clock, files, store, load, fleet, dispatcher: this.#dispatcher, version: '0', home: dir },
      gauge: async () => ({}),
      projects: { resolve: async () => project },
      stopping: () => undefined,
    } as unknown as DeskPorts);
    return this;
  }

  /** With this weather the dispatcher starts anew: nothing that it remembers of an earlier one counts. */
  async turn(weather: Weather): Promise<void> {
    await this.#dispatcher.stop();
    this.weather = weather;
    this.#dispatcher.start();
  }

  async ask(args: object): Promise<Route> {
    return (await this.#call<{ route: Route }>('decide_route', { project: 'shop', ...args })).route;
  }

  waitingOf(id: string) {
    const task = this.#open(id);
    return task && this.#yard.summary(task).waiting;
  }

  /** Enqueues it by the tool; the route that the dispatcher took, or nothing when it left it where it is. */
  async run(id: string, keys: object): Promise<{ took?: Route; refused?: Refusal }> {
    const launched = new Promise<void>((resolve) => this.#under.set(id, resolve));
    const answer = await this.#try('enqueue_task', { project: 'shop', id, body: 'Do it.', ...keys });
    if (isRefusal(answer)) return { refused: answer };
    await new Promise((resolve) => setImmediate(resolve)); // the sweep that follows a change begins its claims at once
    if (this.#claims > 0 || this.#open(id)?.state !== 'queued') await launched;
    const task = this.#open(id);
    return task && 'route' in task ? { took: task.route } : {};
  }

  async away(id: string): Promise<void> {
    const task = this.#open(id);
    if (!task) return;
    const ref = { project: this.project.id, id: task.id };
    if (!('token' in task)) return void (await this.store.cancel(ref, 'next', { by: 'owner' }));
    const lease = { task: ref, attempt: task.attempt, epoch: this.store.epoch, token: task.token };
    await this.store.end(lease, { kind: 'finished', outcome: { state: 'done', result: '' } }, { by: 'runner' });
  }

  async end(): Promise<void> {
    await this.#dispatcher.stop();
    await this.store.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #open(id: string) {
    return this.store.open().get(`${this.project.id}/${id}`);
  }

  #fleet(load: Load): Fleet {
    const { providers, away, full, spent, default_provider, agents, paused } = this.weather;
    const limits = Object.fromEntries(spent.map((id) => [id, ONE_A_DAY]));
    const allowance = Allowance.parse({ agents: limits });
    const wished = { ...config, allowance, delegation: { ...config.delegation, default_provider } };
    const counts: Counts = {
      unbegun: () => 0,
      heardAt: () => undefined,
      agent: (id) => (full.includes(id) ? 3 : load.agent(id)),
      provider: (id) => (full.includes(id) ? 3 : load.provider(id)),
      running: (id) => load.running(id),
      inCheckout: (id) => load.inCheckout(id),
      headless: load.headless,
      allowance: load.allowance,
    };
    const built = buildFleet({
      config: wished as Config,
      projects: this.store.projects(),
      load: counts,
      books: this.store.books(),
      paused: { all: paused, projects: new Set() },
      providers: providers.map((id) => ({ id, ai: AIS[id] ?? [] })),
      away: new Map(away.map((id) => [id, { detail: 'it did not answer', until: Date.now() + 3_600_000 }])),
    });
    return { ...built, agents: [...built.agents, ...agents] };
  }

  async #call<T>(name: string, args: object): Promise<T> {
    const answer = await this.#try(name, args);
    if (isRefusal(answer)) throw new Error(`${name} was refused: ${answer.message}`);
    return answer as T;
  }

  async #try(name: string, args: object): Promise<unknown> {
    const tool = tools.find((one) => one.name === name);
    if (!tool) throw new Error(`there is no tool ${name}`);
    const ctx: ToolContext = { yard: this.#yard, caller: OWNER, signal: new AbortController().signal };
    const answer = await tool.handle(ctx, tool.input.parse(args));
    return isRefusal(answer) ? answer : tool.output.parse(answer);
  }
}
