import type { ServerResponse } from 'node:http';
import { createGzip, gzipSync } from 'node:zlib';

/**
 * One way to misbehave. `accepting` says whether a submit that is hit by it has made its job all the same. Those that say
 * "the answer" misbehave with the honest answer (a submit makes its job for it).
 */
export type Fault =
  | {
      readonly kind: 'status';
      readonly code: number;
      /** Seconds, or any text. */
      readonly retry_after?: string;
      /** The same as a date. */
      readonly retry_date_in_ms?: number;
      readonly body?: string;
      readonly accepting?: boolean;
    }
  | { readonly kind: 'drop'; readonly accepting?: boolean | undefined }
  | { readonly kind: 'stall'; readonly accepting?: boolean | undefined }
  | { readonly kind: 'drip'; readonly accepting?: boolean | undefined } // a byte now and then, for ever
  | {
      readonly kind: 'body'; // 200 with this
      readonly text: string;
      readonly content_type?: string;
      readonly accepting?: boolean | undefined;
    }
  | { readonly kind: 'huge'; readonly bytes: number; readonly accepting?: boolean | undefined }
  | { readonly kind: 'bomb'; readonly bytes: number; readonly accepting?: boolean } // gzip, unasked for
  | { readonly kind: 'redirect'; readonly to: string; readonly code?: number; readonly accepting?: boolean }
  | { readonly kind: 'slow'; readonly ms: number } // the answer, later
  | { readonly kind: 'chunks'; readonly bytes: number; readonly every_ms: number } // the answer, in small pieces
  | { readonly kind: 'partial'; readonly ends: 'cleanly' | 'dropped' } // half of the answer
  | { readonly kind: 'type'; readonly content_type: string } // the answer, under another name
  | { readonly kind: 'gzip' }; // the answer, compressed unasked

export type FaultWithAnswer = Extract<Fault, { kind: 'slow' | 'chunks' | 'partial' | 'type' | 'gzip' }>;

const WITH_ANSWER: ReadonlySet<Fault['kind']> = new Set(['slow', 'chunks', 'partial', 'type', 'gzip']);

export function needsAnswer(fault: Fault): fault is FaultWithAnswer {
  return WITH_ANSWER.has(fault.kind);
}

export interface Answer {
  readonly code: number;
  readonly json: unknown;
}

/** Calls back after a while, unless the service is closed before. */
export type Later = (ms: number, run: () => void) => void;

const JSON_TYPE = { 'content-type': 'application/json' };

export function spoil(response: ServerResponse, fault: FaultWithAnswer, { code, json }: Answer, later: Later): void {
  const text = JSON.stringify(json);
  switch (fault.kind) {
    case 'slow':
      later(fault.ms, () => response.writeHead(code, JSON_TYPE).end(text));
      return;
    case 'chunks':
      response.writeHead(code, JSON_TYPE);
      inPieces(response, Buffer.from(text), fault, later);
      return;
    case 'partial': {
      const half = text.slice(0, text.length / 2);
      if (fault.ends === 'cleanly') {
        response.writeHead(code, JSON_TYPE).end(half);
        return;
      }
      response.writeHead(code, { ...JSON_TYPE, 'content-length': Buffer.byteLength(text) });
      response.write(half, () => response.socket?.destroy());
      return;
    }
    case 'type':
      response.writeHead(code, { 'content-type': fault.content_type }).end(text);
      return;
    case 'gzip':
      response.writeHead(code, { ...JSON_TYPE, 'content-encoding': 'gzip' }).end(gzipSync(text));
      return;
  }
}

export function misbehave(response: ServerResponse, fault: Exclude<Fault, FaultWithAnswer>, later: Later): void {
  switch (fault.kind) {
    case 'status': {
      const at = fault.retry_date_in_ms;
      const wait = at === undefined ? fault.retry_after : new Date(Date.now() + at).toUTCString();
      const body = fault.body ?? JSON.stringify({ error: `scripted ${fault.code}` });
      response.writeHead(fault.code, { ...JSON_TYPE, ...(wait !== undefined && { 'retry-after': wait }) }).end(body);
      return;
    }
    case 'drop':
      response.socket?.destroy();
      return;
    case 'stall':
      return;
    case 'drip': {
      response.writeHead(200, JSON_TYPE);
      const drop = () => {
        if (response.destroyed) return;
        response.write(' ');
        later(20, drop);
      };
      drop();
      return;
    }
    case 'body':
      response.writeHead(200, { 'content-type': fault.content_type ?? 'application/json' }).end(fault.text);
      return;
    case 'huge':
      response.writeHead(200, JSON_TYPE);
      pour(response, response, fault.bytes);
      return;
    case 'bomb': {
      response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' });
      const gzip = createGzip();
      gzip.pipe(response);
      response.once('close', () => gzip.destroy());
      gzip.on('error', () => undefined);
      pour(gzip, response, fault.bytes);
      return;
    }
    case 'redirect':
      response.writeHead(fault.code ?? 302, { location: fault.to }).end();
      return;
  }
}

function inPieces(
  response: ServerResponse,
  left: Buffer,
  pace: { readonly bytes: number; readonly every_ms: number },
  later: Later,
): void {
  if (response.destroyed) return;
  response.write(left.subarray(0, pace.bytes));
  const rest = left.subarray(pace.bytes);
  if (rest.length === 0) response.end();
  else later(pace.every_ms, () => inPieces(response, rest, pace, later));
}

/** `{"response":"xxxx…` of the given size, written only as fast as it is taken. */
function pour(into: NodeJS.WritableStream, response: ServerResponse, bytes: number): void {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  let left = bytes;
  into.write('{"response":"');
  const more = () => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length;
      if (into.write(chunk)) continue;
      into.once('drain', more);
      return;
    }
    if (!response.destroyed) into.end('"}');
  };
  more();
}
