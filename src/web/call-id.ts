import type { IncomingMessage } from 'node:http';
import type { Caller } from '../runtime/yard.ts';
import { namedBy } from '../server/call-name.ts';
import { malformed, type Problem } from './problem.ts';

/**
 * Names a call so that the same call again is answered as the first was and changes nothing twice, over restarts too.
 * See `namedBy` for what `Idempotency-Key` belongs to.
 */
export function callId(
  { headers }: IncomingMessage,
  caller: Caller,
  tool: string,
  args: unknown,
): string | undefined | Problem {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (Array.isArray(key) || !/^[\x21-\x7e]{1,200}$/.test(key))
    return malformed(
      'Idempotency-Key must be 1 to 200 visible characters without blanks',
      'nothing was changed; a fresh UUID for each thing that you want to happen is a good key',
    );
  return namedBy(caller, { tool, args }, key);
}
