import type { Claimed } from '../dispatcher/launch.ts';
import type { WorkerState } from '../fleet-workers.ts';
import { keyOf } from '../model/ids.ts';
import { isRefusal, type Refusal } from '../model/refusal.ts';
import type { AgentRoute } from '../model/route.ts';
import { type Cause, isLive, type Lease, type LiveTask } from '../model/task.ts';
import type { Worker } from '../model/worker.ts';
import type { AttemptEnd, Change } from '../ports.ts';
import { leaseOf } from '../runs/attempts.ts';
import { runDirOf } from '../runs/order.ts';
import type {
  ClaimWait,
  HandedTask,
  Heard,
  HeartbeatWord,
  HeldAttempt,
  Registered,
  Reported,
  WorkDone,
  WorkerDesk,
  WorkerKey,
  WorkerOrder,
  WorkerView,
  WorkFailed,
} from '../worker-desk.ts';
import type { Need } from '../yard.ts';
import { deadlineOf, HandOver } from './hand-over.ts';
import { Hearing } from './hearing.ts';
import { type Held, HeldAttempts, heardKey, liveOf } from './held.ts';
import { workerNeeds } from './needs.ts';
import { isHanded, type WorkersPorts, withWorker } from './ports.ts';
import { Pulls } from './pulls.ts';
import { Registry } from './registry.ts';
import { WorkReports } from './reports.ts';
import { Strays } from './strays.ts';
import { viewOf } from './view.ts';

/*
 * Outside workers: programs of somebody's own that ask for tasks.
 *
 * W1. A worker is an agent of the fleet like any other: the dispatcher chooses its tasks, and claims them before they are given.
 * W2. Of a program elsewhere nobody can prove that it has ended. One that is not heard of for the configured time loses its
 *     tasks; their tokens are dead from then on, and what it says later changes nothing (law 2). The same holds for an
 *     attempt that its worker does not name any more.
 * W3. Silence is measured while this runtime lives (hearing.ts). After a restart everybody's begins anew.
 * W4. Who registers under a name takes it over: the tasks of the life before go back.
 * W5. What a worker has reported is no longer its own to keep alive.
 */

const STEPS = 10; // looks within the time of silence
const LONGEST_STEP_MS = 5_000;
const SHOWN_AWAY_MS = 1_800_000;
const AGAIN_MS = 5_000;
/** So that who asks again and again while the runtime ends does not do so all the time. */
const HALTED_MS = 1_000;

interface Away {
  readonly worker: Worker;
  readonly at: number;
  readonly heard_at: number | undefined;
}

export class Workers implements WorkerDesk {
  readonly #ports: WorkersPorts;
  readonly #registry: Registry;
  readonly #pulls: Pulls;
  readonly #hearing: Hearing;
  readonly #handOver: HandOver;
  readonly #reports: WorkReports;
  readonly #away = new Map<string, Away>();
  /** Cancelled, and its worker may still say so itself. */
  readonly #told = new Set<string>();
  /** What the clock had skipped when an attempt began: that time is not its own. */
  readonly #skipped = new Map<string, number>();
  readonly #strays: Strays;
  /** Ends that could not be recorded yet. */
  readonly #ending = new Set<string>();
  #held: HeldAttempts;
  #halted = false;
  #stopped = false;
  #cancelTimer: () => void = () => {};
  #unsubscribe: () => void = () => {};

  constructor(ports: WorkersPorts) {
    this.#ports = ports;
    this.#registry = new Registry(ports);
    this.#pulls = new Pulls(ports.clock);
    this.#strays = new Strays(ports.store);
    this.#hearing = new Hearing(ports.clock);
    this.#reports = new WorkReports(ports);
    this.#handOver = new HandOver(ports, { pulls: this.#pulls, end: (lease, end) => this.#end(lease, end) });
    this.#held = new HeldAttempts(ports.store);
  }

  /** Before the dispatcher, which has to hear of changes after this. */
  async start(): Promise<void> {
    const { store } = this.#ports;
    this.#held = new HeldAttempts(store);
    this.#unsubscribe = store.subscribe((changes) => this.#hear(changes));
    for (const task of [...store.open().values()].filter(withWorker)) await this.#recover(task);
    this.#step();
  }

  /** Nobody is given anything any more; who waits is told so at once. */
  halt(): void {
    this.#halted = true;
    this.#pulls.answerWithNothing();
  }

  stop(): void {
    this.halt();
    this.#stopped = true;
    this.#reports.stop();
    this.#cancelTimer();
    this.#unsubscribe();
  }

  // ── for the dispatcher ────────────────────────────────────────────────────

  launch(claimed: Claimed<AgentRoute>): Promise<void> {
    return this.#handOver.launch(claimed);
  }

  forFleet(): WorkerState[] {
    const { store } = this.#ports;
    const here = [...store.workers().values()].map((worker) => {
      const heard_at = this.#hearing.at(worker.name);
      return {
        worker,
        asks: this.#halted ? 0 : this.#handOver.asks(worker),
        ...(heard_at !== undefined && { heard_at }),
      };
    });
    const away = [...this.#away.values()].map(({ worker, at, heard_at }) => ({
      ...{ worker, asks: 0, away: `nothing was heard of it since ${new Date(heard_at ?? at).toISOString()}` },
      ...(heard_at !== undefined && { heard_at }),
    }));
    return [...here, ...away];
  }

  // ── for workers ───────────────────────────────────────────────────────────

  async register(order: WorkerOrder, cause: Cause): Promise<Registered | Refusal> {
    const entered = await this.#registry.enter(order, cause);
    if (isRefusal(entered)) return entered;
    const { worker, key, replaced } = entered;
    this.#away.delete(worker.name);
    this.#hearing.hear(worker.name);
    if (replaced) {
      this.#pulls.answerWithNothing(replaced.life);
      await this.#takeBack(replaced, `another worker registered as ${worker.name}`); // W4
    }
    this.#ports.changed();
    const held = this.#held.of(worker.name).flatMap((one) => liveOf(this.#ports.store, one) ?? []);
    const shown = await Promise.all(held.map((task) => this.#handOver.shown(task, worker)));
    return {
      worker: worker.name,
      key,
      ttl_ms: this.#ports.settings().ttl,
      held: shown.filter((one) => one !== undefined),
    };
  }

  async claim(who: WorkerKey, { ms, signal, call }: ClaimWait): Promise<HandedTask | undefined | Refusal> {
    const worker = this.#registry.find(who);
    if (isRefusal(worker)) return worker;
    const { name, life, max } = worker;
    this.#hearing.hear(name);
    const waits = call !== undefined && this.#pulls.has(call);
    const given = call === undefined || waits ? undefined : this.#handOver.givenTo(call, life);
    if (given) {
      this.#hearing.hear(heardKey({ key: keyOf(given), attempt: given.attempt }));
      return this.#handOver.shown(given, worker);
    }
    const most = this.#halted ? { ms: Math.min(ms, HALTED_MS) } : { ms };
    const answer = this.#pulls.wait({ life, ...(call !== undefined && { call }), most: max, ...most, signal });
    if (!this.#halted) this.#ports.changed();
    const task = await answer;
    if (this.#ports.store.workers().get(name)?.life === life) this.#hearing.hear(name);
    return task;
  }

  async heartbeat(who: WorkerKey, held: readonly HeldAttempt[]): Promise<Heard | Refusal> {
    const worker = this.#registry.find(who);
    if (isRefusal(worker)) {
      for (const one of held) await this.#recordStale(one, 'its worker is not registered any more');
      return worker;
    }
    this.#hearing.hear(worker.name);
    const attempts = [];
    for (const one of held) attempts.push({ ...one, say: await this.#word(worker, one) });
    return { attempts, ttl_ms: this.#ports.settings().ttl };
  }

  complete(held: HeldAttempt, work: WorkDone, cause: Cause): Promise<Reported | Refusal> {
    this.#heardThrough(held);
    return this.#reports.complete(held, work, cause);
  }

  fail(held: HeldAttempt, failure: WorkFailed, cause: Cause): Promise<Reported | Refusal> {
    this.#heardThrough(held);
    return this.#reports.fail(held, failure, cause);
  }

  async leave(who: WorkerKey, cause: Cause): Promise<{ given_back: number } | Refusal> {
    const { store, clock } = this.#ports;
    const worker = this.#registry.find(who);
    if (isRefusal(worker)) {
      const again = cause.call !== undefined && store.answered(cause.call);
      return again && !store.workers().has(who.worker) ? { given_back: 0 } : worker;
    }
    const { name, life } = worker;
    this.#pulls.answerWithNothing(life);
    const held = this.#held.of(name).filter((one) => !this.#isReported(one));
    const reason = `${name} has left`;
    for (const one of held) {
      const task = liveOf(store, one);
      const back = { kind: 'requeue', class: 'stopped', reason, not_before: clock.now(), spent: false } as const;
      if (task) await this.#end(leaseOf(task, store.epoch), back);
    }
    await store.record({ type: 'worker_left', name, life, why: 'deregistered' }, cause);
    this.#hearing.forget(name);
    this.#ports.changed();
    return { given_back: held.length };
  }

  // ── for people ────────────────────────────────────────────────────────────

  list(): readonly WorkerView[] {
    const { store } = this.#ports;
    return this.forFleet().map((state) => {
      const tasks = this.#held.of(state.worker.name).flatMap((one) => liveOf(store, one) ?? []);
      return viewOf(state, this.#pulls.waiting(state.worker.life), tasks);
    });
  }

  needs(): Need[] {
    const { store, capabilities } = this.#ports;
    const there = new Set([...capabilities(), ...[...store.workers().values()].flatMap((one) => one.capabilities)]);
    return workerNeeds([...this.#away.values()], there, store.open().values());
  }

  // ── what is heard ─────────────────────────────────────────────────────────

  async #word(worker: Worker, held: HeldAttempt): Promise<HeartbeatWord> {
    const key = keyOf(held.task);
    const task = this.#ports.store.open().get(key);
    const why = whyStale(task && isLive(task) ? task : undefined, held, worker);
    if (why !== undefined || !task || !isLive(task)) {
      await this.#recordStale(held, why ?? 'the task has ended');
      return { kind: 'gone', reason: why ?? 'the task has ended' };
    }
    this.#hearing.hear(heardKey({ key, attempt: held.attempt }));
    if (task.cancel !== undefined) return { kind: 'cancel', reason: task.cancel };
    return { kind: 'go_on', deadline: deadlineOf(task, this.#ports) };
  }

  /** Once for each attempt: a worker that does not listen says it again and again. */
  async #recordStale(held: HeldAttempt, why: string): Promise<void> {
    if (!(await this.#strays.isNews(held))) return;
    const { task, attempt } = held;
    await this.#ports.store.record(
      { type: 'report_refused', ...task, attempt, report: 'heartbeat', why },
      { by: 'runner' },
    );
  }

  #heardThrough({ task, attempt, token }: HeldAttempt): void {
    const now = this.#ports.store.open().get(keyOf(task));
    if (!now || !isHanded(now) || now.attempt !== attempt || now.token !== token) return;
    this.#hearing.hear(heardKey({ key: keyOf(task), attempt }));
    if (this.#ports.store.workers().get(now.route.agent)?.life === now.handed?.life)
      this.#hearing.hear(now.route.agent);
  }

  #hear(changes: readonly Change[]): void {
    for (const held of this.#held.apply(changes)) {
      this.#hearing.forget(heardKey(held));
      this.#hearing.forget(`cancel ${heardKey(held)}`);
      this.#handOver.ended(held);
      this.#told.delete(heardKey(held));
      this.#skipped.delete(heardKey(held));
    }
    for (const { type, after } of changes) {
      if (!after || !('spec' in after) || !withWorker(after)) continue;
      const key = keyOf(after);
      if (type === 'attempt_started') {
        this.#handOver.began(key);
        const one = heardKey({ key, attempt: after.attempt });
        this.#hearing.hear(one);
        this.#skipped.set(one, this.#hearing.skipped);
      }
      if (type === 'cancel_requested') this.#cancelled(after);
    }
  }

  /** It hears of it with its next heartbeat. A check of what it has done ends. */
  #cancelled(task: LiveTask): void {
    const { checks, home, say } = this.#ports;
    if (!this.#reports.isJudged(keyOf(task), task.attempt)) return;
    void checks
      .stop(runDirOf(home, task, task.attempt))
      .catch((error) => say('error', 'a check could not be stopped', { task: task.id, error: String(error) }));
  }

  // ── what is not heard ─────────────────────────────────────────────────────

  #step(): void {
    if (this.#stopped) return;
    const { clock, settings, say } = this.#ports;
    const { ttl } = settings();
    this.#hearing.step(Math.max(ttl / 2, LONGEST_STEP_MS / STEPS));
    this.#look(ttl)
      .catch((error) => say('error', 'workers could not be looked after', { error: String(error) }))
      .finally(() => {
        if (!this.#stopped) this.#cancelTimer = clock.after(Math.min(ttl / STEPS, LONGEST_STEP_MS), () => this.#step());
      });
  }

  async #look(ttl: number): Promise<void> {
    const { store, clock } = this.#ports;
    for (const worker of [...store.workers().values()]) {
      if (this.#pulls.waiting(worker.life) > 0) this.#hearing.hear(worker.name);
      if (this.#hearing.silence(worker.name) > ttl) await this.#lost(worker);
    }
    for (const held of this.#held.all()) await this.#lookAt(held, ttl);
    for (const [name, { at }] of this.#away) if (clock.now() - at > SHOWN_AWAY_MS) this.#away.delete(name);
  }

  /** W2 */
  async #lost(worker: Worker): Promise<void> {
    const { store, clock, say, settings, changed } = this.#ports;
    const { name, life } = worker;
    const seconds = Math.round(settings().ttl / 1_000);
    say('warn', 'a worker is silent; its tasks go back', { worker: name, seconds });
    const heard_at = this.#hearing.at(name);
    await store.record({ type: 'worker_left', name, life, why: 'silent' }, { by: 'runner' });
    this.#away.set(name, { worker, at: clock.now(), heard_at });
    this.#pulls.answerWithNothing(life);
    this.#hearing.forget(name);
    await this.#takeBack(worker, `nothing was heard of its worker ${name} for ${seconds} s`);
    changed();
  }

  async #takeBack({ name, life }: Worker, reason: string): Promise<void> {
    const held = this.#held.of(name).filter((one) => one.life === life && !this.#isReported(one));
    await Promise.all(held.map((one) => this.#endHeld(one, { class: 'crash', reason })));
  }

  async #lookAt(held: Held, ttl: number): Promise<void> {
    const { store, clock } = this.#ports;
    const task = liveOf(store, held);
    if (!task || this.#isReported(held)) return; // W5
    const { worker, life } = held;
    const key = heardKey(held);
    const limit = this.#ports.ttl(task);
    if (store.workers().get(worker)?.life !== life)
      return this.#endHeld(held, { class: 'crash', reason: `its worker ${worker} is gone` });
    const skipped = this.#hearing.skipped - (this.#skipped.get(key) ?? 0);
    if (clock.now() - skipped > deadlineOf(task, this.#ports))
      return this.#endHeld(held, { class: 'timeout', reason: `it ran longer than ${Math.round(limit / 1_000)} s` });
    if (task.cancel !== undefined && !this.#told.has(key)) {
      this.#told.add(key);
      this.#hearing.hear(`cancel ${key}`);
    }
    const unheard = task.cancel !== undefined && this.#hearing.silence(`cancel ${key}`) > ttl; // it had its time
    const silent = this.#hearing.silence(key) > ttl;
    if (unheard || silent)
      return this.#endHeld(held, {
        class: 'crash',
        reason: `its worker ${worker} did not speak of it for ${Math.round(ttl / 1_000)} s`,
      });
  }

  async #endHeld(held: Held, failure: { class: 'crash' | 'timeout'; reason: string }): Promise<void> {
    const { store } = this.#ports;
    const task = liveOf(store, held);
    if (!task) return;
    await this.#end(leaseOf(task, store.epoch), this.#reports.endOf(task, failure));
  }

  #isReported({ key, attempt }: Held): boolean {
    return this.#reports.isJudged(key, attempt);
  }

  /** What is claimed was given to nobody; what was reported is judged; all else goes on where it is. */
  async #recover(task: LiveTask): Promise<void> {
    const { store } = this.#ports;
    if (!isHanded(task)) {
      return this.#end(leaseOf(task, store.epoch), {
        kind: 'void',
        reason: 'the runtime ended before it was given to anybody',
      });
    }
    await this.#reports.takeUp(task);
  }

  /** A full disk, say, must not keep a task where nobody works on it. */
  async #end(lease: Lease, end: AttemptEnd): Promise<void> {
    const { store, clock, say } = this.#ports;
    const one = heardKey({ key: keyOf(lease.task), attempt: lease.attempt });
    if (this.#ending.has(one)) return;
    this.#ending.add(one);
    try {
      await store.end(lease, end, { by: 'runner' });
      this.#ending.delete(one);
    } catch (error) {
      say('error', 'the end of an attempt could not be recorded; it is tried again', {
        task: lease.task.id,
        error: String(error),
      });
      clock.after(AGAIN_MS, () => {
        this.#ending.delete(one);
        if (!this.#stopped) void this.#end(lease, end);
      });
    }
  }
}

function whyStale(task: LiveTask | undefined, { attempt, token }: HeldAttempt, worker: Worker): string | undefined {
  if (!task) return 'the task has ended, or went back to the queue';
  if (task.attempt !== attempt) return `attempt ${task.attempt} is the live one`;
  if (task.token !== token) return 'its token is not the one of this attempt';
  return isHanded(task) && task.route.agent === worker.name ? undefined : 'it is not with this worker';
}
