import { basename } from 'node:path';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import { occupantOf, placeSeats } from '../../policy/seats.ts';
import type { Clock } from '../../ports.ts';
import type { PaneFacts, PaneProgram, PaneTarget, PaneView, Tmux, Unconfirmed } from '../../terminals.ts';
import type { SeatBook } from './seat-book.ts';

export type Started = PaneTarget | Refusal | Unconfirmed;

export interface SeatActsParts {
  readonly tmux: Tmux;
  readonly mark: string;
  readonly clock: Clock;
  readonly book: SeatBook;
}

/**
 * What is done to the session of one seat, and what is known of it then.
 *
 * A1. Whoever calls does one thing after the other to a seat (acts.ts).
 * A2. After what tmux has not confirmed the seat is unknown until a look has seen it: nothing is done twice.
 * A3. Only a refusal that says that the pane is another one now is answered by a new look and a second try.
 */
export class SeatActs {
  readonly #parts: SeatActsParts;

  constructor(parts: SeatActsParts) {
    this.#parts = parts;
  }

  /** Starts a program in a seat, wherever it is. */
  async start(seat: string, program: PaneProgram): Promise<Started> {
    if (this.#parts.book.get(seat).kind === 'unknown') await this.look(seat);
    const first = await this.#startOnce(seat, program);
    if (!isRefusal(first) || !isOutdated(first)) return first;
    await this.look(seat); // A3
    return this.#startOnce(seat, program);
  }

  /** One look for one seat. */
  async look(seat: string): Promise<void> {
    const { tmux, book, mark } = this.#parts;
    const sweep = await tmux.sweep();
    if (isRefusal(sweep)) book.lose([seat], sweep.message);
    else book.see(seat, placeSeats([seat], sweep.panes, mark).get(seat) ?? { kind: 'absent' });
  }

  async create(seat: string, cwd: string, facts: PaneFacts, program?: Omit<PaneProgram, 'facts'>): Promise<Started> {
    const { tmux, book } = this.#parts;
    const made = await tmux.create({ name: seat, cwd, facts, ...(program && { program }) });
    const target = this.#settle(seat, made);
    if (target) book.made(seat, running(this.#newPane(seat, target), target, facts, program?.argv));
    return made;
  }

  async respawn(seat: string, pane: PaneView, program: PaneProgram): Promise<Started> {
    const { tmux, book } = this.#parts;
    const started = await tmux.respawn(pane, program);
    const target = this.#settle(seat, started);
    if (target) book.started(seat, running(pane, target, program.facts, program.argv));
    return started;
  }

  /** The placeholder takes the place of what is there. */
  async rest(seat: string, pane: PaneView, cwd: string, facts: PaneFacts): Promise<Started> {
    const { tmux, book } = this.#parts;
    const rested = await tmux.rest(pane, { cwd, facts });
    const target = this.#settle(seat, rested);
    if (target) book.started(seat, running(pane, target, facts));
    return rested;
  }

  async #startOnce(seat: string, program: PaneProgram): Promise<Started> {
    const at = this.#parts.book.get(seat);
    switch (at.kind) {
      case 'unknown':
        return refuse('unavailable', `${seat} can't be reached: ${at.detail}`, 'it is tried again by itself');
      case 'foreign':
        return refuse('id_taken', `${seat} is not ours: ${at.detail}`, `yardmaster adopt ${seat} takes it over`);
      case 'absent':
        return this.create(seat, program.cwd, program.facts, program);
      case 'there':
      case 'dead': {
        const occupant = occupantOf(at.pane);
        if (occupant === undefined) return this.respawn(seat, at.pane, program);
        return refuse('busy', `${occupant} runs in ${seat}, started by a person; it goes on`, 'end it there');
      }
    }
  }

  // A2
  #settle(seat: string, answer: Started): PaneTarget | undefined {
    if (isRefusal(answer)) return undefined;
    if (!('unconfirmed' in answer)) return answer;
    this.#parts.book.lose([seat], `tmux has not confirmed what it was asked: ${answer.reason}`);
    return undefined;
  }

  #newPane(session: string, target: PaneTarget): PaneView {
    const { mark, clock } = this.#parts;
    const screen = { title: '', width: 200, height: 50, in_mode: false, attached: 0, active_at: clock.now() };
    return { session, ...target, life: { kind: 'live' }, command: '', ...screen, home: mark, facts: {} };
  }
}

/** A pane as it is after a program of ours was started in it. */
function running(
  pane: PaneView,
  target: PaneTarget,
  facts: PaneFacts,
  argv?: readonly [string, ...string[]],
): PaneView {
  return { ...pane, ...target, life: { kind: 'live' }, command: argv ? basename(argv[0]) : '', facts };
}

/** Another process or another pane is there now, or a session of this name after all. */
export function isOutdated({ code }: Refusal): boolean {
  return code === 'stale' || code === 'not_found' || code === 'id_taken';
}
