const NEWLINE = 0x0a;
/** A line that is longer is passed over: no stream can fill the memory. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Cuts what comes in pieces into whole lines. */
export class Lines {
  readonly #longest: number;
  #begun: Uint8Array[] = [];
  #size = 0;

  constructor(longest = LONGEST_LINE) {
    this.#longest = longest;
  }

  /** The lines that this piece has completed; bytes that are no UTF-8 become U+FFFD. */
  take(piece: Uint8Array): string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, from)) {
      this.#keep(piece.subarray(from, end));
      this.#flush(lines);
      from = end + 1;
    }
    this.#keep(piece.subarray(from));
    return lines;
  }

  /** What stands behind the last line break: a writer that was killed leaves half a line. */
  rest(): string[] {
    const lines: string[] = [];
    this.#flush(lines);
    return lines;
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size > this.#longest) this.#begun = [];
    else if (part.length > 0) this.#begun.push(part);
  }

  #flush(into: string[]): void {
    if (this.#size > 0 && this.#size <= this.#longest) into.push(Buffer.concat(this.#begun).toString('utf8'));
    this.#begun = [];
    this.#size = 0;
  }
}
