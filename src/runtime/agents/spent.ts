import type { ModelTokens, Tokens } from '../model/usage.ts';

const NONE: Tokens = { input_tokens: 0, output_tokens: 0, cache_read_tokens: 0, cache_write_tokens: 0 };

/** Adds up what was spent, by model. */
export class Spent {
  readonly #models = new Map<string | undefined, Tokens>();

  add(model: string | undefined, more: Tokens): void {
    const sum = this.#models.get(model);
    this.#models.set(model, sum ? plus(sum, more) : more);
  }

  get sum(): Tokens {
    return [...this.#models.values()].reduce(plus, NONE);
  }

  get all(): readonly ModelTokens[] {
    return [...this.#models].map(([model, tokens]) => ({ ...(model !== undefined && { model }), tokens }));
  }
}

function plus(a: Tokens, b: Tokens): Tokens {
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    cache_read_tokens: a.cache_read_tokens + b.cache_read_tokens,
    cache_write_tokens: a.cache_write_tokens + b.cache_write_tokens,
  };
}
