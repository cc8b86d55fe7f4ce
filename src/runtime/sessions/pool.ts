import type { Config } from '../model/config.ts';
import type { Project, SessionEvent } from '../model/event.ts';
import { isRefusal, type Refusal, refuse } from '../model/refusal.ts';
import { type PoolStep, planPool } from '../policy/pool.ts';
import { isAdopted, occupantOf, placeSeats, type WantedSeat, waitsForWork, wantedSeats } from '../policy/seats.ts';
import type { Clock, Files } from '../ports.ts';
import type { PaneFacts, PaneProgram, PaneTarget, PaneView, Sweep, Tmux, TmuxNews, Unconfirmed } from '../terminals.ts';
import { Acts } from './acts.ts';
import { adoptee } from './adoption.ts';
import { Cooling } from './cooling.ts';
import { Rounds } from './rounds.ts';
import { isOutdated, SeatActs, type Started } from './seat-acts.ts';
import { SeatBook, type SeatChange } from './seat-book.ts';
import { SeatFolders } from './seat-folders.ts';
import type { Seat, SeatNews, Seats } from './seats.ts';

/**
 * The sessions in which agents work: made, kept alive and closed as the configuration wants it.
 *
 * P1. A look at all panes is the truth, tmux's news only make somebody look; what policy/pool.ts says after it is done.
 * P2. A seat with a live attempt is the attempt's: the pool looks on.
 * P3. One thing after the other is done to a seat, and each act is bound to the process that was seen.
 * P4. While tmux can't be asked nothing is known and nothing is done; everything else works.
 * P5. After `stop()` there is no timer and no act under way; sessions go on.
 */
export interface PoolParts {
  readonly tmux: Tmux;
  /** What tmux marks panes of this home with. */
  readonly mark: string;
  readonly clock: Clock;
  readonly files: Pick<Files, 'stat'>;
  readonly userHome: string;
  /** The live configuration. */
  readonly config: Pick<Config, 'pool' | 'projects' | 'dispatcher' | 'lifecycle'>;
  readonly projects: () => readonly Project[];
  /** The path with every link resolved; undefined where nothing is. */
  readonly real: (path: string) => Promise<string | undefined>;
  /** Seats with a live attempt, claims under way included. */
  readonly live: () => ReadonlySet<string>;
  /** A person uses the agent that an attempt left in it. */
  readonly inUse: (seat: string) => boolean;
  readonly record: (event: SessionEvent) => void;
  /** Other seats are of use now: the fleet is another one. */
  readonly changed: () => void;
  /** Something that should not have happened; the pool goes on. */
  readonly report: (problem: unknown) => void;
}

export class Pool implements Seats {
  readonly #parts: PoolParts;
  readonly #acts = new Acts();
  readonly #book: SeatBook;
  readonly #seats: SeatActs;
  readonly #cooling: Cooling;
  readonly #folders: SeatFolders;
  readonly #rounds: Rounds;
  readonly #listeners = new Set<(news: SeatNews) => void>();
  readonly #idleSince = new Map<string, number>();
  /** Given up by their attempt; what it left there shall go. */
  readonly #released = new Set<string>();
  /** What seats were that the configuration names no more. */
  readonly #former = new Map<string, WantedSeat>();
  #config: { readonly pool: Config['pool']; readonly wanted: ReadonlyMap<string, WantedSeat> } | undefined;
  #server = { since: 0, endedAtOnce: false };
  #unsubscribe: () => void = () => {};
  #stopped = false;
  #announced = '';

  constructor(parts: PoolParts) {
    const { clock, config, tmux, mark } = parts;
    this.#parts = parts;
    this.#book = new SeatBook({
      changed: (seat, what, detail) => this.#record(seat, what, detail),
      ended: (seat, how) => this.#ended(seat, how),
      isLive: (seat) => parts.live().has(seat),
    });
    this.#cooling = new Cooling({
      clock,
      cooldown: () => config.dispatcher.cooldown,
      begun: (seat, reason) => this.#record(seat, 'cooling', reason),
      over: () => this.look(),
    });
    this.#seats = new SeatActs({ tmux, mark, clock, book: this.#book });
    this.#folders = new SeatFolders(parts);
    this.#rounds = new Rounds({
      ...{ clock, report: parts.report },
      interval: () => config.lifecycle.interval,
      round: () => this.#round(),
    });
  }

  /** Settles when the pool has been looked at and made. */
  async start(): Promise<void> {
    this.#unsubscribe = this.#parts.tmux.subscribe((news) => this.#hear(news));
    await this.#rounds.start();
  }

  /** Something may have changed: an attempt is over, a person has left an agent. */
  look(): void {
    this.#rounds.hint();
  }

  /** The configuration is another one. */
  configured(): void {
    this.#cooling.forgive();
    this.look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cooling.stop();
    await this.#rounds.stop();
    await this.#acts.settled();
    this.#listeners.clear();
  }

  all(): readonly Seat[] {
    const wanted = this.#wanted();
    const former = this.#book.names().filter((name) => !wanted.has(name));
    return [...wanted.values()]
      .map((seat) => this.#seatOf(seat, false))
      .concat(former.map((name) => this.#formerSeat(name)));
  }

  get(name: string): Seat | undefined {
    const wanted = this.#wanted().get(name);
    if (wanted) return this.#seatOf(wanted, false);
    return this.#book.names().includes(name) ? this.#formerSeat(name) : undefined;
  }

  async take(name: string, program: PaneProgram): Promise<PaneTarget | Refusal | Unconfirmed> {
    return this.#alone(name, async () => {
      const seat = this.#wanted().get(name);
      if (this.#stopped) return refuse('unavailable', 'the runtime is stopping', 'ask again when it has started');
      if (!seat) return refuse('not_found', `${name} is no seat of the pool any more`, 'another one is chosen');
      this.#released.delete(name);
      const facts = { ...this.#factsOf(seat, 'working'), ...program.facts, name };
      return this.#seats.start(name, { ...program, facts });
    });
  }

  /** To be called before its place is given back: afterwards it may be another attempt's. */
  async vacate(name: string): Promise<void> {
    this.#released.add(name);
    await this.#alone(name, () => this.#vacate(name));
    if (this.#released.has(name) || !this.#wanted().has(name)) this.look();
  }

  async note(name: string, facts: PaneFacts): Promise<void> {
    await this.#alone(name, async () => {
      const pane = this.#book.pane(name);
      const { name: _, ...others } = facts; // the seat is known by its name
      if (pane && (await this.#parts.tmux.note(pane, others)) === 'done') this.#book.noted(name, others);
    });
  }

  cool(name: string, reason: string): void {
    if (this.#stopped) return;
    this.#cooling.begin(name, reason);
    this.#announce();
  }

  /** Takes a session that is not ours and bears the name of a seat (adoption.ts). */
  async adopt(name: string): Promise<Seat | Refusal> {
    return this.#alone(name, async () => {
      const seat = this.#wanted().get(name);
      if (!seat) return unknownSeat(name, [...this.#wanted().keys()]);
      const { tmux, mark } = this.#parts;
      const sweep = await tmux.sweep();
      if (isRefusal(sweep)) return sweep;
      const at = placeSeats([name], sweep.panes, mark).get(name) ?? { kind: 'absent' };
      this.#book.see(name, at);
      const pane = adoptee(seat, at, sweep.panes);
      if (isRefusal(pane)) return pane;
      const facts = this.#factsOf(seat, 'adopted');
      const adopted = await tmux.adopt(pane, facts);
      if (adopted === 'done') this.#book.adopted(name, { ...pane, home: mark, facts });
      else if (isRefusal(adopted)) return adopted;
      else await this.#seats.look(name);
      return this.#seatOf(seat, false);
    });
  }

  subscribe(listener: (news: SeatNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // ── looking ─────────────────────────────────────────────────────────────

  /** P1 */
  async #round(): Promise<void> {
    const wanted = this.#wanted();
    if (wanted.size === 0 && this.#book.names().length === 0 && this.#parts.live().size === 0) return;
    for (const seat of wanted.values()) this.#former.set(seat.name, seat);
    await this.#folders.resolve(wanted.values());
    const isCurrent = this.#acts.mark();
    const sweep = await this.#parts.tmux.sweep();
    if (isRefusal(sweep))
      this.#book.lose([...wanted.keys(), ...this.#book.names()], `${sweep.message}; ${sweep.hint}`); // P4
    else await this.#reconcile(wanted, sweep, isCurrent);
    this.#announce();
    this.#tell({ kind: 'look' });
  }

  async #reconcile(
    wanted: ReadonlyMap<string, WantedSeat>,
    { panes }: Sweep,
    isCurrent: (seat: string) => boolean,
  ): Promise<void> {
    const { config, mark, live, inUse } = this.#parts;
    const placed = placeSeats([...wanted.keys(), ...live()], panes, mark);
    for (const [name, at] of placed) if (isCurrent(name)) this.#book.see(name, at);
    for (const name of this.#book.names()) if (!placed.has(name)) this.#forget(name);
    const names = [...placed.keys()];
    const in_use = new Set(names.filter(inUse));
    const busy = new Set([...live(), ...names.filter((name) => !isCurrent(name))]); // P2
    const steps = planPool({
      ...{ wanted: [...wanted.values()], min: config.pool.autonomous.min, panes, mark, in_use },
      ...{ live: busy, cooling: this.#cooling.all(), released: this.#released },
      idle_ms: this.#idle(placed.keys(), (name) => !busy.has(name) && !in_use.has(name)),
      ...{ shrink_after: config.pool.shrink_after, linger: config.pool.linger },
    });
    for (const step of steps) {
      if (this.#stopped) return;
      const name = step.kind === 'create' ? step.seat.name : step.name;
      await this.#alone(name, () => this.#do(name, step));
    }
  }

  #idle(names: Iterable<string>, isIdle: (name: string) => boolean): ReadonlyMap<string, number> {
    const now = this.#parts.clock.now();
    for (const name of names) {
      if (!isIdle(name)) this.#idleSince.delete(name);
      else if (!this.#idleSince.has(name)) this.#idleSince.set(name, now);
    }
    return new Map([...this.#idleSince].map(([name, since]) => [name, now - since]));
  }

  async #do(name: string, step: PoolStep): Promise<void> {
    if (this.#parts.live().has(name)) return; // P2: claimed since the look
    switch (step.kind) {
      case 'create': {
        if (this.#book.get(name).kind !== 'absent') return;
        const made = await this.#seats.create(name, await this.#folders.existing(step.seat), this.#factsOf(step.seat));
        return this.#after(name, made);
      }
      case 'rest':
        return this.#rest(name, step.pane);
      case 'close': {
        if (step.why !== 'double' && this.#parts.inUse(name)) return;
        const closed = await this.#parts.tmux.kill(step.pane);
        if (closed === 'done' && step.why !== 'double') this.#book.closed(name, WHY[step.why]);
        if (typeof closed === 'object' && 'unconfirmed' in closed) this.look();
        return;
      }
    }
  }

  async #vacate(name: string): Promise<void> {
    if (!this.#released.has(name)) return; // a new attempt works there
    if (this.#book.get(name).kind === 'unknown') await this.#seats.look(name);
    const at = this.#book.get(name);
    if (at.kind === 'unknown') return; // a later look does it
    if ('pane' in at && !isAdopted(at.pane) && !waitsForWork(at.pane)) await this.#rest(name, at.pane);
    else this.#released.delete(name);
  }

  async #rest(name: string, pane: PaneView): Promise<void> {
    const seat = this.#wanted().get(name) ?? this.#formerOf(name);
    const rested = await this.#seats.rest(name, pane, await this.#folders.existing(seat), this.#factsOf(seat));
    if (!isRefusal(rested)) this.#released.delete(name);
    this.#after(name, rested);
  }

  #after(name: string, started: Started): void {
    if (!isRefusal(started)) {
      if ('unconfirmed' in started) this.look();
      else this.#cooling.made(name);
    } else if (!isOutdated(started) && started.code !== 'unavailable' && started.code !== 'not_configured') {
      this.cool(name, started.message);
    }
  }

  // ── hearing ─────────────────────────────────────────────────────────────

  #hear(news: TmuxNews): void {
    switch (news.kind) {
      case 'connected':
        this.#server = { since: this.#parts.clock.now(), endedAtOnce: false };
        break;
      case 'lost':
        if (news.gone) this.#serverEnded();
        else this.#book.lose(this.#book.names(), news.reason); // P4
        break;
      case 'died':
      case 'closed':
        this.#see(news);
        break;
      case 'renamed':
        break;
    }
    this.#announce();
    if (!this.#server.endedAtOnce) this.look();
  }

  /** A server that ends as soon as it begins is started again in its time, not over and over. */
  #serverEnded(): void {
    this.#cooling.serverIsAnother();
    this.#server.endedAtOnce = this.#parts.clock.now() - this.#server.since < AT_ONCE_MS;
  }

  /** Known at once, unless something is being done to it: then the next look says what came of it. */
  #see({ kind, pane }: Extract<TmuxNews, { kind: 'died' | 'closed' }>): void {
    const { name } = pane.facts;
    const known = name === undefined ? undefined : this.#book.pane(name);
    if (name === undefined || known?.pane !== pane.pane || this.#acts.isBusy(name)) return;
    if (kind === 'closed') this.#book.see(name, { kind: 'absent' });
    else if (known.pid === pane.pid) this.#book.see(name, { kind: 'dead', pane });
  }

  #ended(seat: string, how: string): void {
    if (!this.#parts.live().has(seat)) this.#cooling.ended(seat, how);
    this.#tell({ kind: 'ended', seat });
  }

  #tell(news: SeatNews): void {
    for (const listener of this.#listeners) listener(news);
  }

  #record(session: string, what: SeatChange, detail?: string): void {
    this.#parts.record({ type: 'session_changed', session, what, ...(detail !== undefined && { detail }) });
  }

  /** The dispatcher looks again when seats came, went, or may be used again. */
  #announce(): void {
    const state = JSON.stringify(
      this.all().map(({ name, presence, cooling, draining }) => [
        ...[name, presence.kind, cooling?.until, draining],
        'pane' in presence ? occupantOf(presence.pane) : undefined,
      ]),
    );
    if (state === this.#announced) return;
    this.#announced = state;
    this.#parts.changed();
  }

  // ── seats ───────────────────────────────────────────────────────────────

  #wanted(): ReadonlyMap<string, WantedSeat> {
    const { pool } = this.#parts.config;
    if (this.#config?.pool !== pool) {
      this.#config = { pool, wanted: new Map(wantedSeats(pool).map((seat) => [seat.name, seat])) };
    }
    return this.#config.wanted;
  }

  #seatOf(seat: WantedSeat, draining: boolean): Seat {
    const presence = this.#book.get(seat.name);
    const cooling = this.#cooling.get(seat.name);
    const project = this.#folders.projectOf(seat);
    return {
      ...{ name: seat.name, agent: seat.agent, cwd: this.#folders.wanted(seat), presence, draining },
      kind: 'pane' in presence && isAdopted(presence.pane) ? 'adopted' : seat.kind,
      ...(project !== undefined && { project }),
      ...(cooling && { cooling }),
    };
  }

  #formerSeat(name: string): Seat {
    return this.#seatOf(this.#formerOf(name), true);
  }

  #formerOf(name: string): WantedSeat {
    return this.#former.get(name) ?? { name, agent: 'claude', kind: 'autonomous' };
  }

  #forget(name: string): void {
    this.#book.forget(name);
    this.#former.delete(name);
    this.#idleSince.delete(name);
    this.#released.delete(name);
  }

  #factsOf({ name, project }: WantedSeat, state: 'idle' | 'working' | 'adopted' = 'idle'): PaneFacts {
    return { name, state, ...(project !== undefined && { project }) };
  }

  async #alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    try {
      return await this.#acts.run(name, act);
    } finally {
      this.#announce();
    }
  }
}

const AT_ONCE_MS = 1_000;
const WHY = { idle: 'it was idle', removed: 'the configuration does not name it any more' } as const;

function unknownSeat(name: string, known: readonly string[]): Refusal {
  const names = known.slice(0, 10).join(', ') + (known.length > 10 ? ' …' : '');
  return refuse(
    'not_found',
    `${name} is not the name of a configured session`,
    known.length > 0 ? `configured are ${names}; pool.dedicated names others` : 'configure pool in yardmaster.yaml',
  );
}
