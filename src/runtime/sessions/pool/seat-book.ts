import type { ToldEvent } from '../../model/event.ts';
import { type Placed, waitsForWork } from '../../policy/seats.ts';
import type { PaneView } from '../../terminals.ts';
import type { Seat } from '../seats.ts';

export type SeatChange = Extract<ToldEvent, { type: 'session_changed' }>['what'];

export interface SeatBookParts {
  /** Told once for each change, whoever finds it first: tmux's news or a look. */
  readonly changed: (seat: string, what: SeatChange, detail?: string) => void;
  /** What ran in it has ended, or its pane is gone. */
  readonly ended: (seat: string, how: string) => void;
  /** An attempt's agent that ends is told by the attempt. */
  readonly isLive: (seat: string) => boolean;
}

/** What is known of each seat, and what was when tmux could be asked last: silence is no change. */
export class SeatBook {
  readonly #parts: SeatBookParts;
  readonly #now = new Map<string, Seat['presence']>();
  readonly #certain = new Map<string, Placed>();
  /** Lost without our doing: the next one is a second one. */
  readonly #lost = new Set<string>();

  constructor(parts: SeatBookParts) {
    this.#parts = parts;
  }

  names(): readonly string[] {
    return [...this.#now.keys()];
  }

  get(seat: string): Seat['presence'] {
    return this.#now.get(seat) ?? { kind: 'unknown', detail: 'it has not been looked at yet' };
  }

  pane(seat: string): PaneView | undefined {
    const at = this.#certain.get(seat);
    return at && 'pane' in at ? at.pane : undefined;
  }

  /** As a look or tmux's news say. */
  see(seat: string, at: Placed): void {
    const before = this.#certain.get(seat);
    this.#set(seat, at);
    const had = before && 'pane' in before ? before.pane : undefined;
    if (at.kind === 'dead') this.#died(seat, at.pane, had);
    else if (had && !('pane' in at)) this.#gone(seat);
    else if (at.kind === 'there' && before && !had) this.#appeared(seat, before);
    if (at.kind === 'foreign' && before?.kind !== 'foreign') this.#parts.changed(seat, 'foreign', at.detail);
  }

  /** tmux can't say what they are now. */
  lose(seats: Iterable<string>, detail: string): void {
    for (const seat of seats) this.#now.set(seat, { kind: 'unknown', detail });
  }

  /** We have made its session. */
  made(seat: string, pane: PaneView): void {
    this.#set(seat, { kind: 'there', pane });
    this.#parts.changed(seat, this.#lost.delete(seat) ? 'recreated' : 'created');
  }

  /** We have started something in its pane. */
  started(seat: string, pane: PaneView): void {
    this.#set(seat, { kind: 'there', pane });
    if (this.#lost.delete(seat)) this.#parts.changed(seat, 'recreated');
  }

  adopted(seat: string, pane: PaneView): void {
    this.#set(seat, { kind: pane.life.kind === 'dead' ? 'dead' : 'there', pane });
    this.#parts.changed(seat, 'adopted', pane.command === '' ? undefined : `it runs ${pane.command}`);
  }

  /** Facts of its pane are others now. */
  noted(seat: string, facts: PaneView['facts']): void {
    const at = this.#certain.get(seat);
    if (at && 'pane' in at) this.#set(seat, { ...at, pane: { ...at.pane, facts: { ...at.pane.facts, ...facts } } });
  }

  closed(seat: string, why: string): void {
    this.#set(seat, { kind: 'absent' });
    this.#lost.delete(seat);
    this.#parts.changed(seat, 'closed', why);
  }

  forget(seat: string): void {
    for (const known of [this.#now, this.#certain, this.#lost]) known.delete(seat);
  }

  #set(seat: string, at: Placed): void {
    this.#now.set(seat, at);
    this.#certain.set(seat, at);
  }

  #died(seat: string, pane: PaneView, had: PaneView | undefined): void {
    if (had?.life.kind === 'dead' && had.pid === pane.pid) return;
    const how = howItEnded(pane);
    if (!this.#parts.isLive(seat)) {
      this.#lost.add(seat);
      this.#parts.changed(seat, 'died', how);
    }
    this.#parts.ended(seat, how);
  }

  #gone(seat: string): void {
    const how = 'its pane is gone: somebody closed it, or the tmux server has ended';
    this.#lost.add(seat);
    this.#parts.changed(seat, 'closed', how);
    this.#parts.ended(seat, how);
  }

  /** What was asked of tmux and not confirmed has happened. */
  #appeared(seat: string, before: Placed): void {
    if (before.kind === 'foreign') this.#parts.changed(seat, 'adopted');
    else this.#parts.changed(seat, this.#lost.delete(seat) ? 'recreated' : 'created');
  }
}

function howItEnded(pane: PaneView): string {
  const { life } = pane;
  const what = waitsForWork(pane) ? 'the placeholder' : 'its program';
  if (life.kind !== 'dead') return `${what} has ended`;
  if (life.signal !== undefined) return `${what} was ended by signal ${life.signal}`;
  return `${what} has ended with status ${life.status ?? 0}${life.status === 126 ? ': its folder could not be entered' : ''}`;
}
