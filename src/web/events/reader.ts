import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Caller } from '../../runtime/yard.ts';
import { type Delta, deltaOf, frame } from './delta.ts';
import type { Feed } from './feed.ts';
import { snapshotOf } from './snapshot.ts';

/*
 * E1. The numbers that a reader gets only grow, and what lies between two of them was not the reader's to see, or is
 *     named by a `gap` with its count and followed by a snapshot.
 * E2. Nothing is written before the reader has taken what was written before: a slow one costs one chunk of memory.
 */

const CHUNK = 64 * 1024;
/** Longer than a runtime that stops goes on refusing: a browser does not come back after a refusal. */
const RETRY_MS = 3_000;

/** Where a reader wants to go on. */
export type Start =
  | { readonly kind: 'anew'; readonly reset?: string }
  | { readonly kind: 'after'; readonly seq: number };

/** One stream of events. */
export class Reader {
  readonly #feed: Feed;
  readonly #caller: Caller;
  readonly #response: ServerResponse;
  #at = 0;
  #pumping = false;
  #waiting = false;
  #beatsWaited = 0;

  /** `over`: the client has gone, or the runtime stops. */
  constructor(feed: Feed, caller: Caller, response: ServerResponse, over: AbortSignal) {
    this.#feed = feed;
    this.#caller = caller;
    this.#response = response;
    over.addEventListener('abort', () => this.#end());
  }

  start(start: Start): void {
    if (this.#over) return;
    this.#response.write(`retry: ${RETRY_MS}\n\n`);
    this.#feed.join(this);
    if (start.kind === 'anew') this.#snapshot(start.reset);
    else this.#at = start.seq;
    this.news();
  }

  /** There may be something to send. */
  news(): void {
    if (this.#pumping || this.#over) return;
    void this.#pump();
  }

  /** Keeps the connection alive; one that takes nothing any more is cut off. */
  beat(): void {
    if (!this.#waiting) this.#response.write(': beat\n\n');
    else if (++this.#beatsWaited >= this.#feed.limits.patience) this.#response.destroy();
  }

  #end(): void {
    this.#feed.leave(this);
    this.#response.end();
  }

  get #over(): boolean {
    return this.#response.destroyed || this.#response.writableEnded;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      for (;;) {
        await this.#drained();
        if (this.#over) return;
        const next = this.#feed.after(this.#at);
        if (next === 'behind') await this.#catchUp();
        else if (next.length === 0) return;
        else this.#send(next);
      }
    } finally {
      this.#pumping = false;
    }
  }

  async #catchUp(): Promise<void> {
    try {
      await this.#readOn();
    } catch (error) {
      this.#gap(this.#feed.yard.span().newest, `the journal can't be read here: ${(error as Error).message}`); // E1
    }
  }

  /** What the journal still has; stops where the feed has the rest. */
  async #readOn(): Promise<void> {
    const from = this.#at;
    const { yard } = this.#feed;
    for await (const record of yard.records(from)) {
      if (record.seq > this.#at + 1) return this.#gap(record.seq - 1, 'the journal does not keep them any more'); // E1
      this.#send([deltaOf(record, (id) => yard.projectName(id))]);
      await this.#drained();
      if (this.#over || this.#feed.after(this.#at) !== 'behind') return;
    }
    if (this.#at === from) this.#gap(yard.span().newest, 'the journal does not keep them any more'); // E1
  }

  /** As many as fit into one chunk. */
  #send(deltas: readonly Delta[]): void {
    let text = '';
    for (const delta of deltas) {
      text += delta.textFor(this.#caller) ?? '';
      this.#at = delta.seq;
      if (text.length >= CHUNK) break;
    }
    if (text !== '') this.#response.write(text);
  }

  #gap(to: number, why: string): void {
    const missed = { missed: to - this.#at, from: this.#at + 1, to, why };
    this.#response.write(frame('gap', to, missed));
    this.#snapshot(undefined);
  }

  #snapshot(reset: string | undefined): void {
    const snapshot = snapshotOf(this.#feed.yard, this.#caller, reset);
    this.#response.write(frame('snapshot', snapshot.seq, snapshot));
    this.#at = snapshot.seq;
  }

  /** E2 */
  async #drained(): Promise<void> {
    if (!this.#response.writableNeedDrain || this.#over) return;
    this.#waiting = true;
    const gone = new AbortController();
    const left = () => gone.abort();
    this.#response.once('close', left);
    await once(this.#response, 'drain', { signal: gone.signal }).catch(() => undefined);
    this.#response.off('close', left);
    this.#waiting = false;
    this.#beatsWaited = 0;
  }
}
