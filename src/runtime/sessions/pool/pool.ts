import type { Config } from '../../model/config.ts';
import type { Project, ToldEvent } from '../../model/event.ts';
import type { Hold } from '../../model/hold.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import { occupantOf, placeSeats } from '../../policy/seats.ts';
import type { Clock, Files } from '../../ports.ts';
import type { PaneFacts, PaneProgram, PaneTarget, Tmux, TmuxNews, Unconfirmed } from '../../terminals.ts';
import type { Seat, SeatNews, Seats } from '../seats.ts';
import { Acts } from './acts.ts';
import { adoptee } from './adoption.ts';
import { Cooling } from './cooling.ts';
import { PoolRound } from './pool-round.ts';
import { Rounds } from './rounds.ts';
import { SeatActs } from './seat-acts.ts';
import { SeatBook, type SeatChange } from './seat-book.ts';
import { SeatFolders } from './seat-folders.ts';
import { SeatList } from './seat-list.ts';

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
  /** What keeps work from places now. */
  readonly holds?: () => readonly Hold[];
  readonly record: (event: ToldEvent) => void;
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
  readonly #list: SeatList;
  readonly #round: PoolRound;
  readonly #rounds: Rounds;
  readonly #listeners = new Set<(news: SeatNews) => void>();
  #server = { since: 0, endedAtOnce: false };
  #unsubscribe: () => void = () => {};
  #stopped = false;
  #announced = '';

  constructor(parts: PoolParts) {
    const { clock, config } = parts;
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
    const folders = new SeatFolders(parts);
    const known = { ...parts, folders, acts: this.#acts, book: this.#book, cooling: this.#cooling };
    this.#list = new SeatList(known);
    this.#seats = new SeatActs(known);
    this.#round = new PoolRound({
      ...{ ...known, list: this.#list, seats: this.#seats },
      again: () => this.look(),
      isStopped: () => this.#stopped,
    });
    this.#rounds = new Rounds({
      ...{ clock, report: parts.report },
      interval: () => config.lifecycle.interval,
      round: () => this.#look(),
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
    return this.#list.all();
  }

  get(name: string): Seat | undefined {
    return this.#list.get(name);
  }

  async take(name: string, program: PaneProgram): Promise<PaneTarget | Refusal | Unconfirmed> {
    return this.#alone(name, async () => {
      if (this.#stopped) return refuse('unavailable', 'the runtime is stopping', 'ask again when it has started');
      if (!this.#list.wanted().has(name)) {
        return refuse('not_found', `the configuration does not name ${name} any more`, 'another seat is chosen');
      }
      const facts = { ...this.#list.facts(name, 'working'), ...program.facts, name };
      const started = await this.#seats.start(name, { ...program, facts });
      if (!isRefusal(started)) this.#round.taken(name);
      return started;
    });
  }

  /** To be called before its place is given back: afterwards it may be another attempt's. */
  async vacate(name: string): Promise<void> {
    this.#round.release(name);
    if (this.#stopped) return;
    await this.#alone(name, () => this.#round.vacate(name));
    if (this.#round.isReleased(name) || !this.#list.wanted().has(name)) this.look();
  }

  async note(name: string, facts: PaneFacts): Promise<void> {
    if (this.#stopped) return;
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
    const refusal = await this.#alone(name, () => this.#adopt(name));
    return refusal ?? this.get(name) ?? this.#unknown(name);
  }

  subscribe(listener: (news: SeatNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** P1 */
  async #look(): Promise<void> {
    const looked = await this.#round.run();
    this.#announce();
    if (looked) this.#tell({ kind: 'look' });
  }

  async #adopt(name: string): Promise<Refusal | undefined> {
    const seat = this.#list.wanted().get(name);
    if (!seat) return this.#unknown(name);
    const { tmux, mark } = this.#parts;
    const sweep = await tmux.sweep();
    if (isRefusal(sweep)) return sweep;
    const at = placeSeats([name], sweep.panes, mark).get(name) ?? { kind: 'absent' };
    this.#book.see(name, at);
    const pane = adoptee(seat, at, sweep.panes);
    if (isRefusal(pane)) return pane;
    const facts = this.#list.facts(name, 'adopted');
    const adopted = await tmux.adopt(pane, facts);
    if (isRefusal(adopted)) return adopted;
    if (adopted === 'done') this.#book.adopted(name, { ...pane, home: mark, facts });
    else await this.#seats.look(name);
    return undefined;
  }

  #unknown(name: string): Refusal {
    const known = [...this.#list.wanted().keys()];
    const names = known.slice(0, 10).join(', ') + (known.length > 10 ? ' …' : '');
    const hint = `configured are ${names}; pool.dedicated in yardmaster.yaml names others`;
    const none = 'configure pool in yardmaster.yaml';
    return refuse('not_found', `${name} is not the name of a configured session`, known.length > 0 ? hint : none);
  }

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

  async #alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    try {
      return await this.#acts.run(name, act);
    } finally {
      this.#announce();
    }
  }
}

const AT_ONCE_MS = 1_000;
