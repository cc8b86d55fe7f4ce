import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import type { Claimed } from '../../../src/runtime/dispatcher/launch.ts';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { fileLocks } from '../../../src/runtime/io/locks.ts';
import { Load } from '../../../src/runtime/load.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { Project } from '../../../src/runtime/model/event.ts';
import { pausedAt } from '../../../src/runtime/model/hold.ts';
import { TaskId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { longestWait } from '../../../src/runtime/policy/order.ts';
import type { Clock } from '../../../src/runtime/ports.ts';
import type { FileStore } from '../../../src/runtime/store/file-store.ts';
import { openStore } from '../../../src/runtime/store/open-store.ts';
import { settled } from '../../fakes/virtual-clock.ts';

/** All ages are of a step; nothing of it is waited for: what time it is a test says, and timers go by the machine's. */
export const STEP = 600_000;
/** How long each run takes, so that thousands of them age through all levels many times over. */
export const RUN = 20_000;

interface Seen {
  readonly project: string;
  readonly line: string;
  readonly agent: string | undefined;
  readonly since: number;
  top?: Top;
  begun?: number;
}

/** When it had risen to the top: how many had begun, and how many of its line were older and had not. */
interface Top {
  readonly at: number;
  readonly older: number;
}

interface Begun {
  readonly id: string;
  readonly project: string;
  readonly agent: string;
  readonly raised: boolean;
  /** What could not begin, being held. */
  readonly held: readonly string[];
}

/** The real dispatcher on the real store, on real files; a run is done as soon as the test says so. */
export class StarvationYard {
  now = Date.UTC(2026, 0, 1);
  readonly clock: Clock = { ...systemClock(), now: () => this.now };
  readonly config: Config;
  readonly seen = new Map<string, Seen>();
  readonly order: Begun[] = [];
  readonly #names = new Map<string, Project>();
  readonly #held = new Set<string>();
  #dir = '';
  #store!: FileStore;
  #dispatcher!: Dispatcher;
  #claiming = 0;
  #live: Claimed[] = [];
  #rising: Seen[] = [];
  #n = 0;

  constructor(config: object) {
    this.config = Config.parse({ order: { age_step: '10m' }, ...config });
  }

  async open(): Promise<this> {
    if (!this.#dir) this.#dir = await mkdtemp(join(tmpdir(), 'yardmaster-starve-'));
    const at = (name: string) => join(this.#dir, 'home', name);
    await mkdir(at(''), { recursive: true });
    this.#store = await openStore({
      ...{ files: new DiskFiles(), clock: this.clock, chance: systemChance(), locks: fileLocks(), config: this.config },
      home: {
        ...{ dir: at(''), journal: at('journal'), snapshot: at('snapshot.json'), runs: at('runs') },
        ...{ projects: at('projects.json'), finished: at('finished') },
      },
      ...{ bootId: 'one boot', say: () => {} },
      onFatal: (error) => {
        throw error;
      },
    });
    for (const { name } of this.config.projects) {
      await mkdir(join(this.#dir, name), { recursive: true });
      const project = expectDone(
        await this.#store.adoptProject(join(this.#dir, name), name, true, { by: 'owner' }),
      ) as Project;
      this.#names.set(name, project);
    }
    this.#dispatch();
    return this;
  }

  #dispatch(): void {
    const store = this.#store;
    const load = new Load(store.open().values());
    store.subscribe((changes) => load.apply(changes));
    const launch = async (claimed: Claimed) => this.#begun(claimed);
    const projects = this.config.projects.map((project) => ({ ...project, path: this.#project(project.name).path }));
    const config = { ...this.config, projects };
    this.#dispatcher = new Dispatcher({
      ...{ clock: this.clock, load, launch: { launch, delegate: launch }, ageStep: () => this.config.order.age_step },
      store: {
        open: () => store.open(),
        subscribe: (listener) => store.subscribe(listener),
        claim: async (...order) => {
          this.#claiming += 1;
          return store.claim(...order).finally(() => {
            this.#claiming -= 1;
          });
        },
      },
      fleet: () => {
        const paused = pausedAt(store.holds(), this.now);
        return buildFleet({ config, load, projects: [...this.#names.values()], providers: [], paused });
      },
      report: (problem) => {
        throw problem;
      },
    });
    this.#dispatcher.start();
  }

  async add(name: string, input: TaskSpecInput, count = 1): Promise<string[]> {
    const project = this.#project(name).id;
    const spec = TaskSpec.parse(input);
    const ids = Array.from({ length: count }, () => `t${this.#n++}`);
    const line = `${name} ${spec.priority} ${spec.agent ?? ''}`;
    for (const id of ids) {
      const seen: Seen = { project: name, line, agent: spec.agent, since: this.now };
      this.seen.set(id, seen);
      this.#rising.push(seen);
    }
    const tasks = ids.map((id) => ({
      ...{ project, id: TaskId.parse(id), spec, title: id, bytes: new TextEncoder().encode(`# ${id}\n`) },
      ...{ source: 'call' as const, enqueued_by: 'test' },
    }));
    for (let from = 0; from < count; from += 500) {
      const answers = await this.#store.enqueue(tasks.slice(from, from + 500), { by: 'owner' });
      for (const answer of answers) expectDone(answer);
    }
    return ids;
  }

  async hold(name: string, until?: number): Promise<void> {
    this.#held.add(name);
    const scope = { of: 'project' as const, project: this.#project(name).id };
    const order = { kind: 'pause' as const, reason: 'a test', ...(until !== undefined && { until }) };
    expectDone(await this.#store.hold(scope, order, { by: 'owner' }));
  }

  async resume(name: string): Promise<void> {
    this.#held.delete(name);
    expectDone(await this.#store.resume({ of: 'project', project: this.#project(name).id }, { by: 'owner' }));
  }

  /** Everything that runs is done, and what follows has begun. */
  async turn(): Promise<void> {
    this.now += RUN;
    this.#rise();
    const ended = this.#live;
    this.#live = [];
    const outcome = { state: 'done' as const, result: 'It is done.' };
    const ends = ended.map(({ lease }) => this.#store.end(lease, { kind: 'finished', outcome }, { by: 'runner' }));
    for (const end of await Promise.all(ends)) expectDone(end);
    await this.#quiet();
  }

  /** The runtime ends and a new one begins on the same files. */
  async restart(): Promise<void> {
    await this.#close();
    await this.open();
    await this.#quiet();
  }

  async stop(): Promise<void> {
    await this.#close();
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** Of every task that was at the top; the longest of each project, in choices. */
  outOfBounds(): { checked: number; late: string[]; waiting: number; longest: Record<string, number> } {
    const weights = new Map(this.config.projects.map(({ name, weight }) => [name, weight]));
    const lines = new Set([...this.seen.values()].map(({ line }) => line));
    const result = { checked: 0, late: [] as string[], waiting: 0, longest: {} as Record<string, number> };
    for (const [id, { project, line, agent, top, begun }] of this.seen) {
      if (begun === undefined && project !== 'bulk') result.waiting += 1;
      if (!top) continue;
      const others = [...weights].flatMap(([name, weight]) => (name === project ? [] : [weight]));
      const own = [...lines].filter((one) => one.startsWith(`${project} `) && isTop(one) === isTop(line)).length;
      const bound = longestWait(top.older, weights.get(project) ?? 1, others, { own, all: lines.size });
      const could = this.order
        .slice(top.at, begun === undefined ? undefined : begun + 1)
        .filter((one) => (agent === undefined || one.agent === agent) && !one.held.includes(project)).length;
      if (begun === undefined ? could >= bound : could > bound) result.late.push(`${line}/${id}: ${could} > ${bound}`);
      result.checked += 1;
      if (begun !== undefined) result.longest[project] = Math.max(result.longest[project] ?? 0, could);
    }
    return result;
  }

  async #close(): Promise<void> {
    await this.#dispatcher.stop();
    await this.#store.close();
  }

  /** Nothing is being claimed, and nothing that is ready wants to be. */
  async #quiet(): Promise<void> {
    do await settled();
    while (this.#claiming > 0);
    await settled();
    if (this.#claiming > 0) await this.#quiet();
  }

  #project(name: string): Project {
    const project = this.#names.get(name);
    if (!project) throw new Error(`no project ${name}`);
    return project;
  }

  #begun(claimed: Claimed): void {
    const { id, spec } = claimed.task;
    this.#live.push(claimed);
    const seen = this.seen.get(id) as Seen;
    seen.begun = this.order.length;
    const agent = claimed.route.to === 'agent' ? claimed.route.agent : '';
    const raised = spec.priority !== 'critical' && this.now - seen.since >= 3 * STEP;
    this.order.push({ id, project: seen.project, agent, raised, held: [...this.#held] });
  }

  /** Time moves only while nothing is being claimed: who is at the top changes between two choices. */
  #rise(): void {
    const still = this.#rising.filter(({ begun }) => begun === undefined);
    const older = new Map<string, number>();
    this.#rising = still.filter((one) => {
      if (this.now - one.since < 3 * STEP) return true;
      const before = older.get(one.line) ?? 0;
      older.set(one.line, before + 1);
      one.top ??= { at: this.order.length, older: before };
      return true;
    });
  }
}

function isTop(line: string): boolean {
  return line.includes(' critical ');
}

function expectDone<T>(answer: T): T {
  if (isRefusal(answer)) throw new Error(answer.message);
  return answer;
}
