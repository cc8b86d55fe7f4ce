import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** How this server may be called: what a browser was tricked into asking for carries another name. */
export interface Names {
  isHost(headers: IncomingHttpHeaders): boolean;
  isOrigin(headers: IncomingHttpHeaders): boolean;
}

/** `more`: names beyond those of this machine's loopback, as they stand in the Host header. */
export function namesOf(host: string, port: number, more: readonly string[]): Names {
  const own = isWildcard(host) ? [] : [bracketed(host)];
  const hosts = new Set(['127.0.0.1', 'localhost', '[::1]', ...own].flatMap((name) => withPort(name, port)));
  for (const name of more) hosts.add(name.toLowerCase());
  const origins = new Set([...hosts].flatMap((name) => [`http://${name}`, `https://${name}`]));
  return {
    isHost: ({ host: given }) => given !== undefined && hosts.has(given.toLowerCase()),
    isOrigin: ({ origin }) => origin === undefined || origins.has(origin.toLowerCase()),
  };
}

/** Browsers and clients leave out the port that their scheme has anyway. */
function withPort(name: string, port: number): string[] {
  return port === 80 ? [name, `${name}:80`] : [`${name}:${port}`];
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

export function bracketed(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host.toLowerCase();
}
