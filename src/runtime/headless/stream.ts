import type { HeadlessAgent, Progress, StreamReader } from '../agents/headless.ts';
import { type FileReading, sizeOf } from '../runs/reader.ts';
import { Lines } from './lines.ts';

/*
 * The stream of a run, from the file that its agent writes.
 *
 * S1. It is read from the start by everybody who wants to know what it says: nothing of it is kept but what a reader keeps.
 * S2. A whole piece is read at a time, and nothing beyond the file's end is waited for.
 */

const PIECE = 128 * 1024;

/** Reads on as its writer writes on. */
export class Stream {
  readonly reader: StreamReader;
  readonly #files: FileReading;
  readonly #path: string;
  readonly #lines = new Lines();
  #offset = 0;

  constructor(files: FileReading, path: string, agent: Pick<HeadlessAgent, 'reader'>) {
    this.#files = files;
    this.#path = path;
    this.reader = agent.reader();
  }

  get offset(): number {
    return this.#offset;
  }

  /** Up to its present end. True when there was something new. */
  async readOn(shown: (progress: Progress) => void, goesOn: () => boolean = () => true): Promise<boolean> {
    const from = this.#offset;
    for (;;) {
      const piece = await pieceAt(this.#files, this.#path, this.#offset);
      if (piece === undefined || !goesOn()) return this.#offset > from;
      this.#offset += piece.length;
      for (const line of this.#lines.take(piece)) this.#take(line, shown);
    }
  }

  /** Its writer is no more: what it has left of a line counts too. */
  end(shown: (progress: Progress) => void): void {
    for (const line of this.#lines.rest()) this.#take(line, shown);
  }

  #take(line: string, shown: (progress: Progress) => void): void {
    if (line.trim() === '') return;
    for (const progress of this.reader.take(line)) shown(progress);
  }
}

async function pieceAt(files: FileReading, path: string, offset: number): Promise<Uint8Array | undefined> {
  if (offset === 0 && (await sizeOf(files, path)) === undefined) return undefined;
  const piece = await files.readAt(path, offset, PIECE);
  return piece === undefined || piece.length === 0 ? undefined : piece;
}
