import type { Files } from '../ports.ts';
import type { Amendment, IndexFileScan } from './finished-file.ts';
import type { Rows, Wanted } from './finished-rows.ts';
import { readRows, type Summary, summarize, writeSidecar } from './finished-sidecar.ts';

const ROWS_KEPT = 16; // files, some 170 KB each: the next page is mostly in the same one, a scattered group's in several

/** The full files of the index: what may be in each is in memory, a kilobyte for some 10,000 tasks; the rest is read. */
export class ClosedFiles {
  readonly #files: Files;
  readonly #dir: string;
  readonly #summaries = new Map<number, Summary>();
  readonly #rows = new Map<number, Promise<Rows>>();

  constructor(files: Files, dir: string) {
    this.#files = files;
    this.#dir = dir;
  }

  /** In the order of their numbers. */
  async open(numbers: readonly number[]): Promise<void> {
    for (const n of numbers) this.#summaries.set(n, await summarize(this.#files, this.#dir, n));
  }

  async add(n: number, scan: IndexFileScan): Promise<void> {
    this.#summaries.set(n, await writeSidecar(this.#files, this.#dir, n, scan));
  }

  get lastSeq(): number {
    return [...this.#summaries.values()].findLast(({ lastSeq }) => lastSeq !== undefined)?.lastSeq ?? 0;
  }

  /** Oldest first. */
  *amendments(): Generator<Amendment['amend']> {
    for (const { amendments } of this.#summaries.values()) yield* amendments;
  }

  /** The newest file up to number `n` in which something wanted may be. */
  atMost(n: number, wanted: Wanted): number | undefined {
    for (let at = n; at >= 1; at--) if (this.#summaries.get(at)?.mayHold(wanted)) return at;
    return undefined;
  }

  rows(n: number): Promise<Rows> {
    const known = this.#rows.get(n);
    const reading = known ?? readRows(this.#files, this.#dir, n);
    this.#rows.delete(n);
    this.#rows.set(n, reading); // the last one used is the last one to go
    reading.catch(() => this.#rows.delete(n));
    if (this.#rows.size > ROWS_KEPT) this.#rows.delete(this.#rows.keys().next().value ?? n);
    return reading;
  }
}
