import type { ServerResponse } from 'node:http';
import {
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  parseJSONRPCMessage,
  type Transport,
} from '@modelcontextprotocol/server';
import { idKey } from '../../jsonrpc.ts';
import type { Flights } from './flights.ts';

const HEARTBEAT_MS = 15_000;
/** What a client that stopped reading may let pile up before its connection is cut. */
const MAX_UNREAD = 64 * 1024 * 1024;

/** HTTP+SSE of the first revisions: answers on one long stream, messages to an address that the stream names. */
export class SseTransport implements Transport {
  readonly sessionId: string;
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  readonly #response: ServerResponse;
  readonly #flights: Flights;
  readonly #open = new Map<string, () => void>();
  #heartbeat: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(sessionId: string, response: ServerResponse, flights: Flights) {
    this.sessionId = sessionId;
    this.#response = response;
    this.#flights = flights;
  }

  async start(): Promise<void> {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    this.#write(`event: endpoint\ndata: /messages?sessionId=${this.sessionId}\n\n`);
    this.#heartbeat = setInterval(() => this.#write(': keepalive\n\n'), HEARTBEAT_MS);
    this.#response.once('close', () => void this.close());
  }

  /** False for what is no JSON-RPC message. */
  deliver(said: unknown): boolean {
    let message: JSONRPCMessage;
    try {
      message = parseJSONRPCMessage(said);
    } catch {
      return false;
    }
    if (isJSONRPCRequest(message)) this.#open.set(idKey(message.id), this.#flights.begin());
    this.onmessage?.(message);
    return true;
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#write(`event: message\ndata: ${JSON.stringify(message)}\n\n`);
    if (!isJSONRPCResultResponse(message) && !isJSONRPCErrorResponse(message)) return;
    if (message.id !== undefined) this.#landed(idKey(message.id));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#heartbeat);
    for (const key of [...this.#open.keys()]) this.#landed(key);
    this.#response.end();
    this.onclose?.();
  }

  #landed(key: string): void {
    this.#open.get(key)?.();
    this.#open.delete(key);
  }

  #write(text: string): void {
    if (this.#closed) return;
    this.#response.write(text);
    if (this.#response.writableLength > MAX_UNREAD) this.#response.destroy();
  }
}
