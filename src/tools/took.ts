import type { Took } from '../runtime/model/try.ts';

/** `12345 tokens, 0.0450 USD`; undefined where nothing is known. */
export function tookText(took: Took | undefined): string | undefined {
  const parts = [
    ...(took?.tokens === undefined ? [] : [`${took.tokens} tokens`]),
    ...(took?.costs ?? []).map(({ amount, currency }) => `${amount.toFixed(4)} ${currency}`),
  ];
  return parts.length > 0 ? parts.join(', ') : undefined;
}
