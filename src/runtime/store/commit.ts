import type { Event, JournalRecord } from '../model/event.ts';
import type { Cause } from '../model/task.ts';
import type { Change } from '../ports.ts';
import { type Place, State } from './state.ts';

/*
 * C1. A change is decided on the working state and applied to it at once, so that the next decision sees it.
 * C2. It is acknowledged, shown and acted upon only when its record is durable: then the committed state has it too.
 * C3. When the journal refuses a batch, the working state falls back to the committed one: nothing half-done remains.
 * C4. The same call decided again gets its first answer and changes nothing.
 */

/** The part of the journal that commits need. */
export interface Log {
  append(draft: Pick<JournalRecord, 'type' | 'cause' | 'events' | 'reply'>): { record: JournalRecord; durable: Promise<Place> };
}

export interface Decision<T> {
  readonly events: readonly Event[];
  readonly reply: T;
}

export type Committed = (record: JournalRecord, place: Place, changes: readonly Change[]) => void;

/** Turns decisions into records and records into state. */
export class Commits {
  committed: State;
  #working: State;
  #generation = 0;
  #newest: Promise<unknown> = Promise.resolve();
  readonly #log: Log;
  readonly #onCommit: Committed;

  constructor(log: Log, state: State, onCommit: Committed) {
    this.#log = log;
    this.committed = state;
    this.#working = state.clone();
    this.#onCommit = onCommit;
  }

  /** What the next decision will see. */
  get working(): State {
    return this.#working;
  }

  async commit<T>(cause: Cause, decide: (state: State) => Decision<T>): Promise<T> {
    const repeated = cause.call === undefined ? undefined : this.#working.replies.get(cause.call);
    if (repeated) {
      await this.#newest; // C2: the first answer may not be durable yet
      return repeated.reply as T; // C4
    }
    const { events, reply } = decide(this.#working);
    const first = events[0];
    if (first === undefined) {
      await this.#newest; // what the answer rests on must be durable
      return reply;
    }
    const draft = { type: first.type, cause, events: [...events], ...(cause.call !== undefined && { reply }) };
    const { record, durable } = this.#log.append(draft);
    this.#working.apply(record, { segment: '', seq: record.seq }); // C1
    this.#newest = this.#settle(record, durable);
    await this.#newest;
    return reply;
  }

  /** Settles when everything decided so far is durable. */
  async settled(): Promise<void> {
    await this.#newest;
  }

  async #settle(record: JournalRecord, durable: Promise<Place>): Promise<void> {
    const generation = this.#generation;
    let place: Place;
    try {
      place = await durable;
    } catch (error) {
      if (generation === this.#generation) {
        this.#generation += 1;
        this.#working = this.committed.clone(); // C3
        this.#newest = Promise.resolve();
      }
      throw error;
    }
    const changes = this.committed.apply(record, place); // C2
    this.#onCommit(record, place, changes);
  }
}
