import type { Prices } from '../model/provider.ts';
import type { ModelTokens, Tokens } from '../model/usage.ts';
import { costOf } from './prices.ts';

/*
 * What a run has cost so far, and whether that is more than its `budget_usd`.
 *
 * G1. What its program tells counts as told; tokens that no told cost holds are priced by the configured table.
 * G2. Tokens of a model that the table does not name have no known cost. Where the program tells its costs that is a part
 *     which it tells later; elsewhere the run can't keep a budget, and is stopped: nobody would know when it passes it.
 * G3. A run that has come to its answer is not stopped: what it cost is spent, and the answer is there.
 */

export interface Bill {
  /** In USD; undefined where a part of it is not known. */
  readonly usd?: number;
  /** A model without a price. */
  readonly unpriced?: string;
}

export function billOf(told_usd: number | undefined, spent: readonly ModelTokens[], prices: Prices | undefined): Bill {
  const counted = spent.filter(({ tokens }) => totalOf(tokens) > 0);
  const priced = counted.map(({ model, tokens }) => ({ model, cost: inUsd(prices, model, tokens) }));
  const unpriced = priced.find(({ cost }) => cost === undefined);
  const sum = priced.reduce((total, { cost = 0 }) => total + cost, told_usd ?? 0);
  if (unpriced && told_usd === undefined) return { unpriced: unpriced.model ?? 'a model that it does not name' };
  return { usd: Number(sum.toPrecision(12)) };
}

/** What its subagents took stands elsewhere than what the conversation took itself. */
export function withSubagents<T extends { readonly usage: Tokens; readonly spent: readonly ModelTokens[] }>(
  conversation: T,
  more: readonly ModelTokens[],
): T {
  const usage = { ...conversation.usage, ...sumOf([{ tokens: conversation.usage }, ...more]) };
  return { ...conversation, usage, spent: [...conversation.spent, ...more] };
}

/** Whether a budget can be kept by these prices. */
export function pricesBudget(prices: Prices | undefined): boolean {
  return prices?.currency === 'USD' && Object.keys(prices.models).length > 0;
}

/** Why a run is to be stopped, where it is. `tells`: its program stops by itself where only it knows the cost (G2). */
export function budgetPassed(
  budget_usd: number,
  { usd, unpriced }: Bill,
  { tells, key }: { readonly tells: boolean; readonly key: string },
): string | undefined {
  if (usd !== undefined && usd > budget_usd)
    return `it has cost ${usd.toFixed(4)} USD so far, more than its budget_usd of ${budget_usd}`;
  if (unpriced === undefined || tells) return undefined;
  return `what it costs is not known, so its budget_usd of ${budget_usd} can't be kept: ${key} names no price of ${unpriced}`;
}

export function totalOf(tokens: Tokens): number {
  return tokens.input_tokens + tokens.output_tokens + tokens.cache_read_tokens + tokens.cache_write_tokens;
}

export function sumOf(spent: readonly ModelTokens[]): Tokens {
  const sum = (key: keyof Tokens) => spent.reduce((total, { tokens }) => total + tokens[key], 0);
  return {
    input_tokens: sum('input_tokens'),
    output_tokens: sum('output_tokens'),
    cache_read_tokens: sum('cache_read_tokens'),
    cache_write_tokens: sum('cache_write_tokens'),
  };
}

function inUsd(prices: Prices | undefined, model: string | undefined, tokens: Tokens): number | undefined {
  const cost = prices?.currency === 'USD' ? costOf(prices, model, tokens) : undefined;
  return cost?.amount;
}
