import type { DelegatedCounters, DelegatedStatus } from '../model/delegated.ts';
import { keyOf, type TaskKey } from '../model/ids.ts';
import { isLive, type Lease, type LiveTask, type OpenTask } from '../model/task.ts';
import type { Change } from '../ports.ts';
import { conclude } from './conclude.ts';
import { confirm } from './confirm.ts';
import { backoffMs, type DelegationPorts, type Desk, report } from './desk.ts';
import { Lane } from './lane.ts';
import { reap } from './reaper.ts';
import { newWatch, recover } from './recover.ts';
import { describeJob, Tally } from './status.ts';
import { submitFirst } from './submit.ts';
import { liveTask, type Next, OVER, type Watch } from './watch.ts';

/** What lives only while the service runs. */
interface Shift {
  readonly looks: AbortController;
  readonly submits: AbortController;
  readonly working: Set<Promise<void>>;
  readonly unsubscribe: () => void;
}

/**
 * Follows every delegated attempt from its claim to its end. Each has one watch with the time of its next step; a step
 * asks its provider at most once and never overlaps with another step of the same watch.
 */
export class Delegations {
  readonly #ports: DelegationPorts;
  readonly #watches = new Map<TaskKey, Watch>();
  readonly #lanes = new Map<string, Lane>();
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
    const due = [...this.#watches.values()].filter((watch) => !watch.busy && watch.next_at <= now);
    const working = due.map((watch) => this.#work(watch));
    for (const watch of this.#watches.values()) if (!watch.busy) this.#wake(watch.next_at + this.#slack());
    await Promise.all(working);
  }

  status(): DelegatedStatus {
    const watches = [...this.#watches.values()];
    const names = new Set([...this.#tallies.keys(), ...watches.map(({ provider }) => provider)]);
    const counters = (name: string): DelegatedCounters =>
      this.#tally(name).with(watches.filter(({ provider }) => provider === name).length);
    const providers = Object.fromEntries([...names].sort().map((name) => [name, counters(name)]));
    return {
      ...sum(Object.values(providers)),
      jobs: watches.map((watch) => describeJob(watch, this.#ports)),
      providers,
    };
  }

  async #wind(shift: Shift): Promise<void> {
    shift.unsubscribe();
    this.#alarm?.cancel();
    this.#alarm = undefined;
    shift.looks.abort();
    const giveUp = this.#ports.clock.after(this.#ports.settings().stop_grace_ms, () => shift.submits.abort());
    await Promise.all(shift.working);
    giveUp();
    this.#watches.clear();
    this.#lanes.clear();
    this.#shift = undefined;
    this.#stopping = undefined;
  }

  #take(watch: Watch): void {
    const key = keyOf(watch.lease.task);
    if (!this.#shift || this.#stopping || this.#watches.has(key) || !liveTask(watch, this.#ports.store)) return;
    this.#watches.set(key, watch);
    this.#wake(watch.next_at);
  }

  #work(watch: Watch): Promise<void> {
    const shift = this.#shift;
    if (!shift || watch.busy) return Promise.resolve();
    watch.busy = true;
    const lane = this.#lane(watch.provider);
    const desk: Desk = {
      ...this.#ports,
      lane,
      looks: shift.looks.signal,
      submits: shift.submits.signal,
      tally: this.#tally(watch.provider),
    };
    const working = lane
      .run(this.#ports.settings().concurrency, () => this.#guarded(watch, desk))
      .then((next) => this.#settle(watch, next))
      .finally(() => shift.working.delete(working));
    shift.working.add(working);
    return working;
  }

  /** A step that throws (a full disk, a bug) is tried again later: the phase says what has already happened. */
  async #guarded(watch: Watch, desk: Desk): Promise<Next> {
    try {
      if (this.#stopping) return { kind: 'again', at: watch.next_at };
      return await step(watch, desk);
    } catch (error) {
      report(desk, watch, `a step failed and is tried again: ${error instanceof Error ? error.message : error}`);
      return { kind: 'again', at: desk.clock.now() + backoffMs(desk, watch.failures++) };
    }
  }

  #settle(watch: Watch, next: Next): void {
    watch.busy = false;
    const key = keyOf(watch.lease.task);
    const task = liveTask(watch, this.#ports.store);
    if (next.kind === 'over' || !task) {
      if (this.#watches.get(key) === watch) this.#watches.delete(key);
      return;
    }
    // A cancel that came during the step must not wait for the next look.
    const cancel = task.cancel !== undefined && watch.failures === 0;
    watch.next_at = cancel ? this.#ports.clock.now() : next.at;
    this.#wake(watch.next_at + (cancel ? 0 : this.#slack()));
  }

  #notice(changes: readonly Change[]): void {
    for (const { after } of changes) {
      if (!after || !('spec' in after) || !isLive(after)) continue;
      const watch = this.#watches.get(keyOf(after));
      if (watch && after.cancel !== undefined) {
        watch.next_at = this.#ports.clock.now();
        this.#wake(watch.next_at);
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
    const cancel = this.#ports.clock.after(Math.max(0, at - this.#ports.clock.now()), () => {
      this.#alarm = undefined;
      void this.tick();
    });
    this.#alarm = { at, cancel };
  }
}

async function step(watch: Watch, desk: Desk): Promise<Next> {
  const { phase } = watch;
  if (phase.kind === 'ending') return conclude(watch, desk, phase.end);
  const task = liveTask(watch, desk.store);
  if (!task) return OVER;
  switch (phase.kind) {
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
