import type { Prices } from '../model/provider.ts';
import type { Cost, Tokens } from '../model/usage.ts';

const PRICED_TOKENS = 1_000_000;

/**
 * What so many tokens of a model cost by the table; undefined where the table does not name this very model: a price of
 * another one would be a guess. The four kinds of tokens don't overlap: `input_tokens` are those that no cache had, so
 * that what a service counts as "prompt, of which cached" has to be split before. What is written to a cache is input where the
 * table has no price of its own for that.
 */
export function costOf(prices: Prices | undefined, model: string | undefined, usage: Tokens): Cost | undefined {
  if (prices === undefined || model === undefined || !Object.hasOwn(prices.models, model)) return undefined;
  const price = prices.models[model];
  const counts = [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens];
  if (price === undefined || !counts.every((count) => Number.isFinite(count) && count >= 0)) return undefined;
  const sum =
    usage.input_tokens * price.input +
    usage.cache_write_tokens * (price.cache_write ?? price.input) +
    usage.cache_read_tokens * (price.cached_input ?? price.input) +
    usage.output_tokens * price.output;
  return { amount: Number((sum / PRICED_TOKENS).toPrecision(12)), currency: prices.currency };
}
