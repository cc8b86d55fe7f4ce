import type { IncomingMessage } from 'node:http';

/** What came of reading a body: its bytes, more than was allowed, or a client that went away in the middle. */
export type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too_large'; readonly limit: number }
  | { readonly kind: 'gone' };

/** Reads at most `limit` bytes into memory; what goes beyond is neither kept nor waited for. */
export function readBody(request: IncomingMessage, limit: number): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.resolve({ kind: 'too_large', limit });
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (body: Body): void => {
      request.off('data', take).off('end', whole).off('close', gone).off('error', gone);
      resolve(body);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= limit) return void chunks.push(chunk);
      request.pause();
      settle({ kind: 'too_large', limit });
    };
    const whole = (): void => settle({ kind: 'whole', bytes: Buffer.concat(chunks, size) });
    const gone = (): void => settle({ kind: 'gone' });
    request.on('data', take).on('end', whole).on('close', gone).on('error', gone);
  });
}
