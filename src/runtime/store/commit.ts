import type { Event, JournalRecord } from '../model/event.ts';
import type { Cause } from '../model/task.ts';
import type { Change } from '../ports.ts';
import type { Place, State } from './state.ts';

/*
 * C1. A change is decided on the working state and applied to it at once, so that the next decision sees it.
 * C2. It is acknowledged, shown and acted upon only when its record is durable: then the committed state has it too.
 * C3. When the journal refuses a batch, the working state falls back to the committed one: nothing half-done remains.
 * C4. The same call decided again gets its first answer and changes nothing.
 * C5. An answer that rests on changes which the journal then refused is refused with them.
 */

/** The part of the journal that commits need. */
export interface Log {
  append(draft: Pick<JournalRecord, 'cause' | 'events' | 'reply'>): {
    record: JournalRecord;
    place: Place;
    durable: Promise<void>;
  };
}

export interface Decision<T> {
  readonly events: readonly Event[];
  readonly reply: T;
}

export type Committed = (record: JournalRecord, changes: readonly Change[]) => void;

/** Turns decisions into records and records into state. */
export class Commits {
  committed: State;
  #working: State;
  /** Of the newest change that was decided on the working state. */
  #newest: Promise<void> = Promise.resolve();
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
      await this.#newest; // C2, C5: the first answer may not be durable yet
      return repeated.reply as T; // C4
    }
    const { events, reply } = decide(this.#working);
    if (events.length === 0) {
      await this.#newest; // C5
      return reply;
    }
    const draft = { cause, events: [...events], ...(cause.call !== undefined && { reply }) };
    const { record, place, durable } = this.#log.append(draft);
    this.#working.apply(record, place); // C1
    const settled = durable.then(() => {
      const changes = this.committed.apply(record, place); // C2
      this.#onCommit(record, changes);
    });
    this.#newest = settled;
    await settled;
    return reply;
  }

  /** Called by the journal, before any promise rejects, when it has taken back what was not durable. */
  fallBack(): void {
    this.#working = this.committed.clone(); // C3
    this.#newest = Promise.resolve();
  }

  /** Settles when everything decided so far is durable, or refused. */
  async settled(): Promise<void> {
    await this.#newest.catch(() => undefined);
  }
}
