import type { Outcome } from '../model/task.ts';
import { Cost, type Used } from '../model/usage.ts';
import { decimal, type Entry } from './write.ts';

/* What an attempt took, as the front matter of done/ and failed/ says it. What is unknown is left out. */

/** Money in a currency that has no key of its own. */
export function costEntries(cost: Cost | undefined): [string, Entry][] {
  return [
    ['cost', decimal(cost?.amount, 4)],
    ['cost_currency', cost?.currency],
  ];
}

export function readCost(get: (key: string) => string | undefined): Cost | undefined {
  const amount = get('cost');
  if (amount === undefined || !/^\d+(\.\d+)?$/.test(amount)) return undefined;
  return Cost.safeParse({ amount: Number(amount), currency: get('cost_currency') }).data;
}

/** What the last attempt took although it failed. */
export function usedEntries(outcome: Outcome): [string, Entry][] {
  const used: Used = (outcome.state === 'failed' && outcome.used) || {};
  return [
    ['used_model', used.model],
    ['used_tokens', used.tokens],
    ['used_input_tokens', used.usage?.input_tokens],
    ['used_output_tokens', used.usage?.output_tokens],
    ['used_cache_read_tokens', used.usage?.cache_read_tokens],
    ['used_cache_write_tokens', used.usage?.cache_write_tokens],
    ['used_cost', decimal(used.cost?.amount, 4)],
    ['used_currency', used.cost?.currency],
  ];
}
