import { quote } from '../taskfile/split.ts';
import { type Unfit, unfit } from './unfit.ts';

/*
 * JSON of strangers.
 *
 * J1. What is not valid UTF-8 or JSON is refused, and so is what two readers could read differently: a key that is there
 *     twice, half a character, NUL.
 * J2. Nesting is bounded before anything walks through the value; the look at the text itself does not recurse.
 */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

const MAX_DEPTH = 32;
const HINT = 'Write it with a JSON library, under another name, and rename it to dispatch-….json when it is complete.';

export function readJson(bytes: Uint8Array): { readonly kind: 'read'; readonly object: JsonObject } | Unfit {
  const text = decode(bytes);
  if (text === undefined) return unfit('the file is not valid UTF-8', 'Save it as UTF-8.');
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return unfit(`the file is not valid JSON: ${quote((error as Error).message)}`, HINT);
  }
  const flaw = flawIn(text);
  if (flaw) return flaw;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return unfit('the file is not a JSON object', 'Begin it with { and end it with }.');
  return { kind: 'read', object: value as JsonObject };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** What JSON.parse lets pass; the text is valid JSON. */
function flawIn(text: string): Unfit | undefined {
  const open: (Set<string> | 'list')[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{' || char === '[') {
      if (open.push(char === '{' ? new Set() : 'list') > MAX_DEPTH)
        return unfit(`the file is nested more than ${MAX_DEPTH} deep`, HINT); // J2
    } else if (char === '}' || char === ']') open.pop();
    else if (char === '"') {
      const end = endOfString(text, at);
      const flaw = flawInString(text, at, end, open.at(-1));
      if (flaw) return flaw;
      at = end;
    }
  }
  return undefined;
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

function flawInString(text: string, start: number, end: number, within: Set<string> | 'list' | undefined) {
  const said = JSON.parse(text.slice(start, end + 1)) as string;
  if (said.includes('\0')) return unfit(`the file contains a NUL: ${quote(said.slice(0, 60))}`, HINT);
  if (/\p{Surrogate}/u.test(said))
    return unfit(`the file contains half a character: ${quote(said.slice(0, 60))}`, HINT);
  if (!(within instanceof Set) || !isKey(text, end + 1)) return undefined;
  if (within.has(said)) return unfit(`the key ${quote(said)} is there twice`, 'Leave one of them out.', said); // J1
  within.add(said);
  return undefined;
}

function isKey(text: string, after: number): boolean {
  let at = after;
  while (/\s/.test(text[at] ?? '')) at++;
  return text[at] === ':';
}
