import { JobState, type JobsProvider } from '../../model/provider.ts';
import type { Cost, Tokens } from '../../model/usage.ts';
import { costOf } from '../../policy/prices.ts';
import { amountIn, answerOf, type Json, nameIn, quote, valueAt, wording } from './answers.ts';

/*
 * What the answers of a job service say, in its own words.
 *
 * 1. Only a word that is known ends a job. One that is not known means that the job goes on, and is shown as it is: were it
 *    trouble, a service with words of its own would look broken; were it an end, a job at work would be given up. Who sees
 *    the word writes it into `states`, and the next look understands it.
 * 2. What is not needed to go on (model, cost, counts) is dropped when it is malformed, instead of spoiling a result that
 *    was paid for.
 */

type Words = Pick<JobsProvider, 'fields' | 'states' | 'currency' | 'prices'>;

/** It becomes part of a URL's path and of a file's front matter, so it is kept plain. */
export function jobIdIn(json: unknown, { fields }: Pick<Words, 'fields'>): string | undefined {
  const given = valueAt(json, fields.job_id);
  const id = Number.isSafeInteger(given) ? String(given) : given;
  const plain = typeof id === 'string' && /^[A-Za-z0-9_][A-Za-z0-9_.:~=+@-]{0,199}$/.test(id) && !id.includes('..');
  return plain ? id : undefined;
}

export type Standing =
  | { readonly kind: 'known'; readonly state: JobState }
  | { readonly kind: 'unknown'; readonly word: string }
  | { readonly kind: 'none' };

export function standingIn(json: unknown, { fields, states }: Pick<Words, 'fields' | 'states'>): Standing {
  const given = valueAt(json, fields.status);
  if (typeof given !== 'string' && typeof given !== 'number') return { kind: 'none' };
  const word = String(given);
  const own = Object.hasOwn(states, word) ? states[word] : undefined;
  const state = own ?? JobState.safeParse(word.toLowerCase()).data;
  return state === undefined ? { kind: 'unknown', word } : { kind: 'known', state }; // 1
}

/** A text, or JSON that is shown as a text: an answer may be structured. */
export function responseIn(json: unknown, { fields }: Pick<Words, 'fields'>, key: string | undefined) {
  const given = valueAt(json, fields.response);
  if (typeof given === 'string') return answerOf(given, key);
  if (typeof given === 'object' && given !== null) return answerOf(JSON.stringify(given, null, 2), key);
  return undefined;
}

export function errorIn(json: unknown, { fields }: Pick<Words, 'fields'>, key: string | undefined): string {
  const given = wording(valueAt(json, fields.error));
  return given === undefined ? 'no reason given' : quote(given, key);
}

export interface Facts {
  readonly provider?: string;
  readonly model?: string;
  readonly tokens?: number;
  readonly usage?: Tokens;
  readonly cost?: Cost;
}

/** Who has done it and what it took; what is named in several answers is what the last one says. */
export function factsIn(answers: readonly unknown[], words: Words, key: string | undefined): Facts {
  const { fields } = words;
  const last = <T>(field: string | undefined, read: (value: unknown) => T | undefined): T | undefined =>
    field === undefined
      ? undefined
      : answers.map((json) => read(valueAt(json, field))).findLast((value) => value !== undefined);
  const provider = last(fields.provider, (value) => nameIn(value, key));
  const model = last(fields.model, (value) => nameIn(value, key));
  const usage = usageOf(last(fields.input_tokens, amountIn), last(fields.output_tokens, amountIn));
  const tokens = last(fields.tokens, amountIn) ?? (usage && usage.input_tokens + usage.output_tokens);
  const amount = last(fields.cost, amountIn);
  const priced = usage && costOf(words.prices, model, usage);
  const cost = amount === undefined ? priced : { amount, currency: words.currency };
  return {
    ...(provider !== undefined && { provider }),
    ...(model !== undefined && { model }),
    ...(tokens !== undefined && { tokens }),
    ...(usage !== undefined && { usage }),
    ...(cost !== undefined && { cost }),
  };
}

function usageOf(input: number | undefined, output: number | undefined): Tokens | undefined {
  if (input === undefined || output === undefined) return undefined;
  return { input_tokens: input, output_tokens: output, cache_read_tokens: 0, cache_write_tokens: 0 };
}

/** The jobs of a lookup by key: one, or a list of them; undefined where it is neither. */
export function listedIn(json: unknown, words: Pick<Words, 'fields'>): readonly Listed[] | undefined {
  if (Array.isArray(json)) return json.map((one) => listed(one, words));
  if (typeof json !== 'object' || json === null) return undefined;
  if (Array.isArray((json as Json).jobs)) return listedIn((json as Json).jobs, words);
  return jobIdIn(json, words) === undefined ? undefined : [listed(json, words)];
}

export interface Listed {
  readonly job_id: string | undefined;
  /** Of which submit it came, where the service says so. */
  readonly key: unknown;
}

function listed(json: unknown, words: Pick<Words, 'fields'>): Listed {
  return { job_id: jobIdIn(json, words), key: valueAt(json, 'idempotency_key') };
}
