import type { IncomingMessage } from 'node:http';

/* What a request's head says. */

/** Undefined for a target that is no path of ours: absolute ones are for proxies. */
export function urlOf({ url, headers }: IncomingMessage): URL | undefined {
  if (url?.startsWith('/') !== true || url.startsWith('//')) return undefined;
  const whole = `http://${headers.host}${url}`;
  return URL.canParse(whole) ? new URL(whole) : undefined;
}

export function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S{1,1024}) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** RFC 6750: an error is named only where credentials were sent. */
export function challenge(bearer: string | undefined): string {
  return `Bearer realm="yardmaster"${bearer === undefined ? '' : ', error="invalid_token"'}`;
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

export function expectsContinue({ headers }: IncomingMessage): boolean {
  return headers.expect?.toLowerCase() === '100-continue';
}

/** Nothing is decompressed here: a small body could become a large one. */
export function isEncoded({ headers }: IncomingMessage): boolean {
  return (headers['content-encoding'] ?? 'identity').toLowerCase() !== 'identity';
}

export function isJson({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.split(';')[0]?.trim().toLowerCase() === 'application/json';
}
