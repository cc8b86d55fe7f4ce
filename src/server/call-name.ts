import { createHash } from 'node:crypto';
import type { ServerContext } from '@modelcontextprotocol/server';
import type { Caller } from '../runtime/yard.ts';

/** Where a client without a session names a call itself; over HTTP the header `Idempotency-Key` says the same. */
const META_KEY = 'yardmaster/idempotency_key';
const MAX_KEY = 200;

export interface Asked {
  readonly tool: string;
  readonly args: unknown;
}

/** The name under which a call is journalled: the same call again changes nothing twice. Undefined where it has none. */
export function callName(caller: Caller, asked: Asked, { mcpReq, http }: ServerContext): string | undefined {
  const key = mcpReq._meta?.[META_KEY] ?? http?.req?.headers.get('idempotency-key');
  if (typeof key === 'string' && key !== '') return namedBy(caller, asked, key);
  return caller.bridge === undefined ? undefined : `${caller.bridge}:${JSON.stringify(mcpReq.id)}`;
}

/** A key belongs to its caller, tool and arguments: under the same key another request is another call. */
export function namedBy(caller: Caller, { tool, args }: Asked, key: string): string {
  const of = caller.principal === 'owner' ? 'owner' : `${caller.task.project}/${caller.task.id} ${caller.name}`;
  const short = key.length > MAX_KEY ? digest(key) : key;
  return `key:${of}:${tool} ${digest(JSON.stringify(args ?? {}))} ${short}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
