import type { Claimed } from '../dispatcher/launch.ts';
import { keyOf, type TaskKey } from '../model/ids.ts';
import type { AgentRoute } from '../model/route.ts';
import { isLive, type Lease, type LiveTask } from '../model/task.ts';
import type { Worker } from '../model/worker.ts';
import type { AttemptEnd } from '../ports.ts';
import { leaseOf } from '../runs/attempts.ts';
import type { HandedTask } from '../worker-desk.ts';
import { type Held, heardKey } from './held.ts';
import type { WorkersPorts } from './ports.ts';
import { type Told, tell } from './prompt.ts';
import type { Pull, Pulls } from './pulls.ts';

/*
 * From the claim of a task to the answer of the call that gets it.
 *
 * O1. Before a call is answered the journal says that it gets this attempt: killed in between, the same call sent again
 *     gets the same one. What is claimed and not said to be given was given to nobody, and is void.
 * O2. A call whose caller has gone away gets nothing, also when that is seen after O1: then the attempt is void again.
 */

const WAIT_MS = 30_000;

export interface HandOverParts {
  readonly pulls: Pulls;
  readonly end: (lease: Lease, end: AttemptEnd) => Promise<void>;
}

export class HandOver {
  readonly #ports: WorkersPorts;
  readonly #parts: HandOverParts;
  /** Given a call, and the journal does not say so yet. */
  readonly #giving = new Map<TaskKey, string>();
  /** Given, and being taken back (O2), however long that takes. */
  readonly #withdrawn = new Set<string>();

  constructor(ports: WorkersPorts, parts: HandOverParts) {
    this.#ports = ports;
    this.#parts = parts;
  }

  async launch(claimed: Claimed<AgentRoute>): Promise<void> {
    const { lease, route } = claimed;
    const worker = this.#ports.store.workers().get(route.agent);
    const pull = worker && this.#parts.pulls.take(worker.life);
    if (!worker || !pull) return this.#void(lease, `${route.agent} does not ask for a task any more`);
    this.#giving.set(keyOf(lease.task), worker.name);
    try {
      await this.#give(claimed, worker, pull);
    } catch (error) {
      this.#ports.say('error', 'a task could not be given to a worker', { task: lease.task.id, error: String(error) });
      this.#parts.pulls.giveBack(pull);
      await this.#later(lease, `it could not be given to ${worker.name}: ${(error as Error).message}`);
    } finally {
      this.#giving.delete(keyOf(lease.task));
      this.#ports.changed();
    }
  }

  /** How many tasks this worker could be given beside those that are on their way to it. */
  asks({ name, life }: Worker): number {
    const giving = [...this.#giving.values()].filter((one) => one === name).length;
    return Math.max(0, this.#parts.pulls.waiting(life) + giving - this.#ports.unbegun(name));
  }

  /** The journal says that it began: nothing of it is on its way any more. */
  began(key: TaskKey): void {
    this.#giving.delete(key);
  }

  /** No attempt of anybody's any more. */
  ended(held: Pick<Held, 'key' | 'attempt'>): void {
    this.#withdrawn.delete(heardKey(held));
  }

  /** O1: what a call was given, as long as that attempt is live. */
  givenTo(call: string, life: string): LiveTask | undefined {
    for (const [key, task] of this.#ports.store.open()) {
      if (task.state !== 'running' || task.handed?.call !== call || task.handed.life !== life) continue;
      if (!this.#withdrawn.has(heardKey({ key: key as TaskKey, attempt: task.attempt }))) return task;
    }
    return undefined;
  }

  /** As it was told before. Undefined where its words can't be had now. */
  async shown(task: LiveTask, worker: Worker): Promise<HandedTask | undefined> {
    const lease = leaseOf(task, this.#ports.store.epoch);
    const text = await this.#ports.store.text(lease.task);
    const told = text && (await tell(this.#ports, worker, task, lease, text.bytes));
    return told?.kind === 'ready' ? this.#handed(task, told) : undefined;
  }

  async #give({ lease, task, bytes }: Claimed<AgentRoute>, worker: Worker, pull: Pull): Promise<void> {
    const { pulls } = this.#parts;
    const told = await tell(this.#ports, worker, task, lease, bytes);
    const why = told.kind === 'ready' ? this.#whyNot(lease, worker, pull) : undefined;
    if (told.kind !== 'ready' || why !== undefined) {
      pulls.giveBack(pull);
      return told.kind === 'ready' ? this.#void(lease, why ?? '') : this.#notTold(lease, told);
    }
    const call = pull.call === undefined ? {} : { call: pull.call };
    const refused = await this.#ports.store.started(lease, { life: worker.life, ...call }); // O1
    const now = this.#ports.store.open().get(keyOf(lease.task));
    if (refused || !now || !isLive(now) || now.attempt !== lease.attempt) return pulls.giveBack(pull);
    if (pull.callers > 0) return pulls.settle(pull, this.#handed(now, told));
    this.#withdrawn.add(heardKey({ key: keyOf(lease.task), attempt: lease.attempt })); // O2
    pulls.settle(pull, undefined);
    await this.#void(lease, `${worker.name} went away before it was given the task`);
  }

  #whyNot(lease: Lease, { name, life }: Worker, pull: Pull): string | undefined {
    const now = this.#ports.store.open().get(keyOf(lease.task));
    if (now && isLive(now) && now.cancel !== undefined) return 'it was cancelled';
    if (this.#ports.store.workers().get(name)?.life !== life) return `${name} has left`;
    return pull.callers === 0 ? `${name} went away before it was given the task` : undefined;
  }

  #notTold(lease: Lease, told: Exclude<Told, { kind: 'ready' }>): Promise<void> {
    if (told.kind === 'wait') return this.#later(lease, told.reason);
    const outcome = { state: 'failed', error_class: told.class, reason: told.reason } as const;
    return this.#parts.end(lease, { kind: 'finished', outcome });
  }

  #void(lease: Lease, reason: string): Promise<void> {
    return this.#parts.end(lease, { kind: 'void', reason });
  }

  #later(lease: Lease, reason: string): Promise<void> {
    const not_before = this.#ports.clock.now() + WAIT_MS;
    return this.#parts.end(lease, { kind: 'requeue', class: 'rate_limit', reason, not_before, spent: false });
  }

  #handed(task: LiveTask, { prompt, cwd }: Extract<Told, { kind: 'ready' }>): HandedTask {
    const { title, attempt, token, spec, route, cancel } = task;
    const { priority, constraints, result_schema, verify } = spec;
    return {
      ...{ task: { project: task.project, id: task.id }, attempt, token, title, priority, prompt, constraints },
      ...(route.model !== undefined && { model: route.model }),
      ...(result_schema && { result_schema }),
      ...(verify !== undefined && { verify }),
      ...(cwd !== undefined && { cwd }),
      deadline: deadlineOf(task, this.#ports),
      ...(cancel !== undefined && { cancel }),
      ttl_ms: this.#ports.settings().ttl,
    };
  }
}

export function deadlineOf(task: LiveTask, { ttl }: Pick<WorkersPorts, 'ttl'>): number {
  return (task.state === 'running' ? task.started_at : task.claimed_at) + ttl(task);
}
