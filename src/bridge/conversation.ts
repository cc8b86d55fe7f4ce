import { errorLine, HELLO, type Id, idKey, isId, type Message, parseMessage, UNAVAILABLE } from '../jsonrpc.ts';

/*
 * What the bridge remembers of one client's conversation, so that another runtime can take it up.
 * 1. Every request of the client is answered exactly once: it stays open until an answer is passed on, and an
 *    answer without an open request is dropped.
 * 2. `take up` = the handshake again under ids of our own (whose answers fall under 1), then the subscriptions,
 *    then the open requests in their order, with their own ids.
 * 3. A request that goes down with several runtimes in a row may be what kills them: it is given up.
 */

interface Open {
  readonly id: Id;
  readonly line: string;
  sent: number;
}

interface Listening {
  readonly id: Id;
  readonly line: string;
  acknowledged: boolean;
}

/** Far above what a runtime that is killed by others costs, far below for ever. */
const MAX_SENT = 50;

export class Conversation {
  readonly #open = new Map<string, Open>();
  readonly #listening = new Map<string, Listening>();
  readonly #subscribed = new Map<string, Message>();
  #level: Message | undefined;
  readonly #asked = new Set<string>();
  #initialize: Message | undefined;
  #greeted = false;
  #initialized: string | undefined;
  #replays = 0;

  get waiting(): number {
    return this.#open.size;
  }

  /** Takes a line from the client; true when the runtime should get it as it is. */
  fromClient(line: string): boolean {
    const message = parseMessage(line);
    if (message === undefined) return true; // the runtime says what is wrong with it
    if (message.method === HELLO) return false; // only the bridge says who calls
    if (message.method !== undefined && isId(message.id)) this.#request(message.id, message, line);
    else if (message.method !== undefined) this.#notified(message, line);
    else if (isId(message.id)) return this.#asked.delete(idKey(message.id)); // an answer that this runtime asked for
    return true;
  }

  /** Takes a line from the runtime; the line that the client gets, if any. */
  fromRuntime(line: string): string | undefined {
    const message = parseMessage(line);
    if (message === undefined) return undefined;
    if (message.method !== undefined) return this.#fromServer(message) ? line : undefined;
    if (!isId(message.id)) return undefined; // meant for the bridge itself
    const key = idKey(message.id);
    // A runtime that closes ends its subscriptions with a result; the client's goes on with the next runtime.
    if (this.#listening.has(key) && message.error === undefined) return undefined;
    if (this.#listening.delete(key)) return line;
    if (!this.#open.delete(key)) return undefined; // invariant 1
    if (this.#initialize?.id === message.id) this.#greeted = message.error === undefined;
    return line;
  }

  /** The lines that bring a fresh connection to where the last one was (invariant 2), and those to give up (3). */
  takeUp(): { lines: string[]; answers: string[] } {
    this.#asked.clear();
    const answers: string[] = [];
    const lines = this.#handshake();
    for (const listen of this.#listening.values()) lines.push(listen.line);
    for (const [key, open] of this.#open) {
      if (open.sent++ < MAX_SENT) lines.push(open.line);
      else {
        this.#open.delete(key);
        answers.push(errorLine(open.id, UNAVAILABLE, `The runtime went away ${MAX_SENT} times before it answered.`));
      }
    }
    return { lines, answers };
  }

  /** Answers to all that is open, for when no runtime can be had. */
  giveUp(message: string): string[] {
    const ids = [...this.#open.values(), ...this.#listening.values()].map((open) => open.id);
    this.#open.clear();
    this.#listening.clear();
    return ids.map((id) => errorLine(id, UNAVAILABLE, message));
  }

  #request(id: Id, message: Message, line: string): void {
    if (message.method === 'subscriptions/listen') {
      this.#listening.set(idKey(id), { id, line, acknowledged: false });
      return;
    }
    this.#open.set(idKey(id), { id, line, sent: 1 });
    if (message.method === 'initialize') this.#initialize = message;
    if (message.method === 'logging/setLevel') this.#level = message;
    const uri = message.params?.uri;
    if (typeof uri !== 'string') return;
    if (message.method === 'resources/subscribe') this.#subscribed.set(uri, message);
    if (message.method === 'resources/unsubscribe') this.#subscribed.delete(uri);
  }

  #notified(message: Message, line: string): void {
    if (message.method === 'notifications/initialized') this.#initialized = line;
    const id = message.params?.requestId;
    if (message.method !== 'notifications/cancelled' || !isId(id)) return;
    this.#open.delete(idKey(id));
    this.#listening.delete(idKey(id));
  }

  /** True when the client should see it. */
  #fromServer(message: Message): boolean {
    if (message.method?.startsWith('yardmaster/')) return false;
    if (isId(message.id)) this.#asked.add(idKey(message.id));
    if (message.method !== 'notifications/subscriptions/acknowledged') return true;
    const meta = message.params?._meta as Record<string, unknown> | undefined;
    const id = meta?.['io.modelcontextprotocol/subscriptionId'];
    const listening = isId(id) ? this.#listening.get(idKey(id)) : undefined;
    if (listening === undefined) return true;
    const first = !listening.acknowledged;
    listening.acknowledged = true;
    return first;
  }

  #handshake(): string[] {
    if (!this.#greeted || this.#initialize === undefined) return [];
    const again = [this.#replay(this.#initialize)];
    if (this.#initialized !== undefined) again.push(this.#initialized);
    const asked = [...this.#subscribed.values(), ...(this.#level === undefined ? [] : [this.#level])];
    for (const message of asked) if (!this.#open.has(idKey(message.id as Id))) again.push(this.#replay(message));
    return again;
  }

  #replay(message: Message): string {
    return JSON.stringify({ ...message, id: `yardmaster-again-${++this.#replays}` });
  }
}
