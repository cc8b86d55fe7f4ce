import { StringDecoder } from 'node:string_decoder';

/** One message of newline-delimited JSON-RPC is never longer than this many characters. */
export const LINE_LIMIT = 16 * 1024 * 1024;

/** How much of an overlong line is kept, from each end: enough to find its id and answer it. */
const KEPT = 1024;

export interface LineSink {
  line(text: string): void;
  /** A line over the limit went by; `ends` holds its first and its last characters. */
  overlong(ends: string): void;
}

/** Cuts a byte stream into lines. What follows the last newline stays here until the rest of its line arrives. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #sink: LineSink;
  readonly #limit: number;
  #parts: string[] = [];
  #length = 0;
  #skipped: { head: string; tail: string } | undefined;

  constructor(sink: LineSink, limit = LINE_LIMIT) {
    this.#sink = sink;
    this.#limit = limit;
  }

  push(chunk: Uint8Array): void {
    const text = this.#decoder.write(chunk);
    let from = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
      this.#add(text.slice(from, at));
      this.#flush();
      from = at + 1;
    }
    this.#add(text.slice(from));
  }

  /** The stream has ended: what is left counts as a line. */
  end(): void {
    this.#add(this.#decoder.end());
    this.#flush();
  }

  #add(part: string): void {
    if (part === '') return;
    if (this.#skipped !== undefined) {
      this.#skipped.tail = (this.#skipped.tail + part.slice(-KEPT)).slice(-KEPT);
      return;
    }
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length <= this.#limit) return;
    const all = this.#parts.join('');
    this.#skipped = { head: all.slice(0, KEPT), tail: all.slice(-KEPT) };
    this.#parts = [];
  }

  #flush(): void {
    const skipped = this.#skipped;
    const text = this.#parts.join('');
    this.#parts = [];
    this.#length = 0;
    this.#skipped = undefined;
    if (skipped !== undefined) this.#sink.overlong(skipped.head + skipped.tail);
    else if (text.trim() !== '') this.#sink.line(text);
  }
}

/** The id of a request of which only the ends are known: its last `"id":` wins, since the tail is the envelope's end. */
export function idInEnds(ends: string): string | number | undefined {
  const found = [...ends.matchAll(/"id"\s*:\s*(-?\d+|"(?:[^"\\]|\\.)*")\s*[,}]/g)].at(-1)?.[1];
  return found === undefined ? undefined : (JSON.parse(found) as string | number);
}
