import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';

export interface Request {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Limits {
  /** For everything together: connecting, sending, waiting, reading. A body that drips in can't outlast it. */
  readonly timeout_ms: number;
  readonly max_bytes: number;
}

/** How one request ended. `sent: false` is a promise: not one byte of it has left this machine. */
export type Exchange =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: Buffer }
  | { readonly kind: 'too_large'; readonly status: number; readonly max_bytes: number }
  /** `status`: it had begun to answer. */
  | { readonly kind: 'broken'; readonly sent: boolean; readonly reason: string; readonly status?: number };

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/**
 * One HTTP request, never redirected and never repeated. It goes through `dispatch` because only that tells
 * whether the request had begun to leave when it failed: on this hangs whether a prompt may be sent again.
 */
export function exchange(pool: Dispatcher, request: Request, limits: Limits, signal: AbortSignal): Promise<Exchange> {
  return new Promise((resolve) => {
    let sent = false;
    let status = 0;
    let headers: Headers = {};
    const chunks: Buffer[] = [];
    let size = 0;
    let settled = false;
    let controller: Dispatcher.DispatchController | undefined;

    const settle = (end: Exchange) => {
      if (settled) return;
      settled = true;
      clearTimeout(deadline);
      signal.removeEventListener('abort', onAbort);
      resolve(end);
      if (end.kind !== 'answer') controller?.abort(new Error(end.kind));
    };
    const broken = (reason: string) => settle({ kind: 'broken', sent, reason, ...(status > 0 && { status }) });
    const onAbort = () => broken('the request was called off');
    const deadline = setTimeout(() => broken(`no answer within ${limits.timeout_ms} ms`), limits.timeout_ms);
    if (signal.aborted) return onAbort();
    setMaxListeners(0, signal); // one stop calls off many requests
    signal.addEventListener('abort', onAbort, { once: true });

    pool.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: { ...request.headers },
        body: request.body ?? null,
        headersTimeout: 0, // the deadline above covers all of it
        bodyTimeout: 0,
      },
      {
        onRequestStart(given) {
          controller = given;
          // Aborted here, undici writes nothing: a request that was given up while it waited for a socket stays unsent.
          if (settled) given.abort(new Error('given up before it was sent'));
          else sent = true;
        },
        onResponseStart(_controller, code, given) {
          status = code;
          headers = given;
          if (Number(given['content-length']) > limits.max_bytes)
            settle({ kind: 'too_large', status, max_bytes: limits.max_bytes });
        },
        onResponseData(_controller, chunk) {
          if (settled) return;
          size += chunk.length;
          if (size > limits.max_bytes) settle({ kind: 'too_large', status, max_bytes: limits.max_bytes });
          else chunks.push(chunk);
        },
        onResponseEnd() {
          settle({ kind: 'answer', status, headers, body: Buffer.concat(chunks) });
        },
        onResponseError(_controller, error) {
          broken(describe(error));
        },
      },
    );
  });
}

export function describe(error: Error): string {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && !error.message.includes(code) ? `${code}: ${error.message}` : error.message;
}
