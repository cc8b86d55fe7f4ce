import type { Socket } from 'node:net';

/** A line that is longer means that nobody sensible is at the other end. */
const MAX_LINE = 64 * 1_048_576;

export interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly result?: unknown;
  readonly error?: RpcError;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
  /** A refusal's own code and what to do next. */
  readonly data?: { readonly code?: string; readonly hint?: string };
}

export interface Listener {
  message(message: Message): void;
  /** Once, at the end; `why` is there when the other side sent something that is no JSON-RPC. */
  closed(why?: string): void;
}

/** A socket that carries one JSON message per line. A line that never ended goes with the socket. */
export class Wire {
  readonly #socket: Socket;
  #listener: Listener = { message() {}, closed() {} };
  #parts: string[] = [];
  #length = 0;
  #why: string | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('error', () => {}); // `close` follows and decides
    socket.on('close', () => this.#listener.closed(this.#why));
  }

  listen(listener: Listener): void {
    this.#listener = listener;
    this.#socket.on('data', (chunk: string) => this.#take(chunk));
  }

  send(message: object): void {
    this.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
  }

  write(line: string): void {
    if (!this.#socket.destroyed) this.#socket.write(line);
  }

  destroy(why?: string): void {
    this.#why ??= why;
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    const [first = '', ...others] = chunk.split('\n');
    this.#parts.push(first);
    this.#length += first.length;
    if (this.#length > MAX_LINE) this.destroy('sent a line without an end');
    if (others.length === 0) return;
    const lines = [this.#parts.join(''), ...others];
    const rest = lines.pop() ?? '';
    this.#parts = [rest];
    this.#length = rest.length;
    for (const line of lines) if (line.trim() !== '') this.#hand(line);
  }

  #hand(line: string): void {
    const message = parse(line);
    if (message === undefined) this.destroy('sent something that is not JSON-RPC');
    else this.#listener.message(message);
  }
}

function parse(line: string): Message | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return typeof message === 'object' && message !== null && !Array.isArray(message)
      ? (message as Message)
      : undefined;
  } catch {
    return undefined;
  }
}
