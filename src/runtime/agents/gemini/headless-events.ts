import { z } from 'zod';

/*
 * The lines of `gemini --output-format stream-json`, as Gemini CLI 0.61.0 writes them (2026-11-21). An answer comes in
 * pieces; a tool's result names the tool by the id of its use alone.
 */

const text = z.string();
const words = text.catch('');
const tokens = z.number().nonnegative().catch(0);

const Stats = z.object({
  /** What was read from the cache is among it. */
  input_tokens: tokens,
  output_tokens: tokens,
  cached: tokens,
  models: z.record(text, z.unknown()).catch({}),
});

const Event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('init'), session_id: text.min(1), model: text.optional().catch(undefined) }),
  z.object({ type: z.literal('message'), role: z.enum(['user', 'assistant']), content: text }),
  z.object({ type: z.literal('tool_use'), tool_name: text, tool_id: words, parameters: z.unknown() }),
  z.object({
    type: z.literal('tool_result'),
    tool_id: words,
    status: words,
    output: words,
    error: z.object({ type: words, message: words }).optional().catch(undefined),
  }),
  z.object({ type: z.literal('error'), severity: words, message: words }),
  z.object({
    type: z.literal('result'),
    status: words,
    error: z.object({ type: words, message: words }).optional().catch(undefined),
    stats: Stats.optional().catch(undefined),
  }),
]);
export type Event = z.infer<typeof Event>;

/** Undefined for all that is no event, or none that is known. */
export function eventIn(line: string): Event | undefined {
  if (!line.trimStart().startsWith('{')) return undefined;
  try {
    return Event.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // cut, or somebody else's
  }
}
