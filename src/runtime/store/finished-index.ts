import { dirname, join } from 'node:path';
import type { FinishedTask as Finished } from '../model/task.ts';
import type { AppendFile, Files } from '../ports.ts';
import { keepCopy } from './durably.ts';
import { ClosedFiles } from './finished-closed.ts';
import { type Amendment, type IndexFileScan, indexFile, listIndex, scanIndexFile } from './finished-file.ts';
import { type IndexFiles, type Page, type PageQuery, readPage } from './finished-page.ts';
import { Rows } from './finished-rows.ts';
import { seal } from './sealed-line.ts';

/*
 * The list of finished tasks, oldest first, in files of bounded size. It is made from the journal and not synced line
 * by line: `sync` is called before the journal forgets, and after a crash what is missing comes from there again:
 * everything that finished after `lastSeq`, and every amendment (one that is there twice says the same).
 */

const FILE_BYTES = 4 * 1024 * 1024;
const AMENDMENTS_KEPT = 10_000;

/** The file that is being written. */
interface Newest {
  readonly number: number;
  readonly file: AppendFile;
  readonly rows: Rows;
  readonly amendments: Amendment['amend'][];
  lastSeq: number | undefined;
  /** Up to here the file has whole lines; a failed write may have left more. */
  soundTo: number;
}

export class FinishedIndex {
  private readonly files: Files;
  private readonly dir: string;
  private readonly fileBytes: number;
  private readonly closed: ClosedFiles;
  private newest: Newest | undefined;
  private dirty = false;
  private tail: Promise<unknown> = Promise.resolve();
  /** The newest ones; an older retry is not shown in lists any more. */
  private readonly amended = new Map<string, string>();

  constructor(files: Files, dir: string, fileBytes: number = FILE_BYTES) {
    this.files = files;
    this.dir = dir;
    this.fileBytes = fileBytes;
    this.closed = new ClosedFiles(files, dir);
  }

  /** The newest finished_seq that is listed, 0 without one; what a crash tore is cut off, with a copy. */
  async open(): Promise<{ lastSeq: number; cut?: { kept: string; length: number } }> {
    await this.files.makeDir(this.dir);
    await this.files.syncDir(dirname(this.dir));
    const numbers = await listIndex(this.files, this.dir);
    const number = numbers.at(-1) ?? 1;
    await this.closed.open(numbers.slice(0, -1));
    const path = indexFile(this.dir, number);
    const { soundTo, size, ...scan } = await scanIndexFile(this.files, path);
    const kept = join(this.dir, 'quarantine', `${number}-${soundTo}.bin`);
    if (soundTo < size) await keepCopy(this.files, { path, offset: soundTo, length: size - soundTo }, kept);
    const file = await this.files.append(path);
    if (soundTo < size) await file.truncate(soundTo);
    this.newest = { ...scan, amendments: [...scan.amendments], number, file, soundTo: file.size };
    this.dirty = true; // what was found may not be synced
    for (const amend of [...this.closed.amendments(), ...scan.amendments]) this.remember(amend);
    const lastSeq = scan.lastSeq ?? this.closed.lastSeq;
    return soundTo < size ? { lastSeq, cut: { kept, length: size - soundTo } } : { lastSeq };
  }

  /** In the order of the journal. */
  append(lines: readonly (Finished | Amendment)[]): Promise<void> {
    return this.inTurn(async (full) => {
      if (lines.length === 0) return;
      const newest = full.soundTo >= this.fileBytes ? await this.rotate(full) : full;
      const sealed = lines.map(seal);
      let offset = newest.soundTo;
      await this.putWhole(newest, Buffer.concat(sealed));
      this.dirty = true;
      for (const [i, line] of lines.entries()) {
        const length = sealed[i]?.length ?? 0;
        this.note(newest, line, offset, length - 1);
        offset += length;
      }
    });
  }

  /** After this the journal may forget what is listed. */
  sync(): Promise<void> {
    return this.inTurn((newest) => this.syncNow(newest));
  }

  async close(): Promise<void> {
    await this.tail;
    const file = this.newest?.file;
    this.newest = undefined;
    await file?.close();
  }

  async page(query: PageQuery): Promise<Page> {
    await this.tail; // what was appended before this call is listed
    const { tasks, next } = await readPage(this.sources(), query);
    const shown = tasks.map((task) => {
      const retried_as = this.amended.get(`${task.project}/${task.id}`);
      return retried_as === undefined ? task : ({ ...task, retried_as } as Finished);
    });
    return { tasks: shown, ...(next !== undefined && { next }) };
  }

  private sources(): IndexFiles {
    const { newest, closed, files, dir } = this;
    return {
      newest: newest?.number ?? 0,
      atMost: (n, wanted) => (n === newest?.number ? n : closed.atMost(n, wanted)),
      rows: async (n) => (n === newest?.number ? newest.rows : closed.rows(n)),
      read: (n, offset, length) => files.readAt(indexFile(dir, n), offset, length),
    };
  }

  private note(newest: Newest, line: Finished | Amendment, offset: number, length: number): void {
    if ('amend' in line) {
      newest.amendments.push(line.amend);
      this.remember(line.amend);
    } else {
      newest.rows.push(line, offset, length);
      newest.lastSeq = Math.max(newest.lastSeq ?? 0, line.finished_seq);
    }
  }

  /** Nothing was written yet of what is to be appended: a failure here changes nothing. */
  private async rotate(full: Newest): Promise<Newest> {
    await this.syncNow(full); // only the newest file may be torn
    const { rows, amendments, lastSeq, number, soundTo } = full;
    const scan: IndexFileScan = { rows, amendments, lastSeq, soundTo, size: soundTo };
    await this.closed.add(number, scan);
    const file = await this.files.append(indexFile(this.dir, number + 1));
    this.newest = {
      number: number + 1,
      file,
      rows: new Rows(),
      amendments: [],
      lastSeq: undefined,
      soundTo: file.size,
    };
    this.dirty = true; // its name
    await full.file.close();
    return this.newest;
  }

  /** All of it or nothing. */
  private async putWhole(newest: Newest, bytes: Uint8Array): Promise<void> {
    const { file } = newest;
    if (file.size > newest.soundTo) await file.truncate(newest.soundTo);
    try {
      await file.write(bytes);
    } catch (error) {
      await file.truncate(newest.soundTo).catch(() => undefined); // the next write does it
      throw error;
    }
    newest.soundTo = file.size;
  }

  private async syncNow(newest: Newest): Promise<void> {
    if (!this.dirty) return;
    await newest.file.sync();
    await this.files.syncDir(this.dir);
    await this.putWhole(newest, seal({ synced: true }));
    this.dirty = false;
  }

  /** One after the other, in the order asked for; one that fails fails alone. */
  private inTurn(act: (newest: Newest) => Promise<void>): Promise<void> {
    const turn = this.tail.then(() => {
      if (!this.newest) throw new Error('the finished index is not open');
      return act(this.newest);
    });
    this.tail = turn.catch(() => undefined);
    return turn;
  }

  private remember(amend: Amendment['amend']): void {
    const key = `${amend.project}/${amend.id}`;
    this.amended.delete(key);
    this.amended.set(key, amend.retried_as);
    if (this.amended.size > AMENDMENTS_KEPT) this.amended.delete(this.amended.keys().next().value ?? '');
  }
}
