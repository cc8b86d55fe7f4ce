import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import type { Claimed } from '../../../src/runtime/dispatcher/launch.ts';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { Load } from '../../../src/runtime/load.ts';
import type { JournalRecord } from '../../../src/runtime/model/event.ts';
import { pausedAt } from '../../../src/runtime/model/hold.ts';
import { keyOf, type TaskRef } from '../../../src/runtime/model/ids.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import type { Lease } from '../../../src/runtime/model/task.ts';
import { State } from '../../../src/runtime/store/state.ts';
import { settled } from '../../fakes/virtual-clock.ts';
import { Machine } from '../store/power-cut/machine.ts';
import { PromptClock, SteppedClock, type Wall } from './clocks.ts';
import { Ledger } from './ledger.ts';
import { CONFIG, seats } from './limits.ts';
import { mayBegin } from './rules.ts';

export const NOON = Date.UTC(2026, 5, 1, 12);
const QUIET_TURNS = 3;

/** What one runtime has in memory; it is gone with it. */
interface Life {
  readonly load: Load;
  readonly dispatcher: Dispatcher;
  readonly clock: SteppedClock;
  alive: boolean;
}

/** The real store and the real dispatcher on a machine that dies, with a ledger kept beside them. */
export class Yard {
  readonly wall: Wall = { now: NOON };
  readonly ledger = new Ledger();
  readonly machine: Machine;
  /** Every lease that was ever given out. */
  readonly leases: Lease[] = [];
  readonly wrong: string[] = [];
  /** What the journal alone tells: no snapshot has ever touched it. */
  readonly told = new State();
  starts = 0;
  #life: Life | undefined;

  constructor(seed: number, segmentBytes: number) {
    this.machine = new Machine(seed, segmentBytes, () => new PromptClock(this.wall));
  }

  get store() {
    return this.machine.store;
  }

  get life(): Life {
    if (!this.#life) throw new Error('no runtime runs');
    return this.#life;
  }

  async begin(): Promise<void> {
    if (!(await this.machine.open())) throw new Error('the store does not open');
    await this.ledger.learn(this.store);
    for await (const record of this.store.records(this.told.seq)) this.#follow(record);
    this.store.follow((record) => this.#follow(record));
    const clock = new SteppedClock(this.wall);
    const load = new Load(this.store.open().values());
    this.store.subscribe((changes) => this.ledger.hear(changes));
    this.store.subscribe((changes) => load.apply(changes));
    const life: Life = { load, clock, alive: true, dispatcher: this.#dispatcher(load, clock, () => life.alive) };
    this.#life = life;
    life.dispatcher.start();
  }

  /** Until nothing more begins. */
  async quiet(): Promise<void> {
    for (let calm = 0, turns = 0; calm < QUIET_TURNS && this.machine.up; turns++) {
      await settled();
      calm = this.ledger.asked.size === 0 && this.store.converged() ? calm + 1 : 0;
      if (turns > 3_000) throw new Error('the dispatcher does not come to rest');
    }
  }

  async end(how: 'close' | 'kill' | 'cut, same boot' | 'cut, another boot'): Promise<void> {
    const { life } = this;
    const stopped = life.dispatcher.stop();
    if (how === 'close' && this.machine.up) {
      await stopped;
      if (life.clock.pending > 0) this.wrong.push('a stopped dispatcher leaves a timer');
      await this.machine.close();
    } else if (how === 'cut, same boot' || how === 'cut, another boot')
      await this.machine.cutPower(how === 'cut, another boot' ? 'boot' : 'none');
    else await this.machine.kill();
    life.alive = false;
    this.#life = undefined;
  }

  /** As its runner does it: the place is given back before the end is durable. */
  freed(ref: TaskRef): void {
    const attempt = this.ledger.live.get(keyOf(ref));
    if (attempt) attempt.atWork = false;
    this.life.load.free(ref);
    this.life.dispatcher.freed(ref.project);
  }

  #follow(record: JournalRecord): void {
    if (record.seq !== this.told.seq + 1) this.wrong.push(`record ${record.seq} follows record ${this.told.seq}`);
    this.told.apply(JSON.parse(JSON.stringify(record)), { segment: '', offset: 0, length: 0 });
  }

  fleet(load: Load) {
    const built = buildFleet({
      ...{ config: CONFIG, load, books: this.store.books() },
      projects: this.store.projects(),
      paused: pausedAt(this.store.holds(), this.wall.now),
      providers: [{ id: 'far', ai: [] }],
    });
    return { ...built, agents: [...built.agents, ...seats(load)] };
  }

  #dispatcher(load: Load, clock: SteppedClock, alive: () => boolean): Dispatcher {
    const { store } = this;
    const launch = async ({ lease }: Claimed) => {
      if (!alive()) return;
      this.starts += 1;
      this.leases.push(lease);
      const attempt = this.ledger.live.get(keyOf(lease.task));
      if (attempt) attempt.begun = true;
    };
    return new Dispatcher({
      ...{ clock, load, fleet: () => this.fleet(load), ageStep: () => 3_600_000 },
      store: {
        open: () => store.open(),
        subscribe: (listener) => store.subscribe(listener),
        claim: (ref, route, cause) => this.#asked(ref, route, () => store.claim(ref, route, cause)),
      },
      launch: { launch, delegate: launch },
      report: (problem) => {
        if (this.machine.up) this.wrong.push(String(problem));
      },
    });
  }

  /** This very moment the dispatcher has decided: nothing may be spent. */
  async #asked<T>(ref: TaskRef, route: RunRoute, claim: () => Promise<T>): Promise<T> {
    this.wrong.push(...mayBegin(this.ledger, ref, route, this.wall.now));
    const mine = { project: ref.project, route };
    this.ledger.asked.set(keyOf(ref), mine);
    try {
      return await claim();
    } finally {
      if (this.ledger.asked.get(keyOf(ref)) === mine) this.ledger.asked.delete(keyOf(ref));
    }
  }
}
