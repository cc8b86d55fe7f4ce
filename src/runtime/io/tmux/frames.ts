/**
 * The output of a control-mode client, cut into answers and notices.
 *
 * F1. An answer ends where a line stands that nobody else can know: each request is followed by a `display-message` of a
 *     random word. So text of a pane can't end an answer, whatever it holds.
 * F2. A block ends at the last line that repeats its exact `%begin` tuple: a pane that prints `%end 1 2 1`, even one that
 *     guesses the tuple, stays text.
 * F3. What is outside of blocks is a notice, and a notice is only ever a hint. The block of the client's own start, which
 *     tmux flags with 0, answers nobody.
 */

export interface Block {
  readonly ok: boolean;
  readonly lines: readonly string[];
}

export interface FrameSink {
  /** The oldest request that has no answer yet. */
  answer(blocks: readonly Block[]): void;
  notice(line: string): void;
}

const NEWLINE = 10;

export class Frames {
  readonly #sink: FrameSink;
  readonly #ends: string[] = [];
  #rest: Buffer[] = [];
  #raw: string[] | undefined;
  #closing: string | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** A request has been sent whose answer is followed by this word. */
  expect(end: string): void {
    this.#ends.push(end);
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      this.#rest.push(chunk.subarray(from, at));
      const line = this.#rest.length === 1 ? this.#rest[0] : Buffer.concat(this.#rest);
      this.#rest = [];
      this.#line(line?.toString('utf8') ?? '');
      from = at + 1;
    }
    if (from < chunk.length) this.#rest.push(chunk.subarray(from));
  }

  #line(line: string): void {
    if (this.#closing !== undefined) {
      if (line === this.#closing) this.#closing = undefined;
    } else if (this.#raw !== undefined && line === this.#ends[0]) {
      this.#ended(this.#raw);
    } else if (this.#raw !== undefined) {
      this.#raw.push(line);
    } else if (line.startsWith('%begin ')) {
      this.#raw = [line];
    } else {
      this.#sink.notice(line);
    }
  }

  /** The random word itself stands in a block: its `%begin` is the last line, its `%end` is still to come. */
  #ended(raw: string[]): void {
    this.#ends.shift();
    this.#raw = undefined;
    this.#closing = raw.pop()?.replace('%begin', '%end');
    const { blocks, notices } = cut(raw);
    for (const line of notices) this.#sink.notice(line);
    this.#sink.answer(blocks);
  }
}

function cut(raw: readonly string[]): { blocks: Block[]; notices: string[] } {
  const blocks: Block[] = [];
  const notices: string[] = [];
  for (let at = 0; at < raw.length; at++) {
    const line = raw[at] ?? '';
    const end = line.startsWith('%begin ') ? endOf(raw, line.slice('%begin'.length)) : -1;
    if (end <= at) {
      notices.push(line);
      continue;
    }
    if (!line.endsWith(' 0')) blocks.push({ ok: raw[end]?.startsWith('%end') ?? false, lines: raw.slice(at + 1, end) });
    at = end;
  }
  return { blocks, notices };
}

function endOf(raw: readonly string[], tuple: string): number {
  return Math.max(raw.lastIndexOf(`%end${tuple}`), raw.lastIndexOf(`%error${tuple}`));
}
