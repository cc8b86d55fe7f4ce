import type { Client, Dispatcher } from 'undici';
import { describe, type Request } from './exchange.ts';

/*
 * The sibling of `exchange` for answers that are read while they are being written.
 *
 * 1. One request, once: never redirected and never repeated.
 * 2. `sent: false` is a promise: not one byte of it has left this machine.
 * 3. `timeout_ms` is for everything up to the head; how long the body may take is decided by whoever reads it.
 * 4. It has a connection of its own, which ends with it: an answer takes so long that this costs nothing, a used connection
 *    may be closing at that moment, and whoever answers sees at once when nobody listens any more.
 */

export type Headers = Readonly<Record<string, string | string[] | undefined>>;

export type Opened =
  /** 2xx; its body is still to come. */
  | { readonly kind: 'open'; readonly status: number; readonly headers: Headers; readonly body: Incoming }
  /** Anything else, with the start of what it says. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: Buffer }
  | {
      readonly kind: 'broken';
      readonly sent: boolean;
      readonly why: 'time' | 'called_off' | 'connection';
      readonly reason: string;
    };

export interface Reader {
  data(chunk: Buffer): void;
  /** `broken`: what happened, where it did not end as HTTP ends. */
  end(broken: string | undefined): void;
}

const MAX_COMPLAINT_BYTES = 64 * 1024;

/** `client`: for this request alone. */
export function openExchange(
  client: Client,
  request: Request,
  timeout_ms: number,
  signals: readonly AbortSignal[],
): Promise<Opened> {
  return new Promise((resolve) => {
    const opening = new Opening(client, resolve);
    const callOff = () => opening.fail('called_off', 'the request was called off');
    if (signals.some(({ aborted }) => aborted)) return callOff();
    for (const signal of signals) signal.addEventListener('abort', callOff, { once: true });
    const deadline = setTimeout(() => opening.fail('time', `no answer began within ${timeout_ms} ms`), timeout_ms);
    opening.settled = () => {
      clearTimeout(deadline);
      for (const signal of signals) signal.removeEventListener('abort', callOff);
    };
    const { method, path, headers, body = null } = request;
    client.dispatch({ method, path, headers: { ...headers }, body, headersTimeout: 0, bodyTimeout: 0 }, opening);
  });
}

/** Hears undici from the start of a request until its head has been judged, and hands the body on. */
class Opening implements Dispatcher.DispatchHandler {
  settled: () => void = () => undefined;
  readonly #client: Client;
  readonly #resolve: (opened: Opened) => void;
  #sent = false;
  #done = false;
  #body: Incoming | undefined;
  #complaint: { status: number; headers: Headers; chunks: Buffer[]; size: number } | undefined;

  constructor(client: Client, resolve: (opened: Opened) => void) {
    this.#client = client;
    this.#resolve = resolve;
  }

  /** A head that was seen counts, whatever becomes of the words behind it. */
  fail(why: 'time' | 'called_off' | 'connection', reason: string): void {
    if (this.#body) return;
    if (this.#complaint) this.#complained();
    else this.#settle({ kind: 'broken', sent: this.#sent, why, reason });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Aborted here, undici writes nothing: a request that was given up while it waited for a socket stays unsent. // 2
    if (this.#done) controller.abort(new Error('given up before it was sent'));
    else this.#sent = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200 || this.#done) return; // only an announcement
    if (status >= 300) {
      this.#complaint = { status, headers, chunks: [], size: 0 };
      return;
    }
    this.#body = new Incoming(() => void this.#client.destroy());
    this.#settle({ kind: 'open', status, headers, body: this.#body });
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#body?.push(chunk);
    if (!this.#complaint || this.#done) return;
    this.#complaint.chunks.push(chunk);
    this.#complaint.size += chunk.length;
    if (this.#complaint.size >= MAX_COMPLAINT_BYTES) this.#complained();
  }

  onResponseEnd(): void {
    this.#body?.finish(undefined);
    if (this.#complaint) this.#complained();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#body?.finish(describe(error));
    this.fail('connection', describe(error));
  }

  #complained(): void {
    const { status, headers, chunks } = this.#complaint ?? { status: 0, headers: {}, chunks: [] };
    this.#settle({ kind: 'answer', status, headers, body: Buffer.concat(chunks) });
  }

  #settle(opened: Opened): void {
    if (this.#done) return;
    this.#done = true;
    this.settled();
    this.#resolve(opened);
    if (opened.kind !== 'open') void this.#client.destroy(); // 4
  }
}

/** A body on its way. What comes before anybody reads is kept: that is no longer than a turn of the event loop. */
export class Incoming {
  readonly #hangUp: () => void;
  readonly #early: Buffer[] = [];
  #reader: Reader | undefined;
  #end: { readonly broken: string | undefined } | undefined;
  #closed = false;

  constructor(hangUp: () => void) {
    this.#hangUp = hangUp;
  }

  read(reader: Reader): void {
    this.#reader = reader;
    for (const chunk of this.#early.splice(0)) if (!this.#closed) reader.data(chunk);
    if (this.#end && !this.#closed) reader.end(this.#end.broken);
  }

  /** Whoever answers sees the connection end, and can stop working. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#hangUp(); // 4
  }

  push(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#reader) this.#reader.data(chunk);
    else this.#early.push(chunk);
  }

  finish(broken: string | undefined): void {
    if (this.#closed || this.#end) return;
    this.#end = { broken };
    this.#reader?.end(broken);
  }
}
