import type { Config } from '../../model/config.ts';
import type { Hold } from '../../model/hold.ts';
import { isRefusal } from '../../model/refusal.ts';
import { holdOfPlace } from '../../policy/held.ts';
import { type PoolStep, planPool } from '../../policy/pool.ts';
import { isAdopted, placeSeats, type WantedSeat, waitsForWork } from '../../policy/seats.ts';
import type { Clock } from '../../ports.ts';
import type { PaneView, Sweep, Tmux } from '../../terminals.ts';
import type { Acts } from './acts.ts';
import type { Cooling } from './cooling.ts';
import { isOutdated, type SeatActs, type Started } from './seat-acts.ts';
import type { SeatBook } from './seat-book.ts';
import type { SeatFolders } from './seat-folders.ts';
import type { SeatList } from './seat-list.ts';

/**
 * One round of the pool: a look at all panes, what follows from it, and the steps to it.
 *
 * R1. A seat to which something was done during the look is left to the next one.
 * R2. Whether a seat has a live attempt, or a person in it, is asked again at the moment of the act.
 */
export interface PoolRoundParts {
  readonly tmux: Tmux;
  readonly mark: string;
  readonly clock: Clock;
  readonly config: Pick<Config, 'pool'>;
  readonly live: () => ReadonlySet<string>;
  readonly inUse: (seat: string) => boolean;
  readonly holds?: () => readonly Hold[];
  readonly acts: Acts;
  readonly book: SeatBook;
  readonly list: SeatList;
  readonly seats: SeatActs;
  readonly cooling: Cooling;
  readonly folders: SeatFolders;
  /** The next round is to come soon. */
  readonly again: () => void;
  readonly isStopped: () => boolean;
}

const WHY = { idle: 'it was idle', removed: 'the configuration does not name it any more' } as const;

export class PoolRound {
  readonly #parts: PoolRoundParts;
  readonly #idleSince = new Map<string, number>();
  /** Given up by their attempt; what it left there shall go. */
  readonly #released = new Set<string>();

  constructor(parts: PoolRoundParts) {
    this.#parts = parts;
  }

  /** False where there is nothing to look after: tmux is left alone then. */
  async run(): Promise<boolean> {
    const { tmux, acts, book, list, folders, live } = this.#parts;
    const wanted = list.wanted();
    if (wanted.size === 0 && book.names().length === 0 && live().size === 0) return false;
    await folders.resolve(wanted.values());
    const isCurrent = acts.mark();
    const sweep = await tmux.sweep();
    if (isRefusal(sweep)) this.#blind(`${sweep.message}; ${sweep.hint}`);
    else await this.#reconcile(sweep, isCurrent);
    return true;
  }

  release(name: string): void {
    this.#released.add(name);
  }

  isReleased(name: string): boolean {
    return this.#released.has(name);
  }

  /** Another attempt has taken it. */
  taken(name: string): void {
    this.#released.delete(name);
  }

  /** What an attempt left in its seat goes, now or as soon as it can be reached. */
  async vacate(name: string): Promise<void> {
    const { book, seats } = this.#parts;
    if (!this.#released.has(name)) return; // a new attempt works there
    if (book.get(name).kind === 'unknown') await seats.look(name);
    const at = book.get(name);
    if (at.kind === 'unknown') return;
    if ('pane' in at && !isAdopted(at.pane) && !waitsForWork(at.pane)) await this.#rest(name, at.pane);
    else this.#released.delete(name);
  }

  #blind(detail: string): void {
    const { book, list, live } = this.#parts;
    for (const name of book.names()) {
      if (!list.wanted().has(name) && !book.pane(name) && !live().has(name)) this.#forget(name);
    }
    book.lose([...list.wanted().keys(), ...book.names()], detail);
  }

  async #reconcile({ panes }: Sweep, isCurrent: (seat: string) => boolean): Promise<void> {
    const { config, mark, live, inUse, book, list, cooling, acts } = this.#parts;
    const wanted = list.wanted();
    const placed = placeSeats([...wanted.keys(), ...live()], panes, mark);
    for (const [name, at] of placed) if (isCurrent(name)) book.see(name, at);
    for (const name of book.names()) if (!placed.has(name) && isCurrent(name)) this.#forget(name);
    const names = [...placed.keys()];
    const in_use = new Set(names.filter(inUse));
    const busy = new Set([...live(), ...names.filter((name) => !isCurrent(name))]); // R1
    const held = this.#held(wanted.values());
    const steps = planPool({
      ...{ wanted: [...wanted.values()], min: config.pool.autonomous.min, panes, mark, in_use },
      ...{ live: busy, held, cooling: cooling.all(), released: this.#released },
      idle_ms: this.#idle(names, (name) => !busy.has(name) && !in_use.has(name)),
      ...{ shrink_after: config.pool.shrink_after, linger: config.pool.linger },
    });
    for (const step of steps) {
      if (this.#parts.isStopped()) return;
      const name = step.kind === 'create' ? step.seat.name : step.name;
      await acts.run(name, () => this.#do(name, step));
    }
  }

  #held(wanted: Iterable<WantedSeat>): ReadonlySet<string> {
    const holds = this.#parts.holds?.() ?? [];
    const names = new Set<string>();
    for (const { name, agent } of wanted) if (holdOfPlace(holds, { id: name, program: agent })) names.add(name);
    return names;
  }

  #idle(names: readonly string[], isIdle: (name: string) => boolean): ReadonlyMap<string, number> {
    const now = this.#parts.clock.now();
    for (const name of names) {
      if (!isIdle(name)) this.#idleSince.delete(name);
      else if (!this.#idleSince.has(name)) this.#idleSince.set(name, now);
    }
    return new Map([...this.#idleSince].map(([name, since]) => [name, now - since]));
  }

  // R2
  async #do(name: string, step: PoolStep): Promise<void> {
    const { live, inUse, book, list, seats, folders } = this.#parts;
    if (live().has(name)) return;
    switch (step.kind) {
      case 'create': {
        if (book.get(name).kind !== 'absent') return;
        const cwd = await folders.existing(step.seat);
        return this.#after(name, await seats.create(name, cwd, list.facts(name, 'idle')));
      }
      case 'rest': {
        const isUsed = step.why === 'done' && !this.#released.has(name) && inUse(name);
        if (isUsed) return;
        // Its terminal is closed, and tmux has no status yet: nobody else would tell that it has ended.
        if (step.pane.life.kind === 'hung_up') book.see(name, { kind: 'dead', pane: step.pane });
        return this.#rest(name, step.pane);
      }
      case 'close':
        return inUse(name) && step.why !== 'double' ? undefined : this.#close(name, step);
    }
  }

  async #close(name: string, { pane, why }: Extract<PoolStep, { kind: 'close' }>): Promise<void> {
    const { tmux, book, again } = this.#parts;
    const closed = await tmux.kill(pane);
    if (closed === 'done' && why !== 'double') book.closed(name, WHY[why]);
    if (closed !== 'done' && !isRefusal(closed)) again();
  }

  async #rest(name: string, pane: PaneView): Promise<void> {
    const { list, seats, folders } = this.#parts;
    const cwd = await folders.existing(list.known(name));
    const rested = await seats.rest(name, pane, cwd, list.facts(name, 'idle'));
    if (!isRefusal(rested)) this.#released.delete(name);
    this.#after(name, rested);
  }

  /** What is refused for a reason of the seat's own would be refused at once again. */
  #after(name: string, started: Started): void {
    const { cooling, again } = this.#parts;
    if (!isRefusal(started)) {
      if ('unconfirmed' in started) again();
      else cooling.made(name);
    } else if (!isOutdated(started) && started.code !== 'unavailable' && started.code !== 'not_configured') {
      cooling.begin(name, started.message);
    }
  }

  #forget(name: string): void {
    this.#parts.book.forget(name);
    this.#parts.list.forget(name);
    this.#idleSince.delete(name);
    this.#released.delete(name);
  }
}
