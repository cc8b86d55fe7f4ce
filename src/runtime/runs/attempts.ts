import type { Claimed } from '../dispatcher/launch.ts';
import { type CommandAgent, type Config, commandAgents } from '../model/config.ts';
import { keyOf, type ProjectId, type TaskKey, type TaskRef } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import type { AgentRoute } from '../model/route.ts';
import { isLive, type Lease, type LiveTask, type OpenTask } from '../model/task.ts';
import type { Chance, Change, Clock, Files, Recovered, RunEnd, Runner, TaskStore } from '../ports.ts';
import { queueOf } from '../taskfile/layout.ts';
import { parseTask } from '../taskfile/parse.ts';
import type { Environment } from './environment.ts';
import { namesOutput, prepareRun, runDirOf } from './order.ts';
import { attemptEnd, judgeRun } from './outcome.ts';
import { retrySituation } from './situation.ts';
import { readStop, type Stop, writeStop } from './stop.ts';

/*
 * One attempt of a command agent, from the claim to its report.
 *
 * A1. A run directory belongs to one attempt and its runner starts at most one process in it (law 5).
 * A2. After a restart each live attempt is asked for at its run directory: never begun → void, running → watched on,
 *     ended or lost → reported. Nothing else frees an attempt.
 * A3. An attempt is reported with its lease; a stale lease changes nothing. Why it was stopped is on disk before it is.
 */

const RECORD_AGAIN_MS = 5_000; // a full disk, say

export interface AttemptPorts {
  readonly home: string;
  readonly store: TaskStore;
  readonly runner: Runner;
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  /** As it counts for one project's tasks. */
  readonly config: (project: ProjectId) => Config;
  readonly env: Environment;
  /** The agent of this task has ended, and its end is on its way into the journal: its place is free. */
  readonly freed: (task: TaskRef) => void;
  /** The agent can't be started at the moment. */
  readonly offline: (agent: string, reason: string) => void;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

interface Watched {
  readonly attempt: number;
  readonly cancelTimer: () => void;
}

export class Attempts {
  readonly #ports: AttemptPorts;
  readonly #watched = new Map<TaskKey, Watched>();
  #unsubscribe: () => void = () => {};
  #stopped = false;

  constructor(ports: AttemptPorts) {
    this.#ports = ports;
  }

  /** Takes up what an earlier runtime left running. */
  async start(): Promise<void> {
    const { store } = this.#ports;
    this.#unsubscribe = store.subscribe((changes) => this.#onChanges(changes));
    await Promise.all([...store.open().values()].filter(onAgent).map((task) => this.#recover(task)));
    await Promise.all([...store.open().values()].map((task) => this.#freeIfDead(task)));
  }

  async launch(claimed: Claimed<AgentRoute>): Promise<void> {
    const { lease, task, route } = claimed;
    const begun = await this.#begin(claimed);
    if (begun.kind === 'unfit') {
      const outcome = { state: 'failed', error_class: 'invalid', reason: begun.reason, agent: route.agent } as const;
      await this.#ports.store.end(lease, { kind: 'finished', outcome }, { by: 'runner' });
      return;
    }
    if (begun.kind === 'refused') {
      this.#ports.offline(route.agent, begun.reason);
      await this.#recover(task, begun.reason); // only what provably never began is given back
      return;
    }
    this.#watch(task, lease, begun.dir); // before the record: a short run may be over already
    await this.#ports.store.started(lease);
    const now = this.#ports.store.open().get(keyOf(task));
    // A cancel that came before the run directory was there found nothing to stop.
    if (now && onAgent(now) && now.attempt === lease.attempt && now.cancel !== undefined) this.#stopRun(now);
  }

  /** Stops watching; the runs go on and are taken up by the next runtime. */
  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    for (const watched of this.#watched.values()) watched.cancelTimer();
    this.#watched.clear();
  }

  async #begin({ lease, task, bytes, route }: Claimed<AgentRoute>): Promise<Begun> {
    const { config, store, files, chance, runner, home, env } = this.#ports;
    const now = config(task.project);
    const { prompt } = now;
    const agent = commandAgents(now)[route.agent];
    const project = store.projects().find(({ id }) => id === task.project);
    const parsed = parseTask(bytes);
    if (isRefusal(parsed)) return { kind: 'unfit', reason: parsed.message };
    if (!agent || !project) return { kind: 'refused', reason: `agent ${route.agent} is not configured` };
    const paths = queueOf(project.path);
    const results = task.spec.depends_on.map((id) => ({ id, path: paths.done(id) }));
    const model = route.model === undefined ? {} : { model: route.model };
    const { closing } = prompt;
    const attempt = { home, project, task, lease, body: parsed.body, agent, ...model, results, closing, env };
    const order = await prepareRun({ files, chance }, attempt);
    if (isRefusal(order)) return { kind: order.code === 'invalid' ? 'unfit' : 'refused', reason: order.message };
    const started = await runner.start(order);
    return started.kind === 'started' ? { kind: 'started', dir: order.dir } : started;
  }

  #onChanges(changes: readonly Change[]): void {
    for (const { type, after } of changes) {
      if (type === 'cancel_requested' && after && !('finished_seq' in after) && onAgent(after)) this.#stopRun(after);
    }
  }

  /** A2. A look that fails proves nothing: it is made again. */
  async #recover(task: LiveTask, why = 'the runtime ended before the agent began'): Promise<void> {
    const { runner, home, say, clock } = this.#ports;
    const dir = runDirOf(home, task, task.attempt);
    try {
      await this.#takeUp(task, dir, await runner.recover(dir), why);
    } catch (error) {
      say('warn', 'what became of an attempt could not be found out; it is looked at again', {
        task: task.id,
        error: String(error),
      });
      if (!this.#stopped) clock.after(RECORD_AGAIN_MS, () => void this.#recover(task, why));
    }
  }

  async #takeUp(task: LiveTask, dir: string, found: Recovered, why: string): Promise<void> {
    const { store } = this.#ports;
    const lease = leaseOf(task, store.epoch);
    switch (found.kind) {
      case 'never_started':
        // One that had begun counts: a power cut has taken its traces.
        if (task.state === 'running')
          return this.#report(task, lease, dir, { kind: 'lost', reason: 'its run directory was lost' });
        await store.end(lease, { kind: 'void', reason: why }, { by: 'recovery' });
        return;
      case 'running':
        this.#watch(task, lease, dir);
        if (task.state === 'claimed') await store.started(lease);
        if (task.cancel !== undefined) this.#stopRun(task);
        return;
      case 'exited':
      case 'lost':
        await this.#report(task, lease, dir, found);
    }
  }

  /** A task that an earlier home started: proof of its runner's death frees it, nothing else. */
  async #freeIfDead(task: OpenTask): Promise<void> {
    if (task.state !== 'unknown' || task.run_dir === undefined) return;
    const dir = runDirOf(this.#ports.home, task, task.attempt);
    if (task.run_dir !== dir) return; // not a directory of this home: nothing can be proved here
    const found = await this.#ports.runner.recover(dir);
    if (found.kind !== 'running')
      await this.#ports.store.retry({ project: task.project, id: task.id }, { by: 'recovery' });
  }

  #watch(task: LiveTask, lease: Lease, dir: string): void {
    const { clock, runner, say } = this.#ports;
    const startedAt = task.state === 'running' ? task.started_at : clock.now();
    const ttl = this.#ttl(task);
    const left = Math.max(0, startedAt + ttl - clock.now());
    const overdue = () =>
      void this.#end(task, dir, { why: 'timeout', reason: `it ran longer than ${Math.round(ttl / 1_000)} s` });
    this.#watched.set(keyOf(task), { attempt: lease.attempt, cancelTimer: clock.after(left, overdue) });
    void runner.ended(dir).then(
      (end) => this.#onEnd(task, lease, dir, end),
      (error) => say('error', 'a run could not be watched', { task: task.id, error: String(error) }),
    );
  }

  #ttl(task: LiveTask): number {
    const { config } = this.#ports;
    if (task.spec.ttl_seconds !== undefined) return task.spec.ttl_seconds * 1_000;
    return this.#agent(task)?.ttl ?? config(task.project).headless.ttl;
  }

  #agent(task: LiveTask): CommandAgent | undefined {
    return task.route.to === 'agent' ? commandAgents(this.#ports.config(task.project))[task.route.agent] : undefined;
  }

  async #onEnd(task: LiveTask, lease: Lease, dir: string, end: RunEnd): Promise<void> {
    if (this.#stopped) return;
    const watched = this.#watched.get(keyOf(task));
    watched?.cancelTimer();
    if (watched?.attempt === lease.attempt) this.#watched.delete(keyOf(task));
    await this.#report(task, lease, dir, end);
  }

  #stopRun(task: LiveTask): void {
    const dir = runDirOf(this.#ports.home, task, task.attempt);
    void this.#end(task, dir, { why: 'cancelled', reason: task.cancel ?? 'cancelled' });
  }

  async #end(task: LiveTask, dir: string, stop: Stop): Promise<void> {
    const { runner, config, say, files } = this.#ports;
    say('info', 'an attempt is stopped', { task: task.id, attempt: task.attempt, why: stop.reason });
    try {
      await writeStop(files, dir, stop); // A3
      await runner.stop(dir, config(task.project).headless.grace);
    } catch (error) {
      say('error', 'an attempt could not be stopped', { task: task.id, error: String(error) });
    }
  }

  /** A3 */
  async #report(task: LiveTask, lease: Lease, dir: string, end: RunEnd): Promise<void> {
    const { store, runner, freed, say, clock } = this.#ports;
    try {
      const judged = await this.#judge(task, dir, end);
      const ended = store.end(lease, judged, { by: 'runner' });
      if (this.#isLive(lease)) freed(lease.task); // the claim that takes its place is synced together with its end
      const refused = await ended;
      runner.journalled(dir);
      if (refused) say('warn', refused.message, { task: task.id });
    } catch (error) {
      say('error', 'the end of an attempt could not be recorded; it is tried again', {
        task: task.id,
        error: String(error),
      });
      if (!this.#stopped) clock.after(RECORD_AGAIN_MS, () => void this.#report(task, lease, dir, end));
    }
  }

  #isLive({ task, attempt }: Lease): boolean {
    const now = this.#ports.store.open().get(keyOf(task));
    return now !== undefined && isLive(now) && now.attempt === attempt;
  }

  async #judge(task: LiveTask, dir: string, end: RunEnd) {
    const { files } = this.#ports;
    const agent = this.#agent(task);
    const stopped = await readStop(files, dir);
    const route = task.route.to === 'agent' ? task.route : undefined;
    const verdict = await judgeRun(files, {
      dir,
      end,
      writesOutput: agent === undefined || namesOutput(agent), // one that the configuration has lost may have
      agent: route?.agent ?? 'unknown',
      ...(route?.model !== undefined && { model: route.model }),
      ...(stopped && { stopped }),
    });
    return attemptEnd(verdict, retrySituation(task, { ...this.#ports, config: this.#ports.config(task.project) }));
  }
}

/** `unfit`: it is the task's fault, so that another start would end in the same way; `refused`: the agent's. */
type Begun = { kind: 'started'; dir: string } | { kind: 'refused'; reason: string } | { kind: 'unfit'; reason: string };

function onAgent(task: OpenTask): task is LiveTask {
  return isLive(task) && task.route.to === 'agent' && task.route.kind !== 'session';
}

export function leaseOf(task: LiveTask, epoch: string): Lease {
  return { task: { project: task.project, id: task.id }, attempt: task.attempt, epoch, token: task.token };
}
