import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Why a request is not served, as its client sees it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: OutgoingHttpHeaders = {},
): void {
  const text = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : text);
}

/** `{code, message, hint}`, whatever the path. */
export function sendFailure(
  response: ServerResponse,
  status: number,
  { code, message, hint }: Failure,
  headers: OutgoingHttpHeaders = {},
): void {
  sendJson(response, status, { code, message, hint }, headers);
}

/** How much of a refused body is read away, so that the client, still sending, comes to see the answer. */
const DRAIN_BYTES = 1024 * 1024;
const DRAIN_MS = 1_000;

/** For a body that is refused before it was read: the answer goes out at once, the connection ends a little later. */
export function refuseBody(request: IncomingMessage, response: ServerResponse, status: number, failure: Failure): void {
  const { code, message, hint } = failure;
  const text = JSON.stringify({ code, message, hint });
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  });
  response.write(text); // ending it would cut the connection, and what is on its way to the client with it
  const cut = setTimeout(() => response.end(), DRAIN_MS);
  response.once('close', () => clearTimeout(cut));
  let drained = 0;
  request.on('data', (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > DRAIN_BYTES) request.pause();
  });
  request.once('end', () => response.end());
  request.resume();
}
