import type { Load } from '../load.ts';
import { LONGEST_TIMER_MS } from '../model/duration.ts';
import type { Fleet } from '../model/fleet.ts';
import { keyOf, type ProjectId, type TaskKey, type TaskRef } from '../model/ids.ts';
import { isRefusal } from '../model/refusal.ts';
import type { Route, RunRoute, WaitReason } from '../model/route.ts';
import { isLive, type QueuedTask } from '../model/task.ts';
import { nextReset } from '../policy/allowance.ts';
import { askOf } from '../policy/ask.ts';
import { anyRoom, decide, nobodyThere } from '../policy/decide.ts';
import { nextHoldEnd } from '../policy/held.ts';
import { type Choice, chooseNext, Turns } from '../policy/order.ts';
import type { Change, Clock, TaskStore } from '../ports.ts';
import type { LaneWaits } from './lane-waits.ts';
import type { Launch } from './launch.ts';
import { type Entry, type Lane, Ready } from './ready.ts';

/*
 * Starts what can start: the order policy names a task, `decide` names its place, the store journals the claim, and
 * only then it is launched.
 *
 * D1. A task has at most one claim under way, and stands nowhere in the index meanwhile.
 * D2. From the choice to the claim's own change the place is reserved in `load`, so every decision sees the fleet as
 *     it will be; claims overlap and share one fsync.
 * D3. A claim that the store refuses starts nothing. The task is looked at again: at once when it has changed, after
 *     `RELOOK_MS` when it has not, so a refusal that repeats is no busy loop.
 * D4. A lane whose head has to wait is left alone until something could have changed that: the end of any task where it
 *     waits for a place, the end of one in its own project where the project holds it, a resume, a wake. An agent that
 *     has ended gives its place back at once (`freed`): the claim that takes it is journalled behind that end.
 *     Allowance that comes back is told by no change: everything is looked at again at the time of the next reset, and
 *     now and then before it, because clocks jump and machines sleep. So with a hold that ends by its time.
 * D5. After `stop()` there is no timer, no claim and no launch under way.
 */

const CLAIMS_AT_ONCE = 64;
const RELOOK_MS = 1_000;
const RESET_LOOK_MS = 300_000;

export interface DispatcherParts {
  readonly store: Pick<TaskStore, 'open' | 'subscribe' | 'claim'>;
  readonly clock: Clock;
  readonly launch: Launch;
  /** Must hear the store's changes before the dispatcher does: subscribe it first. */
  readonly load: Load;
  readonly fleet: () => Fleet;
  readonly ageStep: () => number;
  /** Is told which lanes wait, and which run again. */
  readonly waits?: Pick<LaneWaits, 'waits' | 'ran'>;
  /** Something that should not have happened; the dispatcher goes on. */
  readonly report: (problem: unknown, ref: TaskRef) => void;
}

export interface Waiting {
  readonly reason: WaitReason;
  readonly detail?: string | undefined;
  readonly until?: number | undefined;
}

interface Block {
  readonly project: ProjectId;
  /** It waits for an agent or a provider, whoever gives one back. */
  readonly forPlace: boolean;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;
  readonly #turns = new Turns((project) => this.#projects.get(project)?.weight ?? 1);
  /** Of the fleet that was looked at last. */
  #projects: Fleet['projects'] = new Map();
  readonly #claims = new Map<TaskKey, Promise<void>>();
  readonly #blocked = new Map<string, Block>(); // by lane or project
  #ready = new Ready();
  #life: { stop: () => void } | undefined;
  #swept = true;
  #timer: { at: number; cancel: () => void } | undefined;
  #reset: { at: number; cancel: () => void } | undefined;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#life) return;
    const { store, clock } = this.#parts;
    this.#ready = new Ready();
    for (const [, task] of store.open()) if (!this.#claims.has(keyOf(task))) this.#ready.put(task, clock.now());
    this.#life = { stop: store.subscribe((changes) => this.#hear(changes)) };
    this.wake();
  }

  async stop(): Promise<void> {
    this.#life?.stop();
    this.#life = undefined;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#reset?.cancel();
    this.#reset = undefined;
    while (this.#claims.size > 0) await Promise.all(this.#claims.values()); // D5
  }

  /** The fleet may have changed in a way that no change of a task tells: look at everything again. */
  wake(): void {
    this.#blocked.clear();
    this.#sweepSoon();
  }

  /** A task of this project gave its place back before its end is durable. */
  freed(project: ProjectId): void {
    this.#free(project);
    this.#sweepSoon();
  }

  /** Why a queued task does not run, or nothing when it only waits for its turn. */
  waiting(task: QueuedTask, fleet: Fleet = this.#parts.fleet()): Waiting | undefined {
    const route = decide(askOf(task), fleet, this.#parts.clock.now());
    switch (route.to) {
      case 'wait': {
        const { to: _, rules: __, held: ___, ...why } = route;
        return why;
      }
      case 'refuse':
        return { reason: 'no_eligible_agent', detail: route.reason };
      case 'agent':
      case 'provider':
        return undefined;
    }
  }

  /** About how many tasks go before this one. */
  ahead(task: QueuedTask): number {
    return this.#ready.ahead(task);
  }

  #hear(changes: readonly Change[]): void {
    const now = this.#parts.clock.now();
    for (const change of changes) this.#index(change, now);
    for (const { type, before, after } of changes) {
      const ended = before && isLive(before) && !(after && 'spec' in after && isLive(after));
      if (ended) this.#free(before.project);
      if (!before && !after && !type.startsWith('dispatch_failed_')) this.#blocked.clear(); // pausing changed
    }
    this.#sweepSoon();
  }

  #index({ before, after, at }: Change, now: number): void {
    const task = after && 'spec' in after ? after : undefined;
    const key = task ? keyOf(task) : before && keyOf(before);
    if (!key || this.#claims.has(key)) return; // D1: looked at when its claim settles
    const freed = before && task && before.waits_for.length > 0 && task.waits_for.length === 0;
    if (task) this.#ready.put(task, now, freed ? at : undefined);
    else this.#ready.drop(key);
  }

  /** A task of this project no longer holds its place (D4). */
  #free(project: ProjectId): void {
    for (const [key, block] of this.#blocked) {
      if (block.forPlace || block.project === project) this.#blocked.delete(key);
    }
  }

  /** Many changes in a row make one sweep, after all listeners have heard of them. */
  #sweepSoon(): void {
    if (!this.#life || !this.#swept) return;
    this.#swept = false;
    queueMicrotask(() => {
      this.#swept = true;
      if (this.#life) this.#sweep();
    });
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    this.#ready.release(now);
    while (this.#claims.size < CLAIMS_AT_ONCE && this.#pick(now));
    this.#setTimer(now);
  }

  /** Starts the claim of the next task that can run. False when there is none. */
  #pick(now: number): boolean {
    const fleet = this.#parts.fleet();
    this.#projects = fleet.projects;
    if (!anyRoom(fleet) && !nobodyThere(fleet)) {
      this.#awaitTime(nextHoldEnd(fleet.holds ?? []), now);
      return false;
    }
    for (;;) {
      const choice = chooseNext(this.#ready.heads(this.#blocked), this.#turns, now, this.#parts.ageStep());
      if (!choice) {
        this.#awaitTime(this.#blocked.size > 0 ? nextChange(fleet, now) : undefined, now);
        return false;
      }
      const { task, lane } = choice.head;
      const route = decide(askOf(task), fleet, now);
      if (route.to === 'agent' || route.to === 'provider') {
        this.#begin(choice, route);
        return true;
      }
      this.#block(lane, route);
    }
  }

  /** The head waits, so its lane does (I1); what holds the whole project holds all its lanes, held places only this one. */
  #block(lane: Lane, route: Route): void {
    const { reason, held } = route.to === 'wait' ? route : {};
    const whole = reason === 'project_limit' || (reason === 'paused' && !held);
    const forPlace = reason === 'no_free_agent' || reason === 'allowance' || reason === 'worktree_limit';
    const block = { project: lane.project, forPlace };
    this.#blocked.set(whole ? lane.project : lane.key, block);
    this.#parts.waits?.waits(lane, route);
  }

  #begin(choice: Choice<Entry>, route: RunRoute): void {
    const { task } = choice.head;
    const key = keyOf(task);
    this.#parts.waits?.ran(choice.head.lane);
    this.#ready.drop(key); // D1
    this.#parts.load.reserve(task, task.spec, route); // D2
    this.#turns.took(choice);
    const claim = this.#claim(task, route).then((outcome) => {
      this.#claims.delete(key);
      if (outcome === 'not_claimed') this.#turns.gaveBack(choice);
      this.#settle(choice.head, outcome);
    });
    this.#claims.set(key, claim);
  }

  async #claim(task: QueuedTask, route: RunRoute): Promise<'claimed' | 'not_claimed'> {
    const { store, load, launch, report } = this.#parts;
    const ref: TaskRef = { project: task.project, id: task.id };
    const answer = await attempt(() => store.claim(ref, route, { by: 'dispatcher' }));
    if (answer.kind === 'threw' || isRefusal(answer.value)) {
      if (answer.kind === 'threw') report(answer.problem, ref);
      load.release(ref);
      return 'not_claimed';
    }
    const claimed = answer.value;
    const under = await attempt(() =>
      route.to === 'agent' ? launch.launch({ ...claimed, route }) : launch.delegate({ ...claimed, route }),
    );
    if (under.kind === 'threw') report(under.problem, ref);
    return 'claimed';
  }

  /** What the store says now decides where the task stands (D3). */
  #settle(entry: Entry, outcome: 'claimed' | 'not_claimed'): void {
    const { store, clock } = this.#parts;
    const was = entry.task;
    const task = store.open().get(keyOf(was));
    if (outcome === 'not_claimed') this.#free(was.project); // its reserved place
    if (this.#life && task && !isLive(task)) {
      const same = task.state === 'queued' && task.changed_seq === was.changed_seq;
      if (same) this.#ready.setAside(entry, task, clock.now() + RELOOK_MS);
      else this.#ready.put(task, clock.now());
    }
    this.#sweepSoon();
  }

  /** D4 */
  #awaitTime(at: number | undefined, now: number): void {
    if (at === this.#reset?.at) return;
    this.#reset?.cancel();
    this.#reset = undefined;
    if (at === undefined) return;
    const cancel = this.#parts.clock.after(Math.max(0, Math.min(at - now, RESET_LOOK_MS)), () => {
      this.#reset = undefined;
      this.wake();
    });
    this.#reset = { at, cancel };
  }

  #setTimer(now: number): void {
    const at = this.#ready.nextDue();
    if (at === this.#timer?.at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    if (at === undefined) return;
    const cancel = this.#parts.clock.after(Math.max(0, Math.min(at - now, LONGEST_TIMER_MS)), () => {
      this.#timer = undefined;
      this.#sweepSoon();
    });
    this.#timer = { at, cancel };
  }
}

/** When a clock is the next to let something begin. */
function nextChange(fleet: Fleet, now: number): number | undefined {
  const times = [nextReset(fleet, now), nextHoldEnd(fleet.holds ?? [])].filter((time) => time !== undefined);
  return times.length === 0 ? undefined : Math.min(...times);
}

type Tried<T> = { kind: 'done'; value: T } | { kind: 'threw'; problem: unknown };

async function attempt<T>(run: () => Promise<T>): Promise<Tried<T>> {
  try {
    return { kind: 'done', value: await run() };
  } catch (problem) {
    return { kind: 'threw', problem };
  }
}
