import { z } from 'zod';

/** Money as it was named to us. Nothing is converted: what a currency is worth is not ours to say. */
export const Cost = z.object({
  amount: z.number().nonnegative(),
  currency: z.string().regex(/^[A-Z]{3}$/, 'three capital letters, such as USD'),
});
export type Cost = z.infer<typeof Cost>;

export const Tokens = z.object({
  input_tokens: z.number(),
  output_tokens: z.number(),
  cache_read_tokens: z.number(),
  cache_write_tokens: z.number(),
});
export type Tokens = z.infer<typeof Tokens>;

/** Tokens by the model that they were spent on, as its program names it. */
export interface ModelTokens {
  readonly model?: string;
  readonly tokens: Tokens;
}

/** What an attempt took, as far as it was told; what is unknown is absent, never 0. */
export const Used = z.object({
  model: z.string().optional(),
  /** Of every kind together. */
  tokens: z.number().nonnegative().optional(),
  usage: Tokens.optional(),
  cost: Cost.optional(),
});
export type Used = z.infer<typeof Used>;

/** A cost under the names that files and events have for it: two currencies have keys of their own. */
export function costFacts(cost: Cost | undefined): { cost_usd?: number; cost_cad?: number; cost?: Cost } {
  if (cost === undefined) return {};
  if (cost.currency === 'USD') return { cost_usd: cost.amount };
  if (cost.currency === 'CAD') return { cost_cad: cost.amount };
  return { cost };
}

/** The facts of an end under the names of `costFacts`, as one. */
export function usedOf(facts: {
  readonly model?: string | undefined;
  readonly tokens?: number | undefined;
  readonly usage?: Tokens | undefined;
  readonly cost_usd?: number | undefined;
  readonly cost_cad?: number | undefined;
  readonly cost?: Cost | undefined;
}): Used | undefined {
  const { model, tokens, usage, cost_usd, cost_cad } = facts;
  const cost = facts.cost ?? inCurrency(cost_usd, 'USD') ?? inCurrency(cost_cad, 'CAD');
  if (tokens === undefined && usage === undefined && cost === undefined) return undefined;
  return {
    ...(model !== undefined && { model }),
    ...(tokens !== undefined && { tokens }),
    ...(usage && { usage }),
    ...(cost && { cost }),
  };
}

function inCurrency(amount: number | undefined, currency: string): Cost | undefined {
  return amount === undefined ? undefined : { amount, currency };
}
