import { answerText, plainLine } from '../../model/plain-text.ts';

/*
 * The words of a service are a stranger's: what is kept of them is plain text, bounded, and never our key, also where the
 * service says it back.
 */

const MAX_QUOTE = 300;
/** Shorter ones are stand-ins such as `ollama`: taken out of an answer they would leave holes in honest text. */
const MIN_SECRET = 16;

export type Json = Readonly<Record<string, unknown>>;

/** The body as JSON, or undefined: it is none, or it is broken off, compressed, or a page of a gateway. */
export function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** What stands there; dots lead into objects and, by number, into lists. */
export function valueAt(json: unknown, path: string): unknown {
  let value = json;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Json)[step];
  }
  return value;
}

/** A name of a model or a provider: one short line, or nothing. */
export function nameIn(value: unknown, key: string | undefined): string | undefined {
  if (typeof value !== 'string' || value.length > 200 || !/^\P{C}+$/u.test(value)) return undefined;
  return withoutSecret(value, key);
}

/** A count or a sum of money, as a number or as decimals in a text. */
export function amountIn(value: unknown): number | undefined {
  const amount = typeof value === 'string' && /^\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : value;
  return typeof amount === 'number' && Number.isFinite(amount) && amount >= 0 ? amount : undefined;
}

/** An answer as it is kept. */
export function answerOf(text: string, key: string | undefined): string {
  return withoutSecret(answerText(text), key);
}

/** A stranger's words inside a reason of ours: one line, bounded, plain, and without our key. */
export function quote(text: string, key: string | undefined): string {
  const clean = withoutKey(plainLine(text), key)
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim();
  return clean.length > MAX_QUOTE ? `${clean.slice(0, MAX_QUOTE)}…` : clean;
}

/** What an answer complains about, in any of the shapes that services use, else the start of its body. */
export function complaint(body: Buffer, key: string | undefined, field = 'error'): string {
  const json = jsonIn(body);
  const given = [field, 'error', 'message', 'detail'].map((path) => wording(valueAt(json, path)));
  return quote(given.find((words) => words !== undefined) ?? new TextDecoder().decode(body), key);
}

export function wording(error: unknown): string | undefined {
  if (typeof error === 'string') return error === '' ? undefined : error;
  if (typeof error !== 'object' || error === null) return undefined;
  const message = valueAt(error, 'message');
  return typeof message === 'string' && message !== '' ? message : JSON.stringify(error);
}

export function holdsSecret(text: string, key: string | undefined): boolean {
  return withoutSecret(text, key) !== text;
}

function withoutSecret(text: string, key: string | undefined): string {
  return key !== undefined && key.length >= MIN_SECRET ? withoutKey(text, key) : text;
}

/** Also as it stands in JSON or in an address. */
function withoutKey(text: string, key: string | undefined): string {
  if (!key) return text;
  const escaped = JSON.stringify(key).slice(1, -1);
  const forms = new Set([key, escaped, escaped.replaceAll('/', '\\/'), encodeURIComponent(key)]);
  return [...forms].reduce((clean, form) => clean.replaceAll(form, '[key]'), text);
}
