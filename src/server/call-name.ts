import type { ServerContext } from '@modelcontextprotocol/server';
import type { Caller } from '../runtime/yard.ts';

/** Where a client without a session names a call itself; over HTTP the header `Idempotency-Key` says the same. */
const META_KEY = 'yardmaster/idempotency_key';
const MAX_KEY = 256;

/** The name under which a call is journalled: the same call again changes nothing twice. Undefined where it has none. */
export function callName(caller: Caller, meta: unknown, { mcpReq, http }: ServerContext): string | undefined {
  const given = (meta as Record<string, unknown> | undefined)?.[META_KEY] ?? http?.req?.headers.get('idempotency-key');
  const named = typeof given === 'string' ? namedBy(caller, given) : undefined;
  if (named !== undefined) return named;
  return caller.bridge === undefined ? undefined : `${caller.bridge}:${JSON.stringify(mcpReq.id)}`;
}

/** Keys of one principal never meet those of another. */
export function namedBy(caller: Caller, key: string): string | undefined {
  if (key === '' || key.length > MAX_KEY) return undefined;
  const of = caller.principal === 'owner' ? 'owner' : `${caller.task.project}/${caller.task.id} ${caller.name}`;
  return `key:${of}:${key}`;
}
