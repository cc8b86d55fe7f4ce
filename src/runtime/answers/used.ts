import type { Used } from '../model/usage.ts';
import type { DoneOutcome } from '../work.ts';

/** What an answer took that is not taken for a result. */
export function usedOf({ model, tokens, usage, cost, cost_usd, cost_cad }: DoneOutcome): Used | undefined {
  const money =
    cost ??
    (cost_usd !== undefined ? { amount: cost_usd, currency: 'USD' } : undefined) ??
    (cost_cad !== undefined ? { amount: cost_cad, currency: 'CAD' } : undefined);
  const used: Used = {
    ...(model !== undefined && { model }),
    ...(tokens !== undefined && { tokens }),
    ...(usage && { usage }),
    ...(money && { cost: money }),
  };
  return Object.keys(used).length > 0 ? used : undefined;
}
