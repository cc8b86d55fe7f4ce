import type { IncomingMessage, ServerResponse } from 'node:http';

/* Between Node's requests and those of the web, in which the MCP SDK thinks. */

/** What a client that stopped reading may let pile up before its connection is cut. */
const MAX_UNREAD = 64 * 1024 * 1024;

/** Without its body, which was read before. `signal`: the client went away. */
export function webRequest(request: IncomingMessage, url: URL, signal: AbortSignal): Request {
  const headers = new Headers();
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
    headers.append(request.rawHeaders[i] ?? '', request.rawHeaders[i + 1] ?? '');
  }
  return new Request(url, { method: request.method ?? 'GET', headers, signal });
}

/** Aborts when the client goes away before it was answered. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  if (response.destroyed) gone.abort();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  return gone.signal;
}

export async function sendWeb(answer: Response, response: ServerResponse): Promise<void> {
  if (isStream(answer)) return stream(answer, response);
  const bytes = Buffer.from(await answer.arrayBuffer());
  const length = answer.status === 202 || bytes.length > 0 ? { 'content-length': bytes.length } : {};
  response.writeHead(answer.status, { ...Object.fromEntries(answer.headers), ...length }).end(bytes);
}

function isStream(answer: Response): boolean {
  return answer.headers.get('content-type')?.startsWith('text/event-stream') === true;
}

async function stream(answer: Response, response: ServerResponse): Promise<void> {
  response.writeHead(answer.status, Object.fromEntries(answer.headers)).flushHeaders(); // the first event may be far away
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const gone = (): void => void reader.cancel().catch(() => {}); // or it would be kept, and written to, for ever
  if (response.destroyed) gone();
  response.once('close', gone);
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    response.write(next.value);
    if (response.writableLength > MAX_UNREAD) response.destroy();
  }
  response.end();
}
