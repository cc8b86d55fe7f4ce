import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';

const MAX_EVENTS = 256;
const MAX_BYTES = 256 * 1024;

/** What the SDK calls a session's stream that answers no request. */
const STANDALONE = '_GET_stream';

/** Does a GET with this `Last-Event-ID` (or without one) ask for that stream? */
export function asksForStandalone(last: string | string[] | undefined): boolean {
  return typeof last !== 'string' || parsed(last)?.stream === STANDALONE;
}

interface Kept {
  readonly number: number;
  readonly stream: string;
  readonly message: JSONRPCMessage;
  readonly bytes: number;
}

/** The newest events of one session: a client whose stream broke asks for what came after the last one it saw. */
export class Replay implements EventStore {
  #kept: Kept[] = [];
  #bytes = 0;
  #last = 0;

  async storeEvent(stream: string, message: JSONRPCMessage): Promise<string> {
    const bytes = JSON.stringify(message).length;
    this.#kept.push({ number: ++this.#last, stream, message, bytes });
    this.#bytes += bytes;
    while (this.#kept.length > MAX_EVENTS || (this.#bytes > MAX_BYTES && this.#kept.length > 1)) {
      this.#bytes -= this.#kept.shift()?.bytes ?? 0;
    }
    return `${this.#last}@${stream}`; // names its stream, so that it can be continued when the event itself is gone
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return parsed(id)?.stream;
  }

  async replayEventsAfter(
    id: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const { number, stream } = parsed(id) ?? { number: 0, stream: '' };
    for (const event of this.#kept) {
      // A stream opens with an empty event: only its id matters.
      const said = Object.keys(event.message).length > 0;
      if (said && event.stream === stream && event.number > number) {
        await send(`${event.number}@${stream}`, event.message);
      }
    }
    return stream;
  }
}

function parsed(id: string): { number: number; stream: string } | undefined {
  const [, number, stream] = /^(\d{1,15})@([\w-]{1,64})$/.exec(id) ?? [];
  return number === undefined || stream === undefined ? undefined : { number: Number(number), stream };
}
