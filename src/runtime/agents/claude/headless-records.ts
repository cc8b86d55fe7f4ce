import { z } from 'zod';

/*
 * The lines of the stream that matter, as Claude Code 2.1.329 prints them (2026-11-21). What is not used is not looked at,
 * and what is not known is passed over.
 */

const text = z.string();
const maybeText = text.optional().catch(undefined);
const count = z.number().nonnegative().catch(0);

const Init = z.object({ type: z.literal('system'), subtype: z.literal('init'), session_id: text, model: maybeText });

const Retry = z.object({
  type: z.literal('system'),
  subtype: z.literal('api_retry'),
  attempt: count,
  max_retries: count,
  retry_delay_ms: count,
  error_status: z.number().nullish().catch(undefined),
  error: text.catch('unknown'),
});

/** All that works in the background now. */
const Background = z.object({
  type: z.literal('system'),
  subtype: z.literal('background_tasks_changed'),
  tasks: z.array(z.object({ task_id: text.catch('') }).catch({ task_id: '' })),
});

/**
 * A task has ended: a tool that took some seconds, or one in the background, of which the agent is told, in a turn of its own
 * where none runs.
 */
const TaskEnded = z.object({
  type: z.literal('system'),
  subtype: z.literal('task_notification'),
  task_id: text.catch(''),
  status: text.catch(''),
  summary: text.catch(''),
});

const Denied = z.object({
  type: z.literal('system'),
  subtype: z.literal('permission_denied'),
  tool_name: text,
  message: text.catch(''),
});

const Limit = z.object({
  type: z.literal('rate_limit_event'),
  rate_limit_info: z.object({
    status: text,
    /** In seconds. */
    resetsAt: z.number().positive().optional().catch(undefined),
    rateLimitType: maybeText,
    unifiedWindows: z
      .record(
        text,
        z
          .object({
            utilization: z.number().nonnegative(),
            resetsAt: z.number().positive().optional().catch(undefined),
          })
          .optional()
          .catch(undefined),
      )
      .optional()
      .catch(undefined),
  }),
});

const Block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text }),
  z.object({ type: z.literal('tool_use'), name: text, input: z.unknown().optional() }),
  z.object({
    type: z.literal('tool_result'),
    content: z.unknown().optional(),
    is_error: z.boolean().optional().catch(undefined),
  }),
]);
export type StreamBlock = z.infer<typeof Block>;

const content = z
  .union([text, z.array(z.unknown())])
  .transform((given): StreamBlock[] =>
    typeof given === 'string'
      ? [{ type: 'text', text: given }]
      : given.flatMap((block) => Block.safeParse(block).data ?? []),
  );

const spoken = {
  /** Of a subagent. */
  parent_tool_use_id: text.nullish().catch(undefined),
  timestamp: maybeText,
};

const Assistant = z.object({
  ...spoken,
  type: z.literal('assistant'),
  message: z.object({
    content,
    id: text.catch(''),
    model: maybeText,
    /** Each block of an answer is a line of its own that repeats, or completes, it. */
    usage: z
      .object({
        input_tokens: count,
        output_tokens: count,
        cache_read_input_tokens: count,
        cache_creation_input_tokens: count,
      })
      .optional()
      .catch(undefined),
  }),
  /** The class of a failure; the message was made by the program itself then. */
  error: maybeText,
});

const User = z.object({
  ...spoken,
  type: z.literal('user'),
  message: z.object({ content }),
  /** What it was told, at the moment in which it takes it in. */
  isReplay: z.boolean().optional().catch(undefined),
});

const ModelUsage = z.object({
  inputTokens: count,
  outputTokens: count,
  cacheReadInputTokens: count,
  cacheCreationInputTokens: count,
  costUSD: count,
});

const Result = z.object({
  type: z.literal('result'),
  subtype: text.catch(''),
  is_error: z.boolean().catch(false),
  result: text.nullish().catch(undefined),
  structured_output: z.unknown().optional(),
  api_error_status: z.number().nullish().catch(undefined),
  terminal_reason: text.nullish().catch(undefined),
  errors: z.array(z.unknown()).catch([]),
  num_turns: count,
  /** Of the whole conversation, also of the part that an earlier process has brought to a clean end. */
  total_cost_usd: z.number().nonnegative().optional().catch(undefined),
  /** By model, and of this process alone. */
  model_usage_since_last_result: z.record(text, ModelUsage).optional().catch(undefined),
  permission_denials: z
    .array(z.object({ tool_name: text, tool_use_id: text.catch(''), tool_input: z.unknown().optional() }))
    .catch([]),
});
export type ResultLine = z.infer<typeof Result>;
export type ModelUsage = z.infer<typeof ModelUsage>;

const Line = z.union([
  z.discriminatedUnion('subtype', [Init, Retry, Background, TaskEnded, Denied]),
  z.discriminatedUnion('type', [Limit, Assistant, User, Result]),
]);
export type StreamLine = z.infer<typeof Line>;

/** Undefined for what is no line of the stream, or none that matters. */
export function streamLine(line: string): StreamLine | undefined {
  if (!/^\s*\{/.test(line)) return undefined; // whatever else has written there
  try {
    return Line.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined; // cut, or damaged
  }
}
