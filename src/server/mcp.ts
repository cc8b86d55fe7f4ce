import { type JSONRPCMessage, parseJSONRPCMessage, type Transport } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { INVALID_REQUEST, isId, type Message } from '../jsonrpc.ts';
import type { Caller } from '../runtime/yard.ts';
import { type Listing, type McpBackend, Offer } from './offer.ts';

/** The other end of one connection, as the session carries it. */
export interface McpLine {
  send(message: Message): void;
  ended(): void;
}

export interface McpConnection {
  deliver(message: Message): void;
  /** Tells the client which resources changed, if it subscribed to them. */
  changed(uris: readonly string[]): void;
  close(): void;
}

export interface McpHost {
  connect(caller: Promise<Caller>, line: McpLine): McpConnection;
}

/** Serves the surface to any number of clients, each in the era of the protocol that it opens with. */
export function mcpHost(listing: Listing, backend: McpBackend): McpHost {
  return {
    connect(caller, line) {
      let offer: Offer | undefined;
      const transport = new LineTransport(line);
      const handle = serveStdio(
        ({ era }) => {
          offer = new Offer(listing, backend, caller, era === 'legacy');
          return offer.server;
        },
        { transport, onerror: (error) => backend.log.debug({ error: error.message }, 'mcp') },
      );
      return {
        deliver: (message) => transport.deliver(message),
        changed: (uris) => offer?.changed(uris),
        close: () => void handle.close(),
      };
    },
  };
}

/** Hands messages between a session and the SDK. */
class LineTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #line: McpLine;
  #closed = false;

  constructor(line: McpLine) {
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
