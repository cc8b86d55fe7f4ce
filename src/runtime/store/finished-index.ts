import { dirname, join } from 'node:path';
import { type FinishedTask as Finished, FinishedTask } from '../model/task.ts';
import type { AppendFile, Files } from '../ports.ts';
import { keepCopy } from './durably.ts';
import { type Amendment, indexFile, listIndex, parseIndexLine, scanIndexFile } from './finished-file.ts';
import { readLinesBack } from './lines-back.ts';
import { seal } from './sealed-line.ts';

/*
 * The list of finished tasks, oldest first, in files of bounded size. It is made from the journal and not synced line
 * by line: `sync` is called before the journal forgets, and after a crash what is missing comes from there again:
 * everything that finished after `lastSeq`, and every amendment (one that is there twice says the same).
 */

const FILE_BYTES = 4 * 1024 * 1024;
const AMENDMENTS_KEPT = 10_000;

export interface PageQuery {
  readonly limit: number;
  /** From an earlier page's `next`. */
  readonly cursor?: string;
  readonly filter?: (task: Finished) => boolean;
  /** True for a task that is older than what is wanted: the page ends there. */
  readonly until?: (task: Finished) => boolean;
  /** Lines to look at, at most; then the page ends early with a `next`. */
  readonly maxScan?: number;
}

export interface Page {
  /** Newest first. */
  readonly tasks: readonly Finished[];
  readonly next?: string;
}

export class FinishedIndex {
  private readonly files: Files;
  private readonly dir: string;
  private readonly fileBytes: number;
  private file: AppendFile | undefined;
  private number = 1;
  private dirty = false;
  /** Up to here the file has whole lines; a failed write may have left more. */
  private soundTo = 0;
  private tail: Promise<unknown> = Promise.resolve();
  /** The newest ones, so that a page whose amendment is on an earlier page knows it too. */
  private readonly amended = new Map<string, string>();

  constructor(files: Files, dir: string, fileBytes: number = FILE_BYTES) {
    this.files = files;
    this.dir = dir;
    this.fileBytes = fileBytes;
  }

  /** The newest finished_seq that is listed, 0 without one; what a crash tore is cut off, with a copy. */
  async open(): Promise<{ lastSeq: number; cut?: { kept: string; length: number } }> {
    await this.files.makeDir(this.dir);
    await this.files.syncDir(dirname(this.dir));
    const numbers = await listIndex(this.files, this.dir);
    this.number = numbers.at(-1) ?? 1;
    const path = indexFile(this.dir, this.number);
    const { lastSeq, amendments, soundTo, size } = await scanIndexFile(this.files, path);
    for (const amend of amendments) this.remember(amend);
    const kept = join(this.dir, 'quarantine', `${this.number}-${soundTo}.bin`);
    if (soundTo < size) await keepCopy(this.files, { path, offset: soundTo, length: size - soundTo }, kept);
    this.file = await this.files.append(path);
    if (soundTo < size) await this.file.truncate(soundTo);
    this.soundTo = this.file.size;
    this.dirty = true; // what was found may not be synced
    const known = lastSeq ?? (await this.lastSeqBefore(numbers.slice(0, -1)));
    return soundTo < size ? { lastSeq: known, cut: { kept, length: size - soundTo } } : { lastSeq: known };
  }

  /** In the order of the journal. */
  append(lines: readonly (Finished | Amendment)[]): Promise<void> {
    return this.inTurn(async (file) => {
      if (lines.length === 0) return;
      await this.putWhole(file, Buffer.concat(lines.map(seal)));
      this.dirty = true;
      for (const line of lines) if ('amend' in line) this.remember(line.amend);
      if (file.size >= this.fileBytes) await this.rotate(file);
    });
  }

  /** After this the journal may forget what is listed. */
  sync(): Promise<void> {
    return this.inTurn((file) => this.syncNow(file));
  }

  async close(): Promise<void> {
    await this.tail;
    const file = this.file;
    this.file = undefined;
    await file?.close();
  }

  async page({ limit, cursor, filter = () => true, until = () => false, maxScan = 5_000 }: PageQuery): Promise<Page> {
    await this.tail; // what was appended before this call is listed
    const tasks: Finished[] = [];
    let at = cursor === undefined ? this.end() : parseCursor(cursor);
    let scanned = 0;
    while (at.number >= 1) {
      for await (const lines of readLinesBack(this.files, indexFile(this.dir, at.number), at.offset)) {
        for (const line of lines) {
          if (tasks.length >= limit || scanned >= maxScan) return { tasks, next: cursorOf(at) };
          scanned++;
          at = { number: at.number, offset: line.offset };
          const task = this.read(line.bytes);
          if (task && until(task)) return { tasks };
          if (task && filter(task)) tasks.push(task);
        }
      }
      if (at.number === 1) break;
      at = await this.endOf(at.number - 1);
    }
    return { tasks };
  }

  private read(bytes: Uint8Array): Finished | undefined {
    const line = parseIndexLine(bytes);
    if (line?.kind === 'amend') this.learn(line.amend);
    if (line?.kind !== 'task') return undefined;
    const retried_as = this.amended.get(`${line.task.project}/${line.task.id}`);
    return retried_as === undefined ? line.task : FinishedTask.parse({ ...line.task, retried_as });
  }

  private async rotate(file: AppendFile): Promise<void> {
    await this.syncNow(file); // only the newest file may be torn
    const next = await this.files.append(indexFile(this.dir, this.number + 1));
    await file.close();
    this.file = next;
    this.number++;
    this.soundTo = next.size;
    this.dirty = true; // its name
  }

  /** All of it or nothing. */
  private async putWhole(file: AppendFile, bytes: Uint8Array): Promise<void> {
    if (file.size > this.soundTo) await file.truncate(this.soundTo);
    try {
      await file.write(bytes);
    } catch (error) {
      await file.truncate(this.soundTo).catch(() => undefined); // the next write does it
      throw error;
    }
    this.soundTo = file.size;
  }

  private async syncNow(file: AppendFile): Promise<void> {
    if (!this.dirty) return;
    await file.sync();
    await this.files.syncDir(this.dir);
    await this.putWhole(file, seal({ synced: true }));
    this.dirty = false;
  }

  /** One after the other, in the order asked for; one that fails fails alone. */
  private inTurn(act: (file: AppendFile) => Promise<void>): Promise<void> {
    const turn = this.tail.then(() => {
      if (!this.file) throw new Error('the finished index is not open');
      return act(this.file);
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private async lastSeqBefore(numbers: readonly number[]): Promise<number> {
    for (const number of numbers.toReversed()) {
      const { lastSeq } = await scanIndexFile(this.files, indexFile(this.dir, number));
      if (lastSeq !== undefined) return lastSeq;
    }
    return 0;
  }

  private end(): Position {
    return { number: this.number, offset: this.file?.size ?? 0 };
  }

  private async endOf(number: number): Promise<Position> {
    return { number, offset: (await this.files.stat(indexFile(this.dir, number)))?.size ?? 0 };
  }

  private remember(amend: Amendment['amend']): void {
    this.amended.delete(`${amend.project}/${amend.id}`);
    this.learn(amend);
    if (this.amended.size > AMENDMENTS_KEPT) this.amended.delete(this.amended.keys().next().value ?? '');
  }

  /** An older amendment, met while reading back: it gives way to newer ones. */
  private learn(amend: Amendment['amend']): void {
    const key = `${amend.project}/${amend.id}`;
    if (!this.amended.has(key) && this.amended.size <= AMENDMENTS_KEPT) this.amended.set(key, amend.retried_as);
  }
}

interface Position {
  readonly number: number;
  readonly offset: number;
}

function cursorOf({ number, offset }: Position): string {
  return `${number}:${offset}`;
}

/** Anything else than a cursor of ours points at the beginning, where nothing follows. */
function parseCursor(cursor: string): Position {
  const [, number, offset] = /^(\d{1,8}):(\d{1,15})$/.exec(cursor) ?? [];
  return { number: Number(number ?? 0), offset: Number(offset ?? 0) };
}
