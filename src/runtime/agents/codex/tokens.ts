import type { Tokens } from '../../model/usage.ts';

/** As Codex says it, in its rollout and in its stream. */
export interface CodexUsage {
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly cache_write_input_tokens: number;
  readonly output_tokens: number;
}

/** What was read from the cache or written into it is counted among the input there. */
export function tokensOf(spent: CodexUsage): Tokens {
  const { input_tokens, cached_input_tokens: read, cache_write_input_tokens: written, output_tokens } = spent;
  return {
    input_tokens: Math.max(0, input_tokens - read - written),
    output_tokens,
    cache_read_tokens: read,
    cache_write_tokens: written,
  };
}
