import { type JSONRPCMessage, parseJSONRPCMessage, type Transport } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { INVALID_REQUEST, isId, LISTS, type Message } from '../jsonrpc.ts';
import type { Changed, Listening } from '../resources/audience.ts';
import type { Caller } from '../runtime/yard.ts';
import type { Toolset } from '../toolset.ts';
import { differing } from './lists.ts';
import { type Listings, type McpBackend, Offer } from './offer.ts';

/** The other end of one connection, as the session carries it. */
export interface McpLine {
  send(message: Message): void;
  ended(): void;
  /** It does not read what it was sent. */
  readonly congested: boolean;
}

export interface McpConnection {
  deliver(message: Message): void;
  /** Tells the client what changed, as far as it asked. */
  readonly changed: Changed;
  readonly listening: Listening;
  close(): void;
}

/** What a bridge says of the runtime that its client had before. */
export interface Resumes {
  /** The lists as that one announced them. */
  readonly lists?: Readonly<Record<string, unknown>>;
}

export interface McpWishes {
  readonly toolset?: Toolset;
  /** The client was here before, and may have missed any change since. */
  readonly resumes?: Resumes;
}

export interface McpHost {
  connect(caller: Promise<Caller>, line: McpLine, wishes?: McpWishes): McpConnection;
}

/** Serves the surface to any number of clients, each in the era of the protocol that it opens with. */
export function mcpHost(listings: Listings, backend: McpBackend): McpHost {
  return {
    connect(caller, line, { toolset = 'default', resumes } = {}) {
      const listing = listings[toolset];
      let offer: Offer | undefined;
      const greeted = (): void => {
        tellLists(offer, line, resumes).catch((error) => backend.log.debug({ error: String(error) }, 'mcp'));
      };
      const send = (message: Message): void => {
        line.send(message);
        offer?.sent(message);
      };
      const transport = new LineTransport({ send, ended: () => line.ended() });
      const handle = serveStdio(
        ({ era }) => {
          offer = new Offer(listing, backend, caller, era === 'legacy', {
            ...{ greeted, resumed: resumes !== undefined, congested: () => line.congested },
          });
          return offer.server;
        },
        { transport, onerror: (error) => backend.log.debug({ error: error.message }, 'mcp') },
      );
      return {
        deliver: (message) => {
          offer?.received(message);
          transport.deliver(message);
        },
        changed: (uris, lists = []) => {
          offer?.changed(uris, lists);
          if (lists.length > 0) greeted();
        },
        get listening() {
          return offer?.listening ?? 'nothing';
        },
        close: () => {
          offer?.end();
          void handle.close();
        },
      };
    },
  };
}

/** The bridge gets its lists to remember; the client hears which of them are not what another runtime told it. */
async function tellLists(offer: Offer | undefined, line: McpLine, resumes: Resumes | undefined): Promise<void> {
  const lists = await offer?.lists();
  if (lists === undefined) return;
  line.send({ jsonrpc: '2.0', method: LISTS, params: lists });
  if (resumes !== undefined) offer?.changed([], differing(resumes.lists, lists));
}

/** Hands messages between a session and the SDK. */
class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #line: Pick<McpLine, 'send' | 'ended'>;
  #closed = false;

  constructor(line: Pick<McpLine, 'send' | 'ended'>) {
    this.#line = line;
  }

  async start(): Promise<void> {}

  deliver(message: Message): void {
    try {
      this.onmessage?.(parseJSONRPCMessage(message));
    } catch (error) {
      this.onerror?.(error as Error);
      if (!isId(message.id) || message.method === undefined) return;
      const reason = 'This is not a JSON-RPC 2.0 request as MCP knows it.';
      this.#line.send({ jsonrpc: '2.0', id: message.id, error: { code: INVALID_REQUEST, message: reason } });
    }
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (!this.#closed) this.#line.send(message as Message);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.onclose?.();
    this.#line.ended();
  }
}
