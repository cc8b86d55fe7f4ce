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
