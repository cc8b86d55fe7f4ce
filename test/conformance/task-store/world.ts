import { test } from 'vitest';
import { type ProjectId, TaskId, type TaskRef } from '../../../src/runtime/model/ids.ts';
import { isRefusal, type Refusal } from '../../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { Cause, FinishedTask, Lease, LiveTask, OpenTask, OutcomeInput } from '../../../src/runtime/model/task.ts';
import type { AttemptEnd, NewTask, TaskStore } from '../../../src/runtime/ports.ts';

export interface StoreUnderTest {
  readonly store: TaskStore;
  /** Adopts a project of this name; the same name is the same project. */
  project(name: string): Promise<ProjectId>;
  /** Closes the store and opens it again on what it kept. Absent where nothing is kept. */
  restart?(): Promise<TaskStore>;
  /** Reports with a stale lease, as the engine recorded them, oldest first. */
  refusedReports?(): Promise<readonly { readonly task: TaskRef; readonly attempt: number; readonly report: string }[]>;
  /** The store's time; the system's where it is left out. */
  now?(): number;
  /** Moves that time on. */
  step?(ms: number): Promise<void>;
  stop(): Promise<void>;
}

export type MakeStore = () => Promise<StoreUnderTest>;

export const OWNER: Cause = { by: 'owner' };
export const RUNNER: Cause = { by: 'runner' };
export const ON_WORKER: RunRoute = { to: 'agent', agent: 'worker', kind: 'command', rules: [] };
export const ON_GPU: RunRoute = { to: 'provider', provider: 'gpu', rules: [] };
export const DONE: AttemptEnd = { kind: 'finished', outcome: { state: 'done', result: 'It is done.' } };
export const FAILED: AttemptEnd = {
  kind: 'finished',
  outcome: { state: 'failed', error_class: 'crash', reason: 'exit code 7' },
};

/** A store with one project, and the few things that the stories do to it. */
export class World {
  store: TaskStore;
  readonly under: StoreUnderTest;
  readonly shop: ProjectId;

  constructor(under: StoreUnderTest, shop: ProjectId) {
    this.under = under;
    this.store = under.store;
    this.shop = shop;
  }

  now(): number {
    return this.under.now?.() ?? Date.now();
  }

  ref(id: string, project = this.shop): TaskRef {
    return { project, id: TaskId.parse(id) };
  }

  /** The file of a task and what it says. */
  task(id: string | undefined, fields: TaskSpecInput & { body?: string } = {}, project = this.shop): NewTask {
    const { body = 'Do it.', ...front } = fields;
    const lines = Object.entries(front).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
    const header = lines.length > 0 ? `---\n${lines.join('')}---\n\n` : '';
    return {
      project,
      ...(id !== undefined && { id: TaskId.parse(id) }),
      spec: TaskSpec.parse(front),
      title: front.title ?? id ?? 'task',
      bytes: Buffer.from(`${header}${body}\n`),
      source: 'call',
      enqueued_by: 'a story',
    };
  }

  async enqueue(id: string, fields: TaskSpecInput & { body?: string } = {}, project = this.shop): Promise<TaskRef> {
    const [answer] = await this.store.enqueue([this.task(id, fields, project)], OWNER);
    if (answer === undefined) throw new Error('no answer came back');
    return accepted(answer).ref;
  }

  async claim(id: string, route: RunRoute = ON_WORKER): Promise<Lease> {
    return accepted(await this.store.claim(this.ref(id), route, { by: 'dispatcher' })).lease;
  }

  /** Claimed and started. */
  async run(id: string): Promise<Lease> {
    const lease = await this.claim(id);
    accepted(await this.store.started(lease));
    return lease;
  }

  async finish(id: string, outcome?: OutcomeInput): Promise<void> {
    const lease = await this.run(id);
    accepted(await this.store.end(lease, outcome ? { kind: 'finished', outcome } : DONE, RUNNER));
  }

  async openTask(id: string): Promise<OpenTask> {
    const task = await this.store.get(this.ref(id));
    if (task === undefined || 'finished_at' in task) throw new Error(`${id} is ${task?.state ?? 'nowhere'}, not open`);
    return task;
  }

  async liveTask(id: string): Promise<LiveTask> {
    const task = await this.openTask(id);
    if (task.state !== 'claimed' && task.state !== 'running') throw new Error(`${id} is ${task.state}, not live`);
    return task;
  }

  async endedTask(id: string): Promise<FinishedTask> {
    const task = await this.store.get(this.ref(id));
    if (task === undefined || !('finished_at' in task))
      throw new Error(`${id} is ${task?.state ?? 'nowhere'}, not finished`);
    return task;
  }

  async stateOf(id: string): Promise<string | undefined> {
    return (await this.store.get(this.ref(id)))?.state;
  }

  async textOf(id: string): Promise<string> {
    return Buffer.from((await this.store.text(this.ref(id)))?.bytes ?? []).toString();
  }

  /** Returns when the store's time is later than it was. */
  async laterThan(time: number): Promise<void> {
    while (this.now() <= time) await (this.under.step?.(1) ?? new Promise((resolve) => setImmediate(resolve)));
  }
}

export function accepted<T>(answer: T | Refusal): T {
  if (isRefusal(answer)) throw new Error(`refused as ${answer.code}: ${answer.message}`);
  return answer;
}

export function codeOf(answer: unknown): string | undefined {
  return isRefusal(answer) ? answer.code : undefined;
}

/** One story in a world of its own. */
export function story(
  make: MakeStore,
  title: string,
  tell: (world: World, skip: (why: string) => never) => Promise<void>,
): void {
  test(title, async ({ skip }) => {
    const under = await make();
    try {
      await tell(new World(under, await under.project('shop')), skip);
    } finally {
      await under.stop();
    }
  });
}
