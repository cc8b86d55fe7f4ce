import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Json, JsonObject } from './json.ts';
import { type Unfit, unfit } from './unfit.ts';

const FIELD = 'source_signature';

/**
 * What is signed: the file's JSON without `source_signature`, the keys of every object in the order of their characters,
 * nothing between the tokens, no character escaped that need not be, numbers as JavaScript writes them.
 */
export function canonical(file: JsonObject): string {
  const { [FIELD]: _, ...signed } = file;
  return write(signed);
}

export function sign(file: JsonObject, key: string): string {
  return createHmac('sha256', key).update(canonical(file)).digest('hex');
}

/** By which files are signed; `unset`: it is configured, and the environment does not have it. */
export type SigningKey = { readonly secret: string } | 'unset';

export function signingKey(
  name: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): SigningKey | undefined {
  if (name === undefined) return undefined;
  const secret = env[name];
  return secret ? { secret } : 'unset';
}

export function refuseSignature(file: JsonObject, key: string): Unfit | undefined {
  const given = file[FIELD];
  if (typeof given !== 'string' || given === '')
    return unfit('source_signature: it is missing, and files are signed here', HINT, FIELD);
  const hex = /^(?:sha256=)?([0-9a-f]{64})$/i.exec(given)?.[1];
  const right = hex !== undefined && timingSafeEqual(Buffer.from(hex, 'hex'), Buffer.from(sign(file, key), 'hex'));
  return right ? undefined : unfit('source_signature: it does not fit the file and the key', HINT, FIELD);
}

const HINT = 'Sign it with the key of intake_key_env, as "Dispatch files" in the README shows.';

/** Nesting is bounded (json.ts J2). */
function write(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value as JsonObject).sort(([a], [b]) => byCharacter(a, b));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${write(inner)}`).join(',')}}`;
}

/** As other languages sort: by characters, not by the halves that UTF-16 makes of some. */
function byCharacter(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
