import { z } from 'zod';

/* The lines of a conversation's file (a rollout) that matter, as Codex 0.169.0 writes them. */

const text = z.string();
const tokens = z.number().nonnegative().catch(0);

const Item = z.discriminatedUnion('type', [
  z.object({ type: z.literal('UserMessage'), content: z.array(z.unknown()) }),
  z.object({ type: z.literal('AgentMessage'), content: z.array(z.unknown()) }),
  z.object({
    type: z.literal('CommandExecution'),
    command: z.array(text),
    aggregated_output: text.nullish(),
  }),
]);

const Event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('item_completed'), item: Item }),
  z.object({ type: z.literal('task_started') }),
  z.object({ type: z.literal('turn_aborted') }),
  z.object({ type: z.literal('token_count'), rate_limits: z.record(text, z.unknown()).nullish().catch(undefined) }),
  z.object({
    type: z.literal('task_complete'),
    last_agent_message: text.nullish(),
    /** The turn has failed. */
    error: z.object({ message: text.catch(''), codex_error_info: z.unknown() }).nullish(),
  }),
]);

const Usage = z.object({
  input_tokens: tokens,
  cached_input_tokens: tokens,
  cache_write_input_tokens: tokens,
  output_tokens: tokens,
});

const at = text.transform((timestamp) => Date.parse(timestamp) || 0).catch(0);

const Line = z.discriminatedUnion('type', [
  z.object({ type: z.literal('event_msg'), timestamp: at, payload: Event }),
  z.object({ type: z.literal('turn_context'), timestamp: at, payload: z.object({ model: text }) }),
  /** Of one answer of the model. */
  z.object({ type: z.literal('token_usage_record'), timestamp: at, payload: z.object({ usage: Usage }) }),
]);
export type RolloutLine = z.infer<typeof Line>;
export type TurnEvent = z.infer<typeof Event>;

const MARKS = ['event_msg', 'turn_context', 'token_usage_record'].map((type) => Buffer.from(`"type":"${type}"`));

export function rolloutLine(line: Buffer): RolloutLine | undefined {
  if (!MARKS.some((mark) => line.includes(mark))) return undefined;
  try {
    return Line.safeParse(JSON.parse(line.toString('utf8'))).data;
  } catch {
    return undefined; // half written, or damaged
  }
}

/** Of the parts of a message. */
export function wordsOf(content: readonly unknown[]): string {
  return content.flatMap((part) => (isText(part) ? [part.text] : [])).join('\n');
}

function isText(part: unknown): part is { text: string } {
  return typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string';
}
