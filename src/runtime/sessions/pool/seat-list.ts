import type { Config } from '../../model/config.ts';
import { isAdopted, type WantedSeat, wantedSeats } from '../../policy/seats.ts';
import type { PaneFacts } from '../../terminals.ts';
import type { Seat } from '../seats.ts';
import type { Cooling } from './cooling.ts';
import type { SeatBook } from './seat-book.ts';
import type { SeatFolders } from './seat-folders.ts';

interface SeatListParts {
  readonly config: Pick<Config, 'pool'>;
  readonly book: SeatBook;
  readonly cooling: Cooling;
  readonly folders: SeatFolders;
}

/** The seats as everybody sees them: those that the configuration wants, and those that it names no more but are there. */
export class SeatList {
  readonly #parts: SeatListParts;
  /** What seats were that the configuration names no more. */
  readonly #former = new Map<string, WantedSeat>();
  #current: { readonly pool: Config['pool']; readonly wanted: ReadonlyMap<string, WantedSeat> } | undefined;

  constructor(parts: SeatListParts) {
    this.#parts = parts;
  }

  /** It changes with the configuration alone. */
  wanted(): ReadonlyMap<string, WantedSeat> {
    const { pool } = this.#parts.config;
    if (this.#current?.pool !== pool) {
      for (const seat of this.#current?.wanted.values() ?? []) this.#former.set(seat.name, seat);
      this.#current = { pool, wanted: new Map(wantedSeats(pool).map((seat) => [seat.name, seat])) };
    }
    return this.#current.wanted;
  }

  all(): readonly Seat[] {
    const wanted = this.wanted();
    const former = this.#parts.book.names().filter((name) => !wanted.has(name));
    return [...wanted.keys(), ...former].map((name) => this.#seatOf(this.known(name)));
  }

  get(name: string): Seat | undefined {
    const isThere = this.wanted().has(name) || this.#parts.book.names().includes(name);
    return isThere ? this.#seatOf(this.known(name)) : undefined;
  }

  known(name: string): WantedSeat {
    const seat = this.wanted().get(name) ?? this.#former.get(name);
    return seat ?? { name, agent: 'claude', kind: 'autonomous' };
  }

  facts(name: string, state: 'idle' | 'working' | 'adopted'): PaneFacts {
    const { project } = this.known(name);
    return { name, state, ...(project !== undefined && { project }) };
  }

  forget(name: string): void {
    this.#former.delete(name);
  }

  #seatOf(seat: WantedSeat): Seat {
    const { book, cooling, folders } = this.#parts;
    const presence = book.get(seat.name);
    const rest = cooling.get(seat.name);
    const project = folders.projectOf(seat);
    return {
      ...{ name: seat.name, agent: seat.agent, cwd: folders.wanted(seat), presence },
      draining: !this.wanted().has(seat.name),
      kind: 'pane' in presence && isAdopted(presence.pane) ? 'adopted' : seat.kind,
      ...(project !== undefined && { project }),
      ...(rest && { cooling: rest }),
    };
  }
}
