import { afterEach, expect, test } from 'vitest';
import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import type { Claimed } from '../../../src/runtime/dispatcher/launch.ts';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { Load } from '../../../src/runtime/load.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { Project } from '../../../src/runtime/model/event.ts';
import { type Hold, holdKey, pausedAt } from '../../../src/runtime/model/hold.ts';
import { ProjectId } from '../../../src/runtime/model/ids.ts';
import type { TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';
import { MemoryStore } from './memory-store.ts';

/*
 * The bounds of policy/order.ts, through the real dispatcher on the store of its own tests. A run takes a turn and
 * is done; `dispatches` counts what began, which is the time in which the bounds are said.
 */

const STEP = 600_000;
const RUN = 20_000; // how long each takes, so that 10,000 of them age through all levels many times over
interface Seen {
  readonly project: string;
  readonly since: number;
  /** How many had begun where it could run when it had risen to the top. */
  top?: number;
  /** Older ones of its project that were there then. */
  older: number;
  begun?: number;
}

class Yard {
  readonly clock = new VirtualClock();
  readonly config: Config;
  readonly seen = new Map<string, Seen>();
  readonly order: { project: string; agent: string; at: number }[] = [];
  readonly projects = new Map<string, Project>();
  readonly #live: Claimed[] = [];
  readonly store = new MemoryStore(this.clock);
  readonly holds = new Map<string, Hold>();
  #load: (() => void) | undefined;
  #dispatcher!: Dispatcher;
  #n = 0;

  constructor(config: object) {
    this.config = Config.parse({ order: { age_step: '10m' }, ...config });
  }

  async open(): Promise<this> {
    const { store } = this;
    for (const [n, { name, path }] of this.config.projects.entries()) {
      const id = ProjectId.parse(`p_00000000000${n}`);
      this.projects.set(name, { id, path, name, adopted_at: 0 });
    }
    const load = new Load(store.open().values());
    this.#load?.();
    this.#load = store.subscribe((changes) => load.apply(changes));
    const launch = async (claimed: Claimed) => void this.#begun(claimed);
    this.#dispatcher = new Dispatcher({
      ...{ store, clock: this.clock, load, launch: { launch, delegate: launch } },
      ageStep: () => this.config.order.age_step,
      fleet: () =>
        buildFleet({
          ...{ config: this.config, load, projects: [...this.projects.values()], providers: [] },
          paused: pausedAt(this.holds, this.clock.now()),
        }),
      report: (problem) => {
        throw problem;
      },
    });
    this.#dispatcher.start();
    return this;
  }

  async add(project: string, spec: TaskSpecInput, count = 1): Promise<void> {
    const id = this.#project(project).id;
    const tasks = Array.from({ length: count }, () => {
      const name = `t${this.#n++}`;
      const seen: Seen = { project, since: this.clock.now(), older: 0 };
      this.seen.set(name, seen);
      this.#came.push(seen);
      return { id: name, project: id, spec };
    });
    this.store.add(...tasks);
  }

  hold(project: string, until?: number): void {
    const scope = { of: 'project' as const, project: this.#project(project).id };
    const order = { kind: 'pause' as const, reason: 'a test', at: this.clock.now(), by: 'owner' as const };
    this.holds.set(holdKey(scope), { scope, ...order, ...(until !== undefined && { until }) });
    this.store.tell('paused');
  }

  resume(project: string): void {
    this.holds.delete(holdKey({ of: 'project', project: this.#project(project).id }));
    this.store.tell('resumed');
  }

  /** Everything that runs is done, and what follows has begun. */
  async turn(): Promise<void> {
    await this.clock.advance(RUN);
    const ended = this.#live.splice(0);
    for (const { task } of ended) this.store.end(task.id, task.project);
    await settled();
    await settled();
  }

  async restart(): Promise<void> {
    await this.#dispatcher.stop();
    await this.open();
  }

  async stop(): Promise<void> {
    await this.#dispatcher.stop();
  }

  #project(name: string): Project {
    const project = this.projects.get(name);
    if (!project) throw new Error(`no project ${name}`);
    return project;
  }

  #begun(claimed: Claimed): void {
    const { id } = claimed.task;
    const now = this.clock.now();
    this.#live.push(claimed);
    const seen = this.seen.get(id) as Seen;
    const agent = claimed.route.to === 'agent' ? claimed.route.agent : '';
    for (const one of this.risen(now)) one.top = this.order.length;
    seen.begun = this.order.length;
    this.order.push({ project: seen.project, agent, at: now });
  }

  /** All that came, in that order; up to `#risen` they have risen to the top. */
  readonly #came: Seen[] = [];
  #risen = 0;

  /** Those that have just risen to the top; `older` of each is counted then. */
  private risen(now: number): Seen[] {
    const from = this.#risen;
    while ((this.#came[this.#risen]?.since ?? now) <= now - 3 * STEP) this.#risen += 1;
    if (this.#risen === from) return [];
    const before = new Map<string, number>();
    for (const one of this.#came.slice(0, this.#risen)) {
      one.older = one.begun === undefined ? (before.get(one.project) ?? 0) : one.older;
      if (one.begun === undefined) before.set(one.project, one.older + 1);
    }
    return this.#came.slice(from, this.#risen);
  }
}

let yard: Yard | undefined;
afterEach(async () => {
  await yard?.stop();
  yard = undefined;
});

const PROJECTS = [
  { name: 'bulk', path: '/code/bulk', shared_checkout: true },
  { name: 'a', path: '/code/a', shared_checkout: true, weight: 2 },
  { name: 'b', path: '/code/b', shared_checkout: true, weight: 1 },
  { name: 'c', path: '/code/c', shared_checkout: true, weight: 0.5 },
];

test('shares follow the weights, within two dispatches in any stretch, also after a held project and a restart', async () => {
  yard = await new Yard({ projects: PROJECTS, agents: { worker: { command: ['work'], max: 1 } } }).open();
  await yard.add('bulk', { priority: 'low' }, 1_000);
  for (const name of ['a', 'b', 'c']) await yard.add(name, { priority: 'low' }, 600);
  const turns = async (count: number) => {
    const from = yard?.order.length ?? 0;
    for (let n = 0; n < count; n++) await yard?.turn();
    const had = (name: string) => yard?.order.slice(from).filter(({ project }) => project === name).length ?? 0;
    return { a: had('a'), b: had('b'), c: had('c'), bulk: had('bulk') };
  };
  const near = (had: Record<string, number>, wanted: Record<string, number>) => {
    for (const [name, count] of Object.entries(wanted))
      expect(Math.abs((had[name] ?? 0) - count), `${name}: ${JSON.stringify(had)}`).toBeLessThanOrEqual(2);
  };
  near(await turns(180), { a: 80, b: 40, c: 20, bulk: 40 });
  yard.hold('a');
  await yard.turn();
  near(await turns(100), { a: 0, b: 40, c: 20, bulk: 40 });
  yard.resume('a');
  near(await turns(90), { a: 40, b: 20, c: 10, bulk: 20 }); // what it did not get is not made up for
  await yard.restart();
  near(await turns(90), { a: 40, b: 20, c: 10, bulk: 20 });
}, 120_000);
