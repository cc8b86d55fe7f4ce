import { z } from 'zod';

/*
 * The lines of `codex exec --json` that matter, as Codex 0.169.0 writes them (2026-11-21). An item with the type `error` is
 * a warning; an event with that type is one of several tries, or the words of the failure that follows.
 */

const text = z.string();
const tokens = z.number().nonnegative().catch(0);
const words = text.catch('');

const Item = z.discriminatedUnion('type', [
  z.object({ type: z.literal('agent_message'), text }),
  z.object({
    type: z.literal('command_execution'),
    command: text,
    aggregated_output: words,
    exit_code: z.number().nullish().catch(undefined),
    status: words,
  }),
  z.object({
    type: z.literal('file_change'),
    changes: z.array(z.object({ path: text, kind: words })).catch([]),
    status: words,
  }),
  z.object({
    type: z.literal('mcp_tool_call'),
    server: words,
    tool: words,
    arguments: z.unknown(),
    error: z.object({ message: words }).nullish().catch(undefined),
    status: words,
  }),
  z.object({ type: z.literal('web_search'), query: words }),
  z.object({ type: z.literal('error'), message: text }),
]);
export type Item = z.infer<typeof Item>;

const Usage = z.object({
  input_tokens: tokens,
  cached_input_tokens: tokens,
  cache_write_input_tokens: tokens,
  output_tokens: tokens,
});

const Event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('thread.started'), thread_id: text.min(1) }),
  z.object({ type: z.literal('turn.started') }),
  z.object({ type: z.literal('item.started'), item: Item }),
  z.object({ type: z.literal('item.completed'), item: Item }),
  z.object({ type: z.literal('turn.completed'), usage: Usage.optional().catch(undefined) }),
  z.object({ type: z.literal('turn.failed'), error: z.object({ message: words }).catch({ message: '' }) }),
  z.object({ type: z.literal('error'), message: words }),
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
