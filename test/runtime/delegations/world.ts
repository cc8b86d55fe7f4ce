import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Delegations } from '../../../src/runtime/delegations/delegations.ts';
import type { DelegationPorts } from '../../../src/runtime/delegations/desk.ts';
import { type DelegationSettings, settingsOf } from '../../../src/runtime/delegations/settings.ts';
import { type JobsOptions, jobsProvider } from '../../../src/runtime/io/providers/jobs.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { keyOf, ProjectId, TaskId, type TaskKey } from '../../../src/runtime/model/ids.ts';
import { JobsProvider } from '../../../src/runtime/model/provider.ts';
import { isRefusal, refuse } from '../../../src/runtime/model/refusal.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { type ClaimedTask, isLive, type Lease, type LiveTask, type OpenTask } from '../../../src/runtime/model/task.ts';
import type { AttemptEnd, Change, Clock, Provider } from '../../../src/runtime/ports.ts';
import { JobService, type JobServiceOptions } from '../../fakes/job-service.ts';

export const PROJECT = ProjectId.parse('p_00000000abcd');
export const MINUTE = 60_000;
const MORNING = Date.parse('2026-11-20T08:00:00Z');

/** Time that moves only when a test says so. */
export class HandClock implements Clock {
  time = MORNING;
  now(): number {
    return this.time;
  }
  after(): () => void {
    return () => {};
  }
}

export const realClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};

/** What a runtime's death leaves standing: the queue, as far as the service uses it. */
export class StandInStore {
  readonly epoch = 'epoch-1';
  readonly tasks = new Map<TaskKey, OpenTask>();
  readonly ends: { readonly lease: Lease; readonly end: AttemptEnd }[] = [];
  readonly #bytes = new Map<TaskKey, Uint8Array>();
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  open = () => this.tasks;
  projects = () => [{ id: PROJECT, path: this.#path, name: 'shop', adopted_at: 0 }];
  text = async (ref: Lease['task']) => {
    const bytes = this.#bytes.get(keyOf(ref));
    return bytes && { bytes, path: '' };
  };
  subscribe = (listener: (changes: readonly Change[]) => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  claim(id: string, route: { provider: string; ai?: string }, spec: TaskSpecInput = {}): Claim {
    const ref = { project: PROJECT, id: TaskId.parse(id) };
    const before = this.tasks.get(keyOf(ref));
    const attempt = (before?.attempt ?? 0) + 1;
    const task: ClaimedTask = {
      ...ref,
      state: 'claimed',
      ...{ seq: 1, queued_at: 0, changed_at: 0, changed_seq: 1, title: id, sha: '', size: 0, depth: 0, waits_for: [] },
      ...{ body: { segment: '', offset: 0, length: 0 }, source: 'call', enqueued_by: 'test', claimed_at: MORNING },
      ...{ spec: TaskSpec.parse(spec), attempt, spent: (before?.spent ?? 0) + 1, token: `t${attempt}` },
      route: { to: 'provider', rules: [], ...route },
    };
    const bytes = Buffer.from(`Do ${id}.`);
    this.#bytes.set(keyOf(ref), bytes);
    this.#change(task);
    return { lease: { task: ref, attempt, epoch: this.epoch, token: task.token }, task, bytes };
  }

  started = async (lease: Lease) => {
    const task = this.#held(lease);
    if (task?.state !== 'claimed') return stale();
    return this.#change({ ...task, state: 'running', started_at: task.claimed_at });
  };

  jobAccepted = async (lease: Lease, job_id: string) => {
    const task = this.#held(lease);
    if (task?.state !== 'running') return stale();
    return this.#change({ ...task, job_id });
  };

  end = async (lease: Lease, end: AttemptEnd) => {
    const task = this.#held(lease);
    if (!task) return stale();
    this.ends.push({ lease, end });
    this.tasks.delete(keyOf(task));
    if (end.kind === 'finished') return undefined;
    await rm(join(this.#path, '.agent-queue', 'inbox', `${lease.task.id}.md.delegated`), { force: true }); // as the queue does
    const spent = end.kind === 'requeue' && end.spent ? task.spent : task.spent - 1;
    const { token: _t, route: _r, claimed_at: _c, cancel: _x, ...core } = task;
    return this.#change({ ...core, state: 'queued', spent });
  };

  cancel(id: string, reason: string): void {
    const task = this.tasks.get(keyOf({ project: PROJECT, id: TaskId.parse(id) }));
    if (task && isLive(task)) this.#change({ ...task, cancel: reason });
  }

  #held(lease: Lease): LiveTask | undefined {
    const task = this.tasks.get(keyOf(lease.task));
    return task && isLive(task) && task.attempt === lease.attempt && task.token === lease.token ? task : undefined;
  }

  #change(task: OpenTask): undefined {
    this.tasks.set(keyOf(task), task);
    for (const listener of this.#listeners) listener([{ seq: 1, at: 0, type: 'test', after: task }]);
  }
}

export interface Claim {
  readonly lease: Lease;
  readonly task: LiveTask;
  readonly bytes: Uint8Array;
}

function stale() {
  return refuse('stale', 'that attempt is not live', 'nothing to do');
}

export const files: DelegationPorts['files'] = {
  read: (path) => readFile(path).catch(() => undefined),
  async replace(path, bytes) {
    await writeFile(`${path}.tmp`, bytes);
    await rename(`${path}.tmp`, path);
  },
  remove: (path) =>
    rm(path).then(
      () => 'removed',
      () => 'missing',
    ),
  async sync(path) {
    const file = await open(path, 'r');
    await file.sync().finally(() => file.close());
  },
  syncDir: (dir) => files.sync(dir),
};

/** A queue, fake services, and runtimes that come and go. */
export class World {
  readonly clock = new HandClock();
  readonly store: StandInStore;
  readonly inbox: string;
  readonly troubles: string[] = [];
  readonly services = new Map<string, JobService>();
  readonly #providers: Provider[] = [];
  readonly #runtimes: Delegations[] = [];

  private constructor(path: string) {
    this.store = new StandInStore(path);
    this.inbox = join(path, '.agent-queue', 'inbox');
  }

  static async make(): Promise<World> {
    const world = new World(await mkdtemp(join(tmpdir(), 'yard-delegation-')));
    await mkdir(world.inbox, { recursive: true });
    return world;
  }

  /** A dead runtime can't be stopped. */
  bury(runtime: Delegations): void {
    this.#runtimes.splice(this.#runtimes.indexOf(runtime), 1);
  }

  async service(id: string, options: JobServiceOptions = {}): Promise<JobService> {
    const service = await JobService.start(options);
    this.services.set(id, service);
    return service;
  }

  provider(id: string, config: Record<string, unknown> = {}, options: JobsOptions = {}): Provider {
    const url = this.services.get(id)?.url ?? 'http://127.0.0.1:1';
    const provider = jobsProvider(id, JobsProvider.parse({ kind: 'jobs', base_url: url, ...config }), options);
    if (isRefusal(provider)) throw new Error(provider.message);
    this.#providers.push(provider);
    return provider;
  }

  runtime(
    providers: readonly Provider[],
    settings: Partial<DelegationSettings> = {},
    ports: Partial<DelegationPorts> = {},
  ) {
    const known = new Map(providers.map((provider) => [provider.id, provider]));
    const given = { ...settingsOf(Config.parse({})), ...settings };
    const delegations = new Delegations({
      store: this.store,
      files,
      clock: this.clock,
      chance: { hex: () => '00', fraction: () => 0.5 },
      providers: () => known,
      settings: () => given,
      composer: {
        compose: async (task, _lease, bytes) => ({
          kind: 'ready',
          prompt: `Task: ${task.id}.md\n\n${Buffer.from(bytes)}`,
        }),
      },
      answers: { judge: async ({ outcome }) => ({ kind: 'done', outcome }), stop: async () => undefined },
      afterFailure: (_task, { class: error_class, final: _, ...facts }) => ({
        kind: 'finished',
        outcome: { state: 'failed', error_class, ...facts },
      }),
      changed: () => undefined,
      ttl: () => 7 * 24 * 60 * MINUTE,
      report: ({ message }) => this.troubles.push(message),
      ...ports,
    });
    this.#runtimes.push(delegations);
    return delegations;
  }

  /** Lets time pass in small steps until the queue holds no live task. */
  async untilEnded(delegations: Delegations, steps = 60, step_ms = 30_000): Promise<void> {
    for (let n = 0; n < steps && [...this.store.tasks.values()].some(isLive); n++) {
      await delegations.tick();
      this.clock.time += step_ms;
    }
  }

  ref(id: string): Lease['task'] {
    return { project: PROJECT, id: TaskId.parse(id) };
  }

  async marker(id: string): Promise<Record<string, unknown> | undefined> {
    const bytes = await readFile(join(this.inbox, `${id}.md.delegated`)).catch(() => undefined);
    return bytes && (JSON.parse(bytes.toString()) as Record<string, unknown>);
  }

  get lastEnd(): AttemptEnd | undefined {
    return this.store.ends.at(-1)?.end;
  }

  async close(): Promise<void> {
    await Promise.all(this.#providers.map((provider) => provider.close()));
    await Promise.all(this.#runtimes.map((runtime) => runtime.stop()));
    await Promise.all([...this.services.values()].map((service) => service.close()));
    await rm(dirname(dirname(this.inbox)), { recursive: true, force: true });
  }
}
