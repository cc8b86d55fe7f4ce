import { setMaxListeners } from 'node:events';
import type { DelegatedCounters, DelegatedJob, DelegatedStatus } from '../model/delegated.ts';
import { LONGEST_TIMER_MS } from '../model/duration.ts';
import { keyOf, type TaskKey, type TaskRef } from '../model/ids.ts';
import { isLive, type Lease, type LiveTask, type OpenTask } from '../model/task.ts';
import type { Change, Provider } from '../ports.ts';
import type { Need } from '../yard.ts';
import { conclude } from './conclude.ts';
import { confirm } from './confirm.ts';
import { backoffMs, type DelegationPorts, type Desk, report } from './desk.ts';
import { type Away, Gate } from './gate.ts';
import { judge } from './judge.ts';
import { Lane } from './lane.ts';
import { deadlineOf } from './limit.ts';
import { stopOwn } from './own.ts';
import { reap } from './reaper.ts';
import { newWatch, recover } from './recover.ts';
import { describeGate, describeJob, stuckNeed, Tally } from './status.ts';
import { submitFirst } from './submit.ts';
import { liveTask, type Next, OVER, type Watch } from './watch.ts';

/** What lives only while the service runs. */
interface Shift {
  readonly looks: AbortController;
  readonly submits: AbortController;
  readonly working: Set<Promise<void>>;
  readonly unsubscribe: () => void;
}

const STOPPED = 'the runtime stopped while it answered';

/**
 * Follows every delegated attempt from its claim to its end.
 *
 * D1. Each has one watch with the time of its next step; a step asks its provider at most once and never overlaps with
 *     another step of the same watch.
 * D2. A place in its provider's lane is held only for a request to another machine: neither while an answer is judged nor
 *     for a look at a request of our own.
 * D3. A request of this process (`Watch.transient`) ends with it, and its attempt goes back unspent; everything else, an
 *     answer that is being judged included, is left as it is, and taken up by the next start.
 */
export class Delegations {
  readonly #ports: DelegationPorts;
  readonly #watches = new Map<TaskKey, Watch>();
  readonly #lanes = new Map<string, Lane>();
  readonly #gates = new Map<string, Gate>();
  #asked: ReadonlyMap<string, Provider> = new Map();
  #shift: Shift | undefined;
  #stopping: Promise<void> | undefined;
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined;
  readonly #tallies = new Map<string, Tally>();

  constructor(ports: DelegationPorts) {
    this.#ports = ports;
  }

  /** Takes up what an earlier runtime left, then follows all of it. */
  async start(): Promise<void> {
    if (this.#shift) return;
    const unsubscribe = this.#ports.store.subscribe((changes) => this.#notice(changes));
    const shift = { looks: new AbortController(), submits: new AbortController(), working: new Set<Promise<void>>() };
    setMaxListeners(0, shift.looks.signal, shift.submits.signal); // every request listens
    this.#shift = { ...shift, unsubscribe };
    for (const task of [...this.#ports.store.open().values()]) {
      await this.#adopt(task);
    }
  }

  /** Ends what is under way: looks at once, submits when they have had time to be answered. */
  async stop(): Promise<void> {
    const shift = this.#shift;
    if (shift) this.#stopping ??= this.#wind(shift);
    await this.#stopping;
  }

  /** Those whose jobs would end with this process. */
  atWork(): readonly LiveTask[] {
    return this.#own().flatMap((watch) => liveTask(watch, this.#ports.store) ?? []);
  }

  /** D3. Ends all of them; their attempts go back to the queue, and count for nothing. */
  async endOwn(reason: string): Promise<void> {
    await Promise.all(this.#own().map((watch) => this.#end(watch, reason)));
  }

  /** The first step of a claimed attempt; settles when the provider's answer has been dealt with. */
  async submit(lease: Lease, task: LiveTask, bytes: Uint8Array): Promise<void> {
    const known = this.#watches.get(keyOf(lease.task));
    if (!this.#shift || this.#stopping || known?.lease.attempt === lease.attempt) return; // the next start takes it up
    const watch = newWatch(this.#ports, lease, task, { kind: 'unsent', bytes });
    this.#watches.set(keyOf(lease.task), watch);
    await this.#work(watch);
  }

  /** Does every step that is due; settles when they are done. */
  async tick(): Promise<void> {
    const now = this.#ports.clock.now();
    const due = [...this.#watches.values()].filter((watch) => !watch.working && watch.next_at <= now);
    const working = due.map((watch) => this.#work(watch));
    for (const watch of this.#watches.values()) if (!watch.working) this.#wake(watch.next_at + this.#slack());
    await Promise.all(working);
  }

  job(ref: TaskRef): DelegatedJob | undefined {
    const watch = this.#watches.get(keyOf(ref));
    return watch && describeJob(watch, this.#ports);
  }

  status(): DelegatedStatus {
    const watches = [...this.#watches.values()];
    const names = [...this.#ports.providers().keys(), ...this.#tallies.keys()];
    const active = new Map<string, number>(names.map((name) => [name, 0]));
    for (const { provider } of watches) active.set(provider, (active.get(provider) ?? 0) + 1);
    const counters = [...active].sort().map(([name, count]) => [name, this.#tally(name).with(count)] as const);
    return {
      ...sum(counters.map(([, counted]) => counted)),
      jobs: watches.map((watch) => describeJob(watch, this.#ports)),
      providers: Object.fromEntries(
        counters.map(([name, counted]) => [name, { ...counted, ...describeGate(this.#gate(name).facts()) }]),
      ),
    };
  }

  /** The configuration has changed: what was found out about a provider that is another one now is forgotten. */
  configured(): void {
    const known = this.#ports.providers();
    for (const [id, gate] of this.#gates) if (this.#asked.get(id) !== known.get(id)) gate.forget();
    this.#asked = known;
  }

  /** How long a job may take has changed. */
  limitsChanged(): void {
    for (const watch of this.#watches.values()) {
      const task = liveTask(watch, this.#ports.store);
      if (!task || watch.working) continue; // at the end of a step it is asked anyway
      const isOver =
        watch.overdue_since === undefined && deadlineOf(watch, this.#ports, task) <= this.#ports.clock.now();
      watch.next_at = isOver ? this.#ports.clock.now() : this.#inTime(watch, task, watch.next_at);
      this.#wake(watch.next_at);
    }
  }

  /** Providers that get nothing now. */
  away(): ReadonlyMap<string, Away> {
    const away = new Map<string, Away>();
    for (const [id, gate] of this.#gates) {
      const why = gate.away(() => this.#of(id).length);
      if (why) away.set(id, why);
    }
    return away;
  }

  needs(): Need[] {
    return [...this.#gates].flatMap(([id, { stuck }]) => (stuck ? [stuckNeed(id, stuck, this.#of(id).length)] : []));
  }

  async #wind(shift: Shift): Promise<void> {
    shift.unsubscribe();
    this.#alarm?.cancel();
    this.#alarm = undefined;
    await this.endOwn(STOPPED); // D3
    for (const watch of this.#watches.values())
      if (isOwnAnswer(watch) && watch.stop === undefined) void this.#work(watch); // it may not have been written yet
    shift.looks.abort();
    const giveUp = this.#ports.clock.after(this.#ports.settings().stop_grace_ms, () => shift.submits.abort());
    await Promise.all(shift.working);
    giveUp();
    this.#watches.clear();
    this.#lanes.clear();
    for (const gate of this.#gates.values()) gate.close();
    this.#shift = undefined;
    this.#stopping = undefined;
  }

  #own(): Watch[] {
    return [...this.#watches.values()].filter((watch) => watch.transient && !isKept(watch));
  }

  /** The step under way hears of it, and the one after it ends the attempt. */
  async #end(watch: Watch, reason: string): Promise<void> {
    watch.stop ??= reason;
    this.#interrupt(watch);
    await watch.working;
    if (this.#watches.get(keyOf(watch.lease.task)) === watch) await this.#work(watch);
  }

  /** What of a step can be cut short: a request of our own, the judgement of an answer. */
  #interrupt(watch: Watch): void {
    if (watch.transient) watch.hangUp.abort();
    if (watch.phase.kind !== 'answered') return;
    this.#ports.answers.stop(watch.lease).catch((error) => report(this.#ports, watch, String(error)));
  }

  #take(watch: Watch): void {
    const key = keyOf(watch.lease.task);
    if (!this.#shift || this.#stopping || this.#watches.has(key) || !liveTask(watch, this.#ports.store)) return;
    this.#watches.set(key, watch);
    this.#wake(watch.next_at);
  }

  /** D1 */
  #work(watch: Watch): Promise<void> {
    const shift = this.#shift;
    if (!shift || watch.working) return watch.working ?? Promise.resolve();
    const working = this.#steps(watch, this.#deskOf(watch, shift))
      .then((next) => this.#settle(watch, next))
      .finally(() => shift.working.delete(working));
    watch.working = working;
    shift.working.add(working);
    return working;
  }

  #deskOf(watch: Watch, shift: Shift): Desk {
    return {
      ...this.#ports,
      lane: this.#lane(watch.provider),
      gate: this.#gate(watch.provider),
      looks: shift.looks.signal,
      submits: shift.submits.signal,
      tally: this.#tally(watch.provider),
      nudge: (watch) => this.#nudge(watch),
    };
  }

  /** D2 */
  async #steps(watch: Watch, desk: Desk): Promise<Next> {
    const kind: string = watch.phase.kind;
    const step = () => this.#guarded(watch, desk);
    const own = watch.transient && kind !== 'unsent';
    const next = await (own || kind === 'answered' ? step() : desk.lane.run(desk.settings().concurrency, step));
    const isNew = kind !== 'answered' && watch.phase.kind === 'answered';
    return isNew && next.kind === 'again' ? step() : next;
  }

  /** A step that throws (a full disk, a bug) is tried again later: the phase says what has already happened. */
  async #guarded(watch: Watch, desk: Desk): Promise<Next> {
    try {
      if (this.#stopping && watch.stop === undefined && !isOwnAnswer(watch))
        return { kind: 'again', at: watch.next_at };
      return await step(watch, desk);
    } catch (error) {
      report(desk, watch, `a step failed and is tried again: ${error instanceof Error ? error.message : error}`);
      return { kind: 'again', at: desk.clock.now() + backoffMs(desk, watch.failures++) };
    }
  }

  #settle(watch: Watch, next: Next): void {
    watch.working = undefined;
    const key = keyOf(watch.lease.task);
    const task = liveTask(watch, this.#ports.store);
    if (next.kind === 'over' || !task) {
      if (this.#watches.get(key) === watch) this.#watches.delete(key);
      return;
    }
    // A cancel that came during the step must not wait for the next look.
    const now = this.#ports.clock.now();
    const soon = watch.nudged || (task.cancel !== undefined && watch.failures === 0);
    watch.nudged = false;
    watch.next_at = soon ? now : this.#inTime(watch, task, next.at);
    this.#wake(watch.next_at + (soon ? 0 : this.#slack()));
  }

  /** No job is left alone beyond its time limit. */
  #inTime(watch: Watch, task: LiveTask, at: number): number {
    const deadline = deadlineOf(watch, this.#ports, task);
    const now = this.#ports.clock.now();
    return deadline > now ? Math.min(at, deadline) : Number.isFinite(at) ? at : now;
  }

  #nudge(watch: Watch): void {
    watch.nudged = watch.working !== undefined;
    watch.next_at = this.#ports.clock.now();
    if (!watch.nudged) this.#wake(watch.next_at);
  }

  #notice(changes: readonly Change[]): void {
    for (const { after } of changes) {
      if (!after || !('spec' in after) || !isLive(after)) continue;
      const watch = this.#watches.get(keyOf(after));
      if (watch && after.cancel !== undefined) {
        this.#nudge(watch);
        this.#interrupt(watch);
      }
      // A job that somebody else delegated and the store has taken over.
      if (!watch && after.state === 'running' && after.job_id !== undefined) void this.#adopt(after);
    }
  }

  async #adopt(task: OpenTask): Promise<void> {
    try {
      const watch = await recover(this.#ports, task);
      if (watch) this.#take(watch);
    } catch (error) {
      const message = `it can't be followed: ${error instanceof Error ? error.message : error}`;
      this.#ports.report({ task: { project: task.project, id: task.id }, provider: '', message });
    }
  }

  #tally(provider: string): Tally {
    const tally = this.#tallies.get(provider) ?? new Tally();
    this.#tallies.set(provider, tally);
    return tally;
  }

  #gate(id: string): Gate {
    const known = this.#gates.get(id);
    if (known) return known;
    const { clock, chance, settings } = this.#ports;
    const gate = new Gate({ clock, chance, rule: () => settings().breaker, changed: () => this.#gateChanged(id) });
    this.#gates.set(id, gate);
    return gate;
  }

  #gateChanged(id: string): void {
    if (!this.#shift || this.#stopping) return;
    if (this.#gates.get(id)?.facts().until === undefined)
      for (const watch of this.#of(id)) if (watch.at_gate) this.#nudge(watch);
    this.#ports.changed();
  }

  #of(provider: string): Watch[] {
    return [...this.#watches.values()].filter((watch) => watch.provider === provider);
  }

  #lane(provider: string): Lane {
    const lane = this.#lanes.get(provider) ?? new Lane();
    this.#lanes.set(provider, lane);
    return lane;
  }

  /** Jobs that are due at nearly the same time share one tick. */
  #slack(): number {
    return Math.min(250, this.#ports.settings().interval_ms / 20);
  }

  #wake(at: number): void {
    if (!this.#shift || this.#stopping || (this.#alarm && this.#alarm.at <= at)) return;
    this.#alarm?.cancel();
    const wait = Math.min(Math.max(0, at - this.#ports.clock.now()), LONGEST_TIMER_MS);
    const cancel = this.#ports.clock.after(wait, () => {
      this.#alarm = undefined;
      void this.tick();
    });
    this.#alarm = { at, cancel };
  }
}

/** Its answer is in hand: on disk, or about to be, so that the next runtime goes on with it. */
function isKept({ phase }: Watch): boolean {
  return phase.kind === 'answered';
}

/** Nobody but this process has it, until it is on disk. */
function isOwnAnswer(watch: Watch): boolean {
  return watch.transient && isKept(watch);
}

async function step(watch: Watch, desk: Desk): Promise<Next> {
  const { phase } = watch;
  if (phase.kind === 'ending') return conclude(watch, desk, phase.end);
  const task = liveTask(watch, desk.store);
  if (!task) return OVER;
  watch.at_gate = false;
  if (watch.stop !== undefined && task.cancel === undefined && !isKept(watch))
    return stopOwn(watch, desk, task, watch.stop);
  switch (phase.kind) {
    case 'answered':
      return judge(watch, desk, phase);
    case 'unsent':
      return submitFirst(watch, desk, task, phase.bytes);
    case 'unconfirmed':
      return confirm(watch, desk, task);
    case 'accepted':
      return reap(watch, desk, task, phase);
  }
}

function sum(all: readonly DelegatedCounters[]): DelegatedCounters {
  const total = (key: keyof DelegatedCounters) => all.reduce((before, counters) => before + counters[key], 0);
  return {
    delegated_active: total('delegated_active'),
    delegated_completed_total: total('delegated_completed_total'),
    delegated_failed_total: total('delegated_failed_total'),
    delegated_polls_total: total('delegated_polls_total'),
  };
}
