import type { Claimed } from '../dispatcher/launch.ts';
import type { Allowance } from '../model/allowance.ts';
import { payers } from '../model/books.ts';
import type { Config } from '../model/config.ts';
import { keyOf, type ProjectId, type TaskKey, type TaskRef } from '../model/ids.ts';
import type { AgentRoute } from '../model/route.ts';
import { isLive, type Lease, type LiveTask, type OpenTask } from '../model/task.ts';
import { usedOf } from '../model/usage.ts';
import { boundedTtl } from '../policy/allowance.ts';
import type { Failure, RetrySituation } from '../policy/retry.ts';
import type { AttemptEnd, Chance, Change, Clock, Files, Recovered, RunEnd, Runner, TaskStore } from '../ports.ts';
import type { Checks, Workspaces } from '../work.ts';
import { runDirOf } from './order.ts';
import { attemptEnd } from './outcome.ts';
import type { EndedAttempt, Following, Prepared, Program, RunVerdict } from './program.ts';
import { retrySituation } from './situation.ts';
import { readStop, type Stop, writeStop } from './stop.ts';

/*
 * The attempts of agents that run as processes of their own, from the claim to the report.
 *
 * A1. A run directory belongs to one attempt and its runner starts at most one process in it (law 5).
 * A2. After a restart each live attempt is asked for at its run directory: never begun → void, running → watched on,
 *     ended or lost → reported. Nothing else frees an attempt.
 * A3. An attempt is reported with its lease; a stale lease changes nothing. Why it was stopped is on disk before it is.
 * A4. What an agent says of its work is checked before anybody hears of it; its place is free afterwards.
 */

const RECORD_AGAIN_MS = 5_000; // a full disk, say
const WAIT_MS = 30_000;
/** While it waits for somebody, its time is looked at this often. */
const MIN_LOOK_MS = 1_000;

export interface AttemptPorts {
  readonly home: string;
  readonly store: TaskStore;
  readonly runner: Runner;
  readonly files: Files;
  readonly clock: Clock;
  readonly chance: Chance;
  /** As it counts for one project's tasks. */
  readonly config: (project: ProjectId) => Config;
  /** What agents may take now. */
  readonly limits: () => Pick<Allowance, 'agents'>;
  readonly program: (kind: AgentRoute['kind']) => Program;
  readonly workspaces: Workspaces;
  readonly checks: Checks;
  /** The agent of this task has ended, and its end is on its way into the journal: its place is free. */
  readonly freed: (task: TaskRef) => void;
  /** The agent can't be started at the moment. */
  readonly offline: (agent: string, reason: string) => void;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

interface Watched {
  readonly attempt: number;
  readonly following: Following | undefined;
  cancelTimer: () => void;
  /** Whether it is still within its time. */
  look: () => void;
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
    const { lease, task } = claimed;
    const begun = await this.#begin(claimed);
    if (begun.kind !== 'started') return this.#notBegun(claimed, begun);
    this.#watch(task, lease, begun.dir); // before the record: a short run may be over already
    await this.#ports.store.started(lease);
    const now = this.#ports.store.open().get(keyOf(task));
    // A cancel that came before the run directory was there found nothing to stop.
    if (now && onAgent(now) && now.attempt === lease.attempt && now.cancel !== undefined) this.#stopRun(now);
  }

  async #notBegun({ lease, task, route }: Claimed<AgentRoute>, begun: Exclude<Begun, { kind: 'started' }>) {
    const { store, offline, clock } = this.#ports;
    switch (begun.kind) {
      case 'unfit': {
        const outcome = { state: 'failed', error_class: 'invalid', reason: begun.reason, agent: route.agent } as const;
        await store.end(lease, { kind: 'finished', outcome }, { by: 'runner' });
        return;
      }
      case 'refused':
        offline(route.agent, begun.reason);
        return this.#recover(task, begun.reason); // only what provably never began is given back
      case 'wait': {
        const again = { class: 'rate_limit', reason: begun.reason, not_before: begun.until ?? clock.now() + WAIT_MS };
        await store.end(lease, { kind: 'requeue', ...again, spent: false } as AttemptEnd, { by: 'runner' });
      }
    }
  }

  /** Stops watching; the runs go on and are taken up by the next runtime. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    const watched = [...this.#watched.values()];
    this.#watched.clear();
    for (const { cancelTimer } of watched) cancelTimer();
    await Promise.all(watched.map(({ following }) => following?.close()));
  }

  /** Those whose end would be recorded here, if it came. */
  atWork(): readonly LiveTask[] {
    return [...this.#ports.store.open().values()].filter(onAgent);
  }

  /** A shorter time than the one that it was begun with ends a run that is over it already. */
  limitsChanged(): void {
    for (const watched of this.#watched.values()) watched.look();
  }

  /** Ends all of them; their attempts go back to the queue, and count for nothing. */
  async endAll(reason: string): Promise<void> {
    const { home, clock } = this.#ports;
    const stop = { why: 'stopped', reason, at: clock.now() } as const;
    await Promise.all(this.atWork().map((task) => this.#end(task, runDirOf(home, task, task.attempt), stop)));
  }

  async #begin(claimed: Claimed<AgentRoute>): Promise<Begun> {
    const { lease, task, route } = claimed;
    const { workspaces, checks, home, runner } = this.#ports;
    const opened = await workspaces.open(task);
    if (opened.kind !== 'ready') return opened;
    const dir = runDirOf(home, lease.task, lease.attempt);
    const complaint = await checks.complaint(task);
    const place = { dir, cwd: opened.cwd, ...(complaint !== undefined && { complaint }) };
    const prepared = await this.#ports.program(route.kind).prepare(claimed, place);
    if (prepared.kind !== 'ready') return prepared;
    await checks.before(task, dir, opened.cwd);
    const started = await runner.start(prepared.order);
    return started.kind === 'started' ? { kind: 'started', dir } : started;
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
        else await this.#stopAgain(task, dir);
        return;
      case 'exited':
      case 'lost': {
        const reported = this.#report(task, lease, dir, found);
        if (task.spec.verify === undefined) await reported; // a check may take long, and nobody else is to wait for it
      }
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
    const { runner, say } = this.#ports;
    const stop = (why: Stop) => void this.#end(task, dir, why);
    const following = this.#program(task)?.follow?.({ task, lease, dir, stop });
    const watched: Watched = { attempt: lease.attempt, following, cancelTimer: () => {}, look: () => {} };
    this.#watched.set(keyOf(task), watched);
    const begun_at = task.state === 'running' ? task.started_at : this.#ports.clock.now();
    watched.look = () => this.#inTime(task, dir, watched, begun_at);
    watched.look();
    void runner.ended(dir).then(
      (end) => this.#onEnd(task, lease, dir, end),
      (error) => say('error', 'a run could not be watched', { task: task.id, error: String(error) }),
    );
  }

  /** Time in which it waited for somebody does not count. */
  #inTime(task: LiveTask, dir: string, watched: Watched, begun_at: number): void {
    const { clock } = this.#ports;
    watched.cancelTimer();
    const ttl = this.#ttl(task);
    const { ms, since } = watched.following?.blocked() ?? { ms: 0 };
    const blocked = ms + (since === undefined ? 0 : clock.now() - since);
    const left = begun_at + ttl + blocked - clock.now();
    if (left <= 0 && since === undefined) {
      watched.look = () => {}; // it is being ended
      void this.#end(task, dir, { why: 'timeout', reason: `it ran longer than ${Math.round(ttl / 1_000)} s` });
      return;
    }
    watched.cancelTimer = clock.after(Math.max(left, MIN_LOOK_MS), () => this.#inTime(task, dir, watched, begun_at));
  }

  #ttl(task: LiveTask): number {
    const config = this.#ports.config(task.project);
    const wanted = task.spec.ttl_seconds === undefined ? undefined : task.spec.ttl_seconds * 1_000;
    const ttl = wanted ?? this.#program(task)?.ttl(task) ?? config.headless.ttl;
    return boundedTtl(ttl, payers(task.route), this.#ports.limits());
  }

  #program({ route }: LiveTask): Program | undefined {
    return route.to === 'agent' ? this.#ports.program(route.kind) : undefined;
  }

  async #onEnd(task: LiveTask, lease: Lease, dir: string, end: RunEnd): Promise<void> {
    if (this.#stopped) return;
    const watched = this.#watched.get(keyOf(task));
    watched?.cancelTimer();
    if (watched?.attempt === lease.attempt) this.#watched.delete(keyOf(task));
    await watched?.following?.close();
    await this.#report(task, lease, dir, end);
  }

  #stopRun(task: LiveTask): void {
    const dir = runDirOf(this.#ports.home, task, task.attempt);
    void this.#end(task, dir, { why: 'cancelled', reason: task.cancel ?? 'cancelled' });
  }

  /** The runtime was gone before the run that it was to end: what was begun is carried through. */
  async #stopAgain(task: LiveTask, dir: string): Promise<void> {
    const stop = await readStop(this.#ports.files, dir);
    if (stop?.why === 'stopped') void this.#end(task, dir, stop);
  }

  async #end(task: LiveTask, dir: string, stop: Stop): Promise<void> {
    const { runner, config, say, files, checks } = this.#ports;
    say('info', 'an attempt is stopped', { task: task.id, attempt: task.attempt, why: stop.reason });
    try {
      await writeStop(files, dir, stop); // A3
      await runner.stop(dir, config(task.project).headless.grace);
      await checks.stop(dir);
    } catch (error) {
      say('error', 'an attempt could not be stopped', { task: task.id, error: String(error) });
    }
  }

  /** A3 */
  async #report(task: LiveTask, lease: Lease, dir: string, end: RunEnd): Promise<void> {
    const { store, runner, freed, say, clock } = this.#ports;
    try {
      const judged = await this.#judge(task, lease, dir, end);
      if (judged === undefined) return;
      // Its agent said that all was well, so nobody has ended what it left; nothing of it may be at work with the next one.
      if (end.kind === 'exited' && end.code === 0 && !isDone(judged)) await runner.clear(dir);
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

  /** Undefined when the runtime stops meanwhile: the next one judges it. */
  async #judge(task: LiveTask, lease: Lease, dir: string, end: RunEnd): Promise<AttemptEnd | undefined> {
    const verdict = await this.#verdict({ task, dir, end }, lease);
    if (verdict === undefined) return undefined;
    const ending = attemptEnd(verdict, this.#retry(task));
    if (ending.kind !== 'finished') return ending;
    const workspace = await this.#ports.workspaces.describe(task);
    return workspace ? { ...ending, outcome: { ...ending.outcome, workspace } } : ending;
  }

  #retry(task: LiveTask): RetrySituation {
    return retrySituation(task, { ...this.#ports, config: this.#ports.config(task.project) });
  }

  async #verdict(run: Omit<EndedAttempt, 'stopped'>, lease: Lease): Promise<RunVerdict | undefined> {
    const { task, dir, end } = run;
    const { files, checks, program } = this.#ports;
    const stop = await readStop(files, dir);
    const stopped = isTooLate(stop, end) ? undefined : stop;
    if (stopped?.why === 'stopped') return wasStopped(stopped);
    const judged = await program(task.route.to === 'agent' ? task.route.kind : 'command').judge({
      ...run,
      ...(stopped && { stopped }),
    });
    if (judged.kind !== 'done') {
      if (stopped) await checks.stop(dir); // it was being checked when an earlier runtime ended
      return judged;
    }
    const checked = await this.#check(task, lease, dir, judged);
    if (checked.kind !== 'stopped') return checked;
    const why = this.#stopped ? undefined : await readStop(files, dir);
    return why?.why === 'stopped' ? wasStopped(why) : why && this.#verdict(run, lease);
  }

  /** A4 */
  async #check(task: LiveTask, lease: Lease, dir: string, verdict: Extract<RunVerdict, { kind: 'done' }>) {
    const { workspaces, checks, store } = this.#ports;
    const { verify, result_schema } = task.spec;
    const opened = await workspaces.open(task);
    if (opened.kind === 'wait') throw new Error(`its work can't be checked now: ${opened.reason}`);
    if (opened.kind === 'unfit') {
      if (verify === undefined && result_schema === undefined) return verdict;
      const { agent } = verdict.outcome;
      const failure: Failure = { class: 'invalid', reason: opened.reason, ...(agent !== undefined && { agent }) };
      return { kind: 'failed' as const, failure };
    }
    const now = store.open().get(keyOf(task));
    if (verify !== undefined && now && isLive(now) && now.cancel !== undefined) {
      await checks.stop(dir);
      const used = usedOf(verdict.outcome);
      return { kind: 'cancelled' as const, reason: now.cancel, ...(used && { used }) };
    }
    const { outcome, doubt } = verdict;
    return checks.check({ task, lease, dir, cwd: opened.cwd, outcome, ...(doubt && { doubt }) });
  }
}

type Begun = { readonly kind: 'started'; readonly dir: string } | Exclude<Prepared, { kind: 'ready' }>;

/** What had ended by itself before the person's word is judged by what it did. */
function isTooLate(stop: Stop | undefined, end: RunEnd): boolean {
  return stop?.why === 'stopped' && end.kind === 'exited' && end.ended_at < (stop.at ?? 0);
}

function wasStopped({ reason }: Stop): RunVerdict {
  return { kind: 'failed', failure: { class: 'stopped', reason } };
}

function isDone(end: AttemptEnd): boolean {
  return end.kind === 'finished' && end.outcome.state === 'done';
}

function onAgent(task: OpenTask): task is LiveTask {
  return isLive(task) && task.route.to === 'agent' && (task.route.kind === 'command' || task.route.kind === 'headless');
}

export function leaseOf(task: LiveTask, epoch: string): Lease {
  return { task: { project: task.project, id: task.id }, attempt: task.attempt, epoch, token: task.token };
}
