import type { Took } from '../model/try.ts';
import { Try } from '../model/try.ts';
import { Cost } from '../model/usage.ts';
import type { Entry } from './write.ts';
import type { Fields } from './yaml.ts';

/* The attempts of a task, as the front matter of done/ and failed/ keeps them for programs, and as it is read back. */

export function triesEntries(tries: readonly Try[] | undefined, took: Took | undefined): [string, Entry][] {
  return [
    ['took_tokens', took?.tokens],
    ['took_cost', took?.costs?.map(costText)],
    ['tries', tries?.length ? tries.map((one) => JSON.stringify(one)) : undefined],
  ];
}

/** What a person changed into something else is left out. */
export function readTries(fields: Fields): readonly Try[] {
  return textsAt(fields, 'tries').flatMap((text) => Try.safeParse(dataOf(text)).data ?? []);
}

export function readTook(fields: Fields): Took | undefined {
  const tokens = Number(fields.get('took_tokens'));
  const costs = textsAt(fields, 'took_cost').flatMap((text) => readCostText(text) ?? []);
  if (!(tokens > 0) && costs.length === 0) return undefined;
  return { ...(tokens > 0 && { tokens }), ...(costs.length > 0 && { costs }) };
}

export function costText({ amount, currency }: Cost): string {
  return `${amount.toFixed(4)} ${currency}`;
}

function readCostText(text: string): Cost | undefined {
  const [amount, currency] = text.split(' ');
  return Cost.safeParse({ amount: Number(amount), currency }).data;
}

function textsAt(fields: Fields, key: string): string[] {
  const value = fields.get(key);
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

function dataOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
