import type { JournalRecord } from '../model/event.ts';
import type { Gap } from '../model/sink.ts';
import type { SinkEvent, Wanted } from './event.ts';

/*
 * What a webhook is still to be told.
 *
 * T1. Little of it is in memory: a bounded queue. What does not fit stays where it is, in the journal, and is read from
 *     there when there is room, by one reader that goes on where it was.
 * T2. `behind` is exact: each event that matches is counted when it comes, and taken off when it is told or given up.
 * T3. While it keeps up, the journal is not read at all.
 */

export interface TailPorts {
  /** Kept records from a number on, oldest first. */
  readonly records: (from: number) => AsyncIterable<JournalRecord>;
  readonly eventsOf: (record: JournalRecord) => readonly SinkEvent[];
}

const QUEUE_EVENTS = 1_000;
const QUEUE_BYTES = 1_048_576;

export interface Queued {
  readonly event: SinkEvent;
  /** Nothing of its record comes after it. */
  readonly last: boolean;
}

export class Tail {
  readonly #ports: TailPorts;
  readonly #wanted: Wanted;
  #queue: Queued[] = [];
  #bytes = 0;
  #place: { seq: number; part: number };
  /** Up to here records are told, queued, or not wanted. */
  #seen: number;
  #known: number;
  /** What came after this record was counted when it came. */
  readonly #begun: number;
  #behind = 0;
  #reader: { readonly records: AsyncIterator<JournalRecord>; readonly from: number } | undefined;

  constructor(ports: TailPorts, wanted: Wanted, place: { seq: number; part: number }, known: number) {
    this.#ports = ports;
    this.#wanted = wanted;
    this.#place = { seq: place.seq, part: place.part };
    this.#seen = place.seq;
    this.#known = known;
    this.#begun = known;
  }

  get behind(): number {
    return this.#behind;
  }

  get queue(): readonly Queued[] {
    return this.#queue;
  }

  /** All records up to `seq` are dealt with, and the first `part` events of the next one. */
  get place(): { readonly seq: number; readonly part: number } {
    return this.#queue.length === 0 && this.#seen > this.#place.seq ? { seq: this.#seen, part: 0 } : this.#place;
  }

  /** A new record: queued where nothing waits in the journal before it. */
  take(seq: number, events: readonly SinkEvent[]): void {
    const wanted = events.filter(this.#wanted);
    const next = this.#reader === undefined && this.#seen === seq - 1 && (wanted.length === 0 || this.#hasRoom);
    this.#known = seq;
    this.#behind += wanted.length;
    if (next) this.#add(seq, wanted);
  }

  /** Counts what was there before anybody listened (T2), and finds the last gap that was recorded for this sink. */
  async measure(sink: string): Promise<Gap | undefined> {
    let found: Gap | undefined;
    let count = 0;
    for await (const record of this.#ports.records(this.#seen + 1)) {
      if (record.seq > this.#begun) break;
      for (const event of record.events)
        if (event.type === 'sink_gap' && event.sink === sink && event.to > this.#seen) found = event;
      count += this.#wantedIn(record).length;
    }
    if (found === undefined) this.#behind += count;
    return found;
  }

  /** Goes on behind a gap; only before anything was read. */
  moveTo(seq: number): void {
    this.#place = { seq, part: 0 };
    this.#seen = seq;
  }

  /** Reads on in the journal as far as there is room; answers with what is not kept there any more. */
  async fill(): Promise<Gap | undefined> {
    while (this.#seen < this.#known && this.#hasRoom) {
      const record = await this.#next();
      if (record !== undefined && record.seq === this.#seen + 1) {
        this.#add(record.seq, this.#wantedIn(record));
        continue;
      }
      const from = this.#reader?.from ?? this.#seen;
      await this.close();
      if (record === undefined && this.#seen > from) continue; // what came meanwhile is for another reader
      if (this.#queue.length > 0) return undefined; // in order: first what comes before the hole
      return this.#hole(record === undefined ? this.#known : record.seq - 1);
    }
    if (this.#seen >= this.#known) await this.close();
    return undefined;
  }

  /** Everything up to now, unread: it can't be read. */
  giveUp(why: string): Gap {
    const gap = { from: this.place.seq + 1, to: this.#known, count: this.#behind, why };
    this.#queue = [];
    this.#bytes = 0;
    this.#behind = 0;
    this.moveTo(this.#known);
    return gap;
  }

  /** The first so many are told, or given up. */
  drop(count: number): void {
    const gone = this.#queue.splice(0, count);
    for (const { event } of gone) this.#bytes -= event.text().length;
    const end = gone.at(-1);
    if (end)
      this.#place = end.last ? { seq: end.event.seq, part: 0 } : { seq: end.event.seq - 1, part: end.event.part + 1 };
    this.#behind -= gone.length;
  }

  async close(): Promise<void> {
    const reader = this.#reader;
    this.#reader = undefined;
    await reader?.records.return?.(undefined);
  }

  get #hasRoom(): boolean {
    return this.#queue.length < QUEUE_EVENTS && this.#bytes < QUEUE_BYTES; // T1
  }

  #add(seq: number, wanted: readonly SinkEvent[]): void {
    this.#seen = seq;
    for (const [at, event] of wanted.entries()) {
      this.#queue.push({ event, last: at === wanted.length - 1 });
      this.#bytes += event.text().length;
    }
  }

  /** Nothing beyond what `take` has heard of: that is counted there. */
  async #next(): Promise<JournalRecord | undefined> {
    this.#reader ??= { records: this.#ports.records(this.#seen + 1)[Symbol.asyncIterator](), from: this.#seen };
    try {
      const { done, value } = await this.#reader.records.next();
      return done || value.seq > this.#known ? undefined : value;
    } catch (error) {
      this.#reader = undefined; // another look begins anew
      throw error;
    }
  }

  async #hole(to: number): Promise<Gap> {
    const from = this.#seen + 1;
    const behind = this.#behind;
    const left = to < this.#known ? await this.#count(to + 1, this.#known) : 0;
    const count = behind - left;
    this.#behind -= count;
    this.moveTo(to);
    return { from, to, count, why: 'the journal does not keep them any more' };
  }

  async #count(from: number, to: number): Promise<number> {
    let count = 0;
    for await (const record of this.#ports.records(from)) {
      if (record.seq > to) break;
      count += this.#wantedIn(record).length;
    }
    return count;
  }

  #wantedIn(record: JournalRecord): SinkEvent[] {
    const { seq, part } = this.#place;
    const events = this.#ports.eventsOf(record).filter(this.#wanted);
    return record.seq === seq + 1 ? events.filter((event) => event.part >= part) : events;
  }
}
