import type { ServerResponse } from 'node:http';
import { sendJson } from './answer.ts';

/** The SDK's own code for what the transport refuses. */
export const REFUSED = -32_000;
/** As clients of the older revisions know it: they initialise again. */
export const SESSION_GONE = -32_001;

/** A refusal in the words of JSON-RPC: MCP clients show its message. */
export function sendRpcError(response: ServerResponse, status: number, code: number, message: string): void {
  const retry = status === 503 ? { 'retry-after': '1' } : {};
  sendJson(response, status, { jsonrpc: '2.0', id: null, error: { code, message } }, retry);
}
