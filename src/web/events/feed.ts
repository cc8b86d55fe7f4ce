import type { JournalRecord } from '../../runtime/model/event.ts';
import type { Yard } from '../../runtime/yard.ts';
import { type Delta, deltaOf } from './delta.ts';
import type { Reader } from './reader.ts';

/*
 * F1. What happened lately is kept once, for all readers, within `keptBytes`. Nothing is queued for a single reader:
 *     who falls behind reads on from the journal, at its own pace.
 * F2. Without readers nothing is kept and nothing is listened to.
 */

export interface FeedLimits {
  readonly keptBytes: number;
  readonly beatMs: number;
  /** A reader that takes nothing for so many beats is cut off; it comes back with the number of its last event. */
  readonly patience: number;
  readonly maxReaders: number;
}

export const FEED_LIMITS: FeedLimits = { keptBytes: 1_048_576, beatMs: 15_000, patience: 4, maxReaders: 64 };

/** The newest records, and whoever reads them as they come. */
export class Feed {
  readonly yard: Yard;
  readonly limits: FeedLimits;
  readonly #readers = new Set<Reader>();
  #kept: Delta[] = [];
  #bytes = 0;
  #news: NodeJS.Immediate | undefined;
  #unfollow: (() => void) | undefined;
  #beat: NodeJS.Timeout | undefined;

  constructor(yard: Yard, limits: FeedLimits = FEED_LIMITS) {
    this.yard = yard;
    this.limits = limits;
  }

  get readers(): number {
    return this.#readers.size;
  }

  join(reader: Reader): void {
    this.#readers.add(reader);
    this.#unfollow ??= this.yard.follow((record) => this.#take(record));
    this.#beat ??= setInterval(() => {
      for (const one of this.#readers) one.beat();
    }, this.limits.beatMs);
  }

  leave(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#unfollow?.(); // F2
    this.#unfollow = undefined;
    clearInterval(this.#beat);
    this.#beat = undefined;
    this.#forget();
  }

  /** What comes after a number; `behind`: not all of it is kept here, the journal has it. */
  after(seq: number): readonly Delta[] | 'behind' {
    if (seq >= this.yard.span().newest) return [];
    const first = this.#kept[0]?.seq;
    return first === undefined || first > seq + 1 ? 'behind' : this.#kept.slice(seq + 1 - first);
  }

  #take(record: JournalRecord): void {
    const last = this.#kept.at(-1)?.seq;
    if (last !== undefined && record.seq !== last + 1) this.#forget(); // `after` counts on it
    const delta = deltaOf(record, (id) => this.yard.projectName(id));
    this.#kept.push(delta);
    this.#bytes += delta.size;
    if (this.#bytes > this.limits.keptBytes) this.#shrink();
    this.#news ??= setImmediate(() => {
      this.#news = undefined;
      for (const reader of this.#readers) reader.news();
    });
  }

  /** To half, so that it is not done at each record. */
  #shrink(): void {
    let drop = 0;
    for (; this.#bytes > this.limits.keptBytes / 2 && drop < this.#kept.length; drop++)
      this.#bytes -= this.#kept[drop]?.size ?? 0;
    this.#kept.splice(0, drop); // F1
  }

  #forget(): void {
    this.#kept = [];
    this.#bytes = 0;
  }
}
