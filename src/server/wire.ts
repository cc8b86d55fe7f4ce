import type { Readable, Writable } from 'node:stream';
import { errorLine, INVALID_REQUEST, type Message, PARSE_ERROR, parseMessage } from '../jsonrpc.ts';
import { idInEnds, LINE_LIMIT, Lines } from '../lines.ts';

/** What a client that stopped reading may let pile up before its connection is cut (a bridge then asks again). */
const MAX_UNREAD = 64 * 1024 * 1024;
/** What need not be said waits for better times. */
const CONGESTED = 256 * 1024;

/**
 * JSON-RPC messages, one a line, over any pair of streams. A client that reads slowly is read slowly: while its
 * answers wait, nothing more is taken from it.
 */
export class Wire {
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #onMessage: (message: Message) => void;
  readonly #onClose: () => void;
  #closed = false;

  constructor(input: Readable, output: Writable, on: { message(message: Message): void; close(): void }) {
    this.#input = input;
    this.#output = output;
    this.#onMessage = on.message;
    this.#onClose = on.close;
    const lines = new Lines({ line: (line) => this.#line(line), overlong: (ends) => this.#overlong(ends) });
    input.on('data', (chunk: Buffer) => {
      if (!this.#closed) lines.push(chunk);
    });
    for (const event of ['end', 'error', 'close']) input.on(event, () => this.close());
    output.on('error', () => this.close());
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Enough waits for it to be read. */
  get congested(): boolean {
    return this.#output.writableLength > CONGESTED;
  }

  send(message: unknown): void {
    this.#write(JSON.stringify(message));
  }

  /** What was sent still goes out; nothing more is taken. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#output.end();
    this.#input.resume(); // a paused stream would never see its end
    this.#onClose();
  }

  #line(line: string): void {
    if (this.#closed) return;
    const message = parseMessage(line);
    if (message !== undefined) this.#onMessage(message);
    else this.#write(errorLine(null, PARSE_ERROR, 'Each line must be one JSON-RPC message (an object).'));
  }

  #overlong(ends: string): void {
    const message = `The message is longer than ${LINE_LIMIT} characters.`;
    this.#write(errorLine(idInEnds(ends) ?? null, INVALID_REQUEST, message));
  }

  #write(line: string): void {
    if (this.#closed || this.#output.write(`${line}\n`)) return;
    if (this.#output.writableLength > MAX_UNREAD) {
      this.#output.destroy();
      this.close();
    } else if (!this.#input.isPaused()) {
      this.#input.pause();
      this.#output.once('drain', () => this.#input.resume());
    }
  }
}
