import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { PostEnd, Poster, PostOrder } from '../ports.ts';
import { reachOf } from './addresses.ts';
import { retryAfter } from './providers/classify.ts';
import { type Exchange, exchange } from './providers/exchange.ts';

/*
 * P1. A name is resolved once, each of its addresses is checked, and no other address is connected to: a name that says
 *     something else a moment later changes nothing.
 * P2. One address that may not be called forbids them all: which one is taken is not for the name's owner to play with.
 * P3. No redirect is followed, nothing is repeated; what is answered is read within bounds and thrown away.
 */

export interface Address {
  readonly address: string;
  readonly family: number;
}

type Lookup = (host: string) => Promise<readonly Address[]>;

export interface PosterOptions {
  readonly lookup?: Lookup;
  /** Further certificates that are trusted. */
  readonly ca?: string;
}

const CONNECT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;

export function httpPoster(options: PosterOptions = {}): Poster {
  const lookup = oneAtATime(options.lookup ?? ((host) => systemLookup(host, { all: true })));
  return { post: (order, signal) => post(order, signal, { ...options, lookup }) };
}

/** A name server that is silent blocks a thread of those that files need too: never more than one. */
function oneAtATime(lookup: Lookup): Lookup {
  let last: Promise<unknown> = Promise.resolve();
  return (host) => {
    const found = last.then(() => lookup(host));
    last = found.catch(() => undefined);
    return found;
  };
}

type Parts = PosterOptions & { readonly lookup: Lookup };

async function post(order: PostOrder, signal: AbortSignal, options: Parts): Promise<PostEnd> {
  const begun = Date.now();
  const connect_ms = Math.min(CONNECT_MS, order.timeout_ms);
  const url = new URL(order.url);
  const found = await resolve(url, connect_ms, options.lookup);
  if (typeof found === 'string') return { kind: 'broken', reason: found };
  const against = forbidden(url, found, order.private);
  if (against !== undefined) return { kind: 'forbidden', reason: against }; // P2

  const { Client } = await import('undici'); // it takes a while to load
  const connect = { timeout: connect_ms, lookup: pinned(found), ...(options.ca !== undefined && { ca: options.ca }) };
  const client = new Client(url.origin, { connect });
  try {
    const request = { method: 'POST' as const, path: `${url.pathname}${url.search}`, ...order };
    const limits = { timeout_ms: Math.max(1, order.timeout_ms - (Date.now() - begun)), max_bytes: MAX_ANSWER };
    return judge(await exchange(client, request, limits, signal));
  } finally {
    await client.destroy();
  }
}

async function resolve(url: URL, connect_ms: number, lookup: Lookup): Promise<readonly Address[] | string> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((settle) => {
    timer = setTimeout(() => settle(`${host} could not be resolved within ${connect_ms} ms`), connect_ms);
  });
  try {
    const found = await Promise.race([lookup(host), late]);
    return found.length === 0 ? `${host} has no address` : found;
  } catch (error) {
    return `${host} could not be resolved (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`;
  } finally {
    clearTimeout(timer);
  }
}

function forbidden(url: URL, found: readonly Address[], mayBePrivate: boolean): string | undefined {
  for (const { address } of found) {
    const reach = reachOf(address);
    const at = url.hostname.includes(address) ? address : `${url.hostname} is at ${address}, which`;
    if (reach === 'never') return `${at} is never called: it is link-local, reserved, or a metadata service`;
    if (reach === 'private' && !mayBePrivate)
      return `${at} is this machine or a private network, and callbacks.private (of a sink: its own private) is off`;
    if (reach === 'public' && url.protocol === 'http:')
      return `${at} is public, and http:// is only for this machine and private networks`;
  }
  return undefined;
}

/** Whatever name is asked for: these and no others (P1). */
function pinned(found: readonly Address[]): LookupFunction {
  return (_host, { all, family }, callback) => {
    const fitting = found.filter((one) => !family || family === one.family || family === `IPv${one.family}`);
    const [first] = fitting;
    if (!first) callback(new Error('none of its addresses is of that family'), '');
    else if (all) callback(null, [...fitting]);
    else callback(null, first.address, first.family);
  };
}

function judge(end: Exchange): PostEnd {
  switch (end.kind) {
    case 'answer': {
      const location = end.headers.location;
      return {
        ...{ kind: 'answer', status: end.status, ...retryAfter(end) },
        ...(typeof location === 'string' && { location }),
      };
    }
    case 'too_large':
      return { kind: 'answer', status: end.status };
    case 'broken': // its word counts, though what followed did not come to an end
      return end.status === undefined ? { kind: 'broken', reason: end.reason } : { kind: 'answer', status: end.status };
  }
}
