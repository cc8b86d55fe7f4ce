/*
 * Server-sent events, as they come over the wire: bytes cut anywhere.
 *
 * 1. Lines end with LF, CRLF or CR; an event ends with an empty line, or with the stream.
 * 2. Comments (`: ping`) are left out: they are a proxy's sign of life, not the model's.
 * 3. What is kept of an unfinished event is bounded.
 */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

const LINE_END = /\r\n|\r|\n/g;

export class ServerEvents {
  readonly #max: number;
  readonly #decoder = new TextDecoder(); // keeps the bytes of a character that was cut; drops a mark at the start
  #line = '';
  #after_cr = false;
  #event = '';
  #data: string[] = [];
  #held = 0;

  /** `max`: characters of one event. */
  constructor(max: number) {
    this.#max = max;
  }

  get too_large(): boolean {
    return this.#held + this.#line.length > this.#max; // 3
  }

  /** Those that these bytes have completed. */
  push(bytes: Uint8Array): ServerEvent[] {
    return this.#read(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What was still open when the stream ended. */
  end(): ServerEvent[] {
    return this.#read(`${this.#decoder.decode()}\n\n`);
  }

  #read(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    let from = this.#after_cr && text.startsWith('\n') ? 1 : 0;
    if (text !== '') this.#after_cr = text.endsWith('\r');
    LINE_END.lastIndex = from;
    for (let end = LINE_END.exec(text); end && !this.too_large; end = LINE_END.exec(text)) {
      const event = this.#take(this.#line + text.slice(from, end.index));
      if (event) events.push(event);
      this.#line = '';
      from = LINE_END.lastIndex;
    }
    this.#line += text.slice(from);
    return events;
  }

  #take(line: string): ServerEvent | undefined {
    if (line === '') return this.#complete();
    const colon = line.indexOf(':');
    if (colon <= 0) return undefined; // 2
    const value = line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    const field = line.slice(0, colon);
    if (field === 'event') this.#event = value;
    if (field === 'error') this.#event = 'error'; // older llama.cpp: `error: {"code": …}`
    if (field === 'data' || field === 'error') {
      this.#data.push(value);
      this.#held += value.length + 1; // an empty one takes place, too
    }
    return undefined;
  }

  #complete(): ServerEvent | undefined {
    const event = this.#data.length > 0 ? { event: this.#event, data: this.#data.join('\n') } : undefined;
    this.#event = '';
    this.#data = [];
    this.#held = 0;
    return event;
  }
}
