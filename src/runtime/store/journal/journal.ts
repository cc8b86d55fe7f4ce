import { join } from 'node:path';
import type { JournalRecord } from '../../model/event.ts';
import type { BodyRef } from '../../model/task.ts';
import type { AppendFile, Clock, Files } from '../../ports.ts';
import { JournalClosed, type JournalWriteError, writeError } from './errors.ts';
import { batchBytes, LINE_OVERHEAD, recordText } from './record-line.ts';
import { type Replayed, readRecordAt, replayRecords } from './replay.ts';
import { headerLine, JOURNAL_FORMAT, segmentName } from './segment.ts';

/*
 * 1. A change is durable when its promise settles: its bytes were synced, and its segment's name was before that.
 * 2. Promises settle in the order of the sequence numbers.
 * 3. A batch is written only after the one before it was synced; so only the newest batch can be torn.
 * 4. A failed write leaves no trace: the file is cut back, synced, and every number that was not durable is free again.
 * 5. After a failed sync nothing is written any more: what is on disk is unknown until the journal is opened again.
 */

const BATCH_BYTES = 4 * 1024 * 1024; // bounds the time until the first of a batch is acknowledged

export type Draft = Omit<JournalRecord, 'seq' | 'at' | 'type'>;

export interface Appended {
  readonly record: JournalRecord;
  readonly place: BodyRef;
  /** Settles after the record is on disk, in order; rejects with a JournalWriteError or JournalClosed. */
  readonly durable: Promise<void>;
}

export interface JournalOptions {
  readonly files: Files;
  readonly dir: string;
  readonly clock: Clock;
  readonly epoch: string;
  readonly bootId: string;
  readonly segmentBytes: number;
  /** Called at once when everything after `lastSeq` is taken back, before any of its promises reject. */
  readonly onRollback?: (error: JournalWriteError, lastSeq: number) => void;
  /** Called once, when only opening the journal again can tell what it holds. */
  readonly onFatal?: (error: unknown) => void;
}

interface Entry {
  readonly record: JournalRecord;
  readonly place: BodyRef;
  readonly text: Uint8Array;
  readonly settle: () => void;
  readonly fail: (error: Error) => void;
}

/** The open end of the journal. `openJournal` makes one. */
export class Journal {
  private readonly options: JournalOptions;
  private readonly names: string[];
  private file: AppendFile;
  private durableSeq: number;
  private queue: Entry[] = [];
  private writing: Entry[] = [];
  /** Where the next record goes, and after how many bytes; ahead of the file by what is queued. */
  private next: { seq: number; segment: string; size: number; empty: boolean };
  private closed: JournalClosed | undefined;
  private committing: Promise<void> | undefined;

  constructor(options: JournalOptions, names: readonly string[], file: AppendFile, lastSeq: number) {
    this.options = options;
    this.names = [...names];
    this.file = file;
    this.durableSeq = lastSeq;
    this.next = this.nextOnDisk();
  }

  get epoch(): string {
    return this.options.epoch;
  }

  /** Of the last durable record. */
  get lastSeq(): number {
    return this.durableSeq;
  }

  /** Numbers the change at once; it is written with all others that wait for the disk. Throws when closed. */
  append(draft: Draft): Appended {
    if (this.closed) throw this.closed;
    const type = draft.events[0]?.type;
    if (type === undefined) throw new Error('a journal record needs an event');
    const record: JournalRecord = { seq: this.next.seq, at: this.options.clock.now(), type, ...draft };
    const text = recordText(record);
    const place = this.takePlace(text.length + LINE_OVERHEAD);
    const { promise, settle, fail } = deferred();
    this.queue.push({ record, place, text, settle, fail });
    this.committing ??= Promise.resolve().then(() => this.commitAll());
    return { record, place, durable: promise };
  }

  /** Durable records from a number on, oldest first. */
  replay(fromSeq = 1): AsyncGenerator<Replayed> {
    return replayRecords(this.options.files, this.options.dir, this.segments(), fromSeq, this.durableSeq);
  }

  async readRecord(place: BodyRef): Promise<JournalRecord | undefined> {
    const waits = (entry: Entry) => entry.place.segment === place.segment && entry.place.offset === place.offset;
    const waiting = this.writing.find(waits) ?? this.queue.find(waits);
    return waiting?.record ?? readRecordAt(this.options.files, this.options.dir, place);
  }

  /** Names of the segments, oldest first; the last one is being written. */
  segments(): readonly string[] {
    return [...this.names];
  }

  /** Removes the segments up to and with this one, oldest first; never the one that is being written. */
  async drop(upTo: string): Promise<void> {
    while (this.names.length > 1 && this.names[0]! <= upTo) {
      await this.options.files.remove(join(this.options.dir, this.names[0]!));
      await this.options.files.syncDir(this.options.dir);
      this.names.shift();
    }
  }

  /** Writes what waits, then closes; again and again if you like. */
  async close(): Promise<void> {
    if (this.closed) return this.committing;
    this.closed = new JournalClosed('it was closed');
    await this.committing;
    await this.file.close();
  }

  private get current(): string {
    return this.names.at(-1)!;
  }

  private takePlace(length: number): BodyRef {
    const { seq, segment, size, empty } = this.next;
    const fits = empty || size + length + 1 <= this.options.segmentBytes;
    const place = fits
      ? { segment, offset: size, length }
      : { segment: segmentName(seq), offset: this.header(seq).length, length };
    this.next = { seq: seq + 1, segment: place.segment, size: place.offset + length + 1, empty: false };
    return place;
  }

  private nextOnDisk(): { seq: number; segment: string; size: number; empty: boolean } {
    const { size } = this.file;
    const seq = this.durableSeq + 1;
    return { seq, segment: this.current, size, empty: size <= this.header(seq).length };
  }

  private header(first: number): Buffer {
    const { epoch, bootId } = this.options;
    return headerLine({ format: JOURNAL_FORMAT, epoch, boot: bootId, first });
  }

  private async commitAll(): Promise<void> {
    while (this.queue.length > 0) {
      this.writing = this.takeBatch();
      try {
        await this.commit(this.writing);
      } catch (error) {
        this.fatal(error);
      }
      this.writing = [];
    }
    this.committing = undefined;
  }

  /** The queue's head: of one segment, and not too long. */
  private takeBatch(): Entry[] {
    const segment = this.queue[0]!.place.segment;
    let bytes = 0;
    const end = this.queue.findIndex((entry, i) => {
      bytes += entry.place.length + 1;
      return entry.place.segment !== segment || (i > 0 && bytes > BATCH_BYTES);
    });
    return this.queue.splice(0, end < 0 ? this.queue.length : end);
  }

  /** Throws only what is fatal. */
  private async commit(batch: readonly Entry[]): Promise<void> {
    const { record, place } = batch[0]!;
    try {
      if (place.segment !== this.current) await this.rotate(record.seq);
    } catch (error) {
      await this.options.files.remove(join(this.options.dir, place.segment)); // (4); a failure here is fatal
      return this.rollBack(writeError(error));
    }
    const size = this.file.size;
    try {
      await this.file.write(
        batchBytes(
          batch.map((entry) => entry.text),
          record.seq,
        ),
      );
    } catch (error) {
      await this.file.truncate(size); // (4); a failure here is fatal
      await this.file.sync();
      return this.rollBack(writeError(error));
    }
    await this.file.sync(); // (1), (5)
    this.durableSeq = batch.at(-1)!.record.seq;
    for (const entry of batch) entry.settle(); // (2)
  }

  /** The new segment with its header and its name is on disk before a record goes there. */
  private async rotate(first: number): Promise<void> {
    const name = segmentName(first);
    const file = await createSegment(this.options.files, this.options.dir, name, this.header(first));
    await this.file.close().catch(() => undefined); // all of it is synced
    this.file = file;
    this.names.push(name);
  }

  private rollBack(error: JournalWriteError): void {
    const failed = this.takeAll();
    this.next = this.nextOnDisk();
    this.options.onRollback?.(error, this.durableSeq);
    for (const entry of failed) entry.fail(error);
  }

  private fatal(error: unknown): void {
    this.closed = new JournalClosed('a write failed and what is on disk is unknown; restart to look', error);
    for (const entry of this.takeAll()) entry.fail(this.closed);
    void this.file.close().catch(() => undefined);
    this.options.onFatal?.(error);
  }

  private takeAll(): Entry[] {
    const all = [...this.writing, ...this.queue];
    this.queue = [];
    return all;
  }
}

/** Makes a segment that holds only its header; durable with its name when it returns. */
export async function createSegment(files: Files, dir: string, name: string, header: Uint8Array): Promise<AppendFile> {
  const file = await files.append(join(dir, name));
  try {
    if (file.size > 0) await file.truncate(0); // an unused one that a failed try left
    await file.write(header);
    await file.sync();
    await files.syncDir(dir);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function deferred(): { promise: Promise<void>; settle: () => void; fail: (error: Error) => void } {
  let settle = (): void => undefined;
  let fail = (_error: Error): void => undefined;
  const promise = new Promise<void>((resolve, reject) => {
    settle = resolve;
    fail = reject;
  });
  promise.catch(() => undefined); // a caller that doesn't look must not end the process
  return { promise, settle, fail };
}
