import { z } from 'zod';
import type { Tokens } from '../../model/usage.ts';

/*
 * One piece of an answer, or a whole one: they differ in `delta` and `message`. Everything is optional and nothing is
 * believed: a field of another type is as good as absent.
 */

const words = z
  .union([
    z.string(),
    // Some send parts, and only those of type `text` are the answer.
    z
      .array(z.object({ type: z.string(), text: z.string().optional().catch(undefined) }))
      .transform((parts) => parts.map(({ type, text }) => (type === 'text' ? (text ?? '') : '')).join('')),
  ])
  .nullish()
  .catch(undefined);

const Said = z.object({
  content: words,
  refusal: words,
  reasoning_content: words,
  reasoning: words,
  tool_calls: z.unknown(),
  function_call: z.unknown(),
});

const Choice = z.object({
  index: z.number().catch(0),
  delta: Said.partial().nullish().catch(undefined),
  message: Said.partial().nullish().catch(undefined),
  finish_reason: z.string().nullish().catch(undefined),
});

const count = z.number().int().nonnegative().max(1e12).nullish().catch(undefined);
const Usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_cache_hit_tokens: count, // DeepSeek
  prompt_tokens_details: z
    .object({ cached_tokens: count, cache_write_tokens: count })
    .partial()
    .nullish()
    .catch(undefined),
  cost: z.number().nonnegative().max(1e9).nullish().catch(undefined), // OpenRouter, in USD
});
type Usage = z.infer<typeof Usage>;

const Chunk = z.object({
  model: z.string().nullish().catch(undefined),
  choices: z.array(Choice).nullish().catch(undefined),
  usage: Usage.nullish().catch(undefined),
});

/** What one of them adds to the answer. */
export interface Piece {
  readonly text: string;
  /** Characters of thinking, which is no part of the answer. */
  readonly thought: number;
  readonly refusal: string;
  readonly calls: boolean;
  readonly finish?: string;
  readonly model?: string;
  readonly usage?: Counted;
}

export interface Counted {
  readonly tokens?: number;
  readonly usage?: Tokens;
  readonly cost_usd?: number;
}

export type Understood =
  | { readonly kind: 'piece'; readonly piece: Piece }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'garbled' };

export function understand(text: string): Understood {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return { kind: 'garbled' };
  }
  const error = errorIn(given);
  if (error !== undefined) return { kind: 'error', error };
  const chunk = Chunk.safeParse(given);
  return chunk.success ? { kind: 'piece', piece: pieceOf(chunk.data) } : { kind: 'garbled' };
}

function errorIn(given: unknown): unknown {
  const outer = Array.isArray(given) ? given[0] : given;
  if (typeof outer !== 'object' || outer === null) return undefined;
  const { error, object } = outer as { error?: unknown; object?: unknown };
  if (error !== undefined && error !== null && error !== '') return given;
  return object === 'error' ? given : undefined; // older vLLM
}

function pieceOf({ choices, model, usage }: z.infer<typeof Chunk>): Piece {
  const choice = choices?.find(({ index }) => index === 0); // more than one may have been asked for; the first is the answer
  const said = choice?.delta ?? choice?.message;
  return {
    text: said?.content ?? '',
    thought: (said?.reasoning_content ?? said?.reasoning ?? '').length,
    refusal: said?.refusal ?? '',
    calls: isCall(said?.tool_calls) || isCall(said?.function_call),
    ...(choice?.finish_reason && { finish: choice.finish_reason }),
    ...(model && { model }),
    ...(usage && { usage: counted(usage) }),
  };
}

function isCall(given: unknown): boolean {
  return Array.isArray(given) ? given.length > 0 : given !== undefined && given !== null;
}

/** The four kinds of tokens don't overlap here, while "prompt" counts those that a cache had too. */
function counted(given: Usage): Counted {
  const {
    prompt_tokens: prompt,
    completion_tokens: output,
    total_tokens,
    cost,
    prompt_tokens_details: details,
  } = given;
  const money = typeof cost === 'number' ? { cost_usd: cost } : {};
  if (typeof prompt !== 'number' || typeof output !== 'number')
    return { ...money, ...(typeof total_tokens === 'number' && { tokens: total_tokens }) };
  const read = Math.min(prompt, details?.cached_tokens ?? given.prompt_cache_hit_tokens ?? 0);
  const written = Math.min(prompt - read, details?.cache_write_tokens ?? 0);
  const usage: Tokens = {
    input_tokens: prompt - read - written,
    output_tokens: output,
    cache_read_tokens: read,
    cache_write_tokens: written,
  };
  return { ...money, usage, tokens: total_tokens ?? prompt + output };
}
