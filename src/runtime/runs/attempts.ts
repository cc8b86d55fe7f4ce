import { keyOf, type TaskKey } from '../model/ids.ts';
import { isLive, type Lease, type LiveTask, type OpenTask } from '../model/task.ts';
import { afterFailure } from '../policy/retry.ts';
import type { AttemptEnd, Chance, Change, Clock, RunEnd, Runner, TaskStore } from '../ports.ts';
import type { Config } from '../model/config.ts';

/*
 * One attempt of a command agent, from the claim to its report.
 *
 * A1. A run directory belongs to one attempt and its runner starts at most one process in it (law 5).
 * A2. After a restart each live attempt is asked for at its run directory: never begun → void, running → watched on,
 *     ended or lost → reported. Nothing else frees an attempt.
 * A3. An attempt is reported once, with its lease; a stale lease changes nothing.
 */

const RECORD_AGAIN_MS = 5_000; // a full disk, say

export interface Claimed {
  readonly lease: Lease;
  readonly task: LiveTask;
  readonly bytes: Uint8Array;
}

/** What the attempts need to know of agents and run directories. */
export interface AttemptPlaces {
  runDir(task: { project: string; id: string }, attempt: number): string;
  /** Writes the run directory and starts the process; a refusal names what is missing. */
  begin(claimed: Claimed, dir: string): Promise<{ kind: 'started' } | { kind: 'refused'; reason: string }>;
  /** What an ended run means. */
  outcome(task: LiveTask, dir: string, end: RunEnd, stopped: 'ttl' | 'cancel' | undefined): Promise<RunReport>;
  ttl(task: LiveTask): number;
  /** The agent can't be started at the moment. */
  offline(agent: string, reason: string): void;
}

export type RunReport = Extract<AttemptEnd, { kind: 'finished' }> | { kind: 'failed'; class: Parameters<typeof afterFailure>[0]['class']; reason: string; exit_code?: number; output?: string };

export interface AttemptPorts {
  readonly store: TaskStore;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly config: Config;
  readonly places: AttemptPlaces;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

export class Attempts {
  readonly #ports: AttemptPorts;
  readonly #watched = new Map<TaskKey, { attempt: number; stopped?: 'ttl' | 'cancel'; cancelTimer: () => void }>();
  #unsubscribe: () => void = () => {};
  #stopped = false;

  constructor(ports: AttemptPorts) {
    this.#ports = ports;
  }

  /** Takes up what an earlier runtime left running. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#ports.store.subscribe((changes) => this.#onChanges(changes));
    const live = [...this.#ports.store.open().values()].filter(onAgent);
    await Promise.all(live.map((task) => this.#recover(task)));
    await Promise.all([...this.#ports.store.open().values()].map((task) => this.#freeIfDead(task)));
  }

  async launch(claimed: Claimed): Promise<void> {
    const { places, store } = this.#ports;
    const dir = places.runDir(claimed.task, claimed.lease.attempt);
    const begun = await places.begin(claimed, dir);
    if (begun.kind === 'refused') {
      if (claimed.task.route.to === 'agent') places.offline(claimed.task.route.agent, begun.reason);
      await store.end(claimed.lease, { kind: 'void', reason: begun.reason }, { by: 'runner' });
      return;
    }
    this.#watch(claimed.task, claimed.lease, dir); // before the record: a short run may be over already
    await store.started(claimed.lease);
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    for (const watched of this.#watched.values()) watched.cancelTimer();
    this.#watched.clear();
  }

  #onChanges(changes: readonly Change[]): void {
    for (const { type, after } of changes) {
      if (type === 'cancel_requested' && after && !('finished_seq' in after) && onAgent(after)) void this.#end(after, 'cancel');
    }
  }

  /** A2 */
  async #recover(task: LiveTask): Promise<void> {
    const { runner, places, store } = this.#ports;
    const dir = places.runDir(task, task.attempt);
    const lease = leaseOf(task, store.epoch);
    const found = await runner.recover(dir);
    switch (found.kind) {
      case 'never_started':
        await store.end(lease, { kind: 'void', reason: 'the runtime ended before the agent began' }, { by: 'recovery' });
        return;
      case 'running':
        this.#watch(task, lease, dir);
        if (task.state === 'claimed') await store.started(lease);
        if (task.cancel !== undefined) void this.#end(task, 'cancel');
        return;
      case 'exited':
      case 'lost':
        await this.#report(task, lease, dir, found, undefined);
    }
  }

  /** A task that an earlier home started: proof of its runner's death frees it, nothing else. */
  async #freeIfDead(task: OpenTask): Promise<void> {
    if (task.state !== 'unknown' || task.run_dir === undefined) return;
    const dir = this.#ports.places.runDir(task, task.attempt);
    if (task.run_dir !== dir) return; // not a directory of this home: nothing can be proved here
    const found = await this.#ports.runner.recover(dir);
    if (found.kind === 'running') return;
    await this.#ports.store.retry({ project: task.project, id: task.id }, { by: 'recovery' });
  }

  #watch(task: LiveTask, lease: Lease, dir: string): void {
    const { clock, places, runner } = this.#ports;
    const startedAt = task.state === 'running' ? task.started_at : clock.now();
    const left = Math.max(0, startedAt + places.ttl(task) - clock.now());
    const watched = { attempt: lease.attempt, cancelTimer: clock.after(left, () => void this.#end(task, 'ttl')) };
    this.#watched.set(keyOf(task), watched);
    void runner.ended(dir).then(
      (end) => this.#onEnd(task, lease, dir, end),
      (error) => this.#ports.say('error', 'a run could not be watched', { task: task.id, error: String(error) }),
    );
  }

  async #onEnd(task: LiveTask, lease: Lease, dir: string, end: RunEnd): Promise<void> {
    if (this.#stopped) return;
    const watched = this.#watched.get(keyOf(task));
    watched?.cancelTimer();
    if (watched?.attempt === lease.attempt) this.#watched.delete(keyOf(task));
    await this.#report(task, lease, dir, end, watched?.stopped);
  }

  async #end(task: LiveTask, why: 'ttl' | 'cancel'): Promise<void> {
    const { runner, places, config, say } = this.#ports;
    const watched = this.#watched.get(keyOf(task));
    if (watched?.attempt === task.attempt) watched.stopped ??= why;
    say('info', why === 'ttl' ? 'an attempt has run out of time' : 'an attempt is cancelled', { task: task.id, attempt: task.attempt });
    await runner.stop(places.runDir(task, task.attempt), config.headless.grace);
  }

  /** A3 */
  async #report(task: LiveTask, lease: Lease, dir: string, end: RunEnd, stopped: 'ttl' | 'cancel' | undefined): Promise<void> {
    const { places, store, say, clock } = this.#ports;
    try {
      const report = await places.outcome(task, dir, end, stopped);
      const refused = await store.end(lease, this.#decide(task, report), { by: 'runner' });
      if (refused) say('warn', refused.message, { task: task.id });
    } catch (error) {
      say('error', 'the end of an attempt could not be recorded; it is tried again', { task: task.id, error: String(error) });
      if (!this.#stopped) clock.after(RECORD_AGAIN_MS, () => void this.#report(task, lease, dir, end, stopped));
    }
  }

  #decide(task: LiveTask, report: RunReport): AttemptEnd {
    if (report.kind === 'finished') return report;
    const { clock, chance, config } = this.#ports;
    const max_attempts = task.spec.max_attempts ?? config.retry.max_attempts;
    const { backoff, backoff_max } = config.retry;
    return afterFailure({ ...report, spent: task.spent, max_attempts, now: clock.now(), fraction: chance.fraction(), backoff, backoff_max });
  }
}

function onAgent(task: OpenTask): task is LiveTask {
  return isLive(task) && task.route.to === 'agent';
}

export function leaseOf(task: LiveTask, epoch: string): Lease {
  return { task: { project: task.project, id: task.id }, attempt: task.attempt, epoch, token: task.token };
}
