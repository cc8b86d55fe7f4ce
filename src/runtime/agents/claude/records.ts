import { z } from 'zod';

/*
 * The lines of a conversation that matter, as Claude Code 2.1.329 writes them. Most of the others are its own notes, some
 * of them with copies of whole requests; they are told apart before they are parsed.
 */

const text = z.string();
const tokens = z.number().nonnegative().catch(0);

const Block = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text }),
  z.object({ type: z.literal('tool_use'), name: text, input: z.unknown() }),
  z.object({ type: z.literal('tool_result'), content: z.unknown() }),
]);
export type Block = z.infer<typeof Block>;

const Blocks = z
  .union([text, z.array(z.unknown())])
  .transform((content): Block[] =>
    typeof content === 'string'
      ? [{ type: 'text', text: content }]
      : content.flatMap((block) => Block.safeParse(block).data ?? []),
  );

const line = {
  isSidechain: z.boolean().default(false),
  isMeta: z.boolean().default(false),
  timestamp: text.default(''),
};

const Assistant = z.object({
  ...line,
  type: z.literal('assistant'),
  message: z.object({
    id: text.default(''),
    model: text.optional(),
    content: Blocks,
    stop_reason: text.nullish(),
    usage: z
      .object({
        input_tokens: tokens,
        output_tokens: tokens,
        cache_read_input_tokens: tokens,
        cache_creation_input_tokens: tokens,
      })
      .optional()
      .catch(undefined),
  }),
});
export type AssistantRecord = z.infer<typeof Assistant>;

const User = z.object({ ...line, type: z.literal('user'), message: z.object({ content: Blocks }) });

/** What was typed while it worked, and has joined the turn. */
const Queued = z.object({
  ...line,
  type: z.literal('attachment'),
  attachment: z.object({ type: z.literal('queued_command'), prompt: text }),
});
const Enqueued = z.object({ type: z.literal('queue-operation'), operation: z.literal('enqueue'), content: text });

/** Of the whole conversation so far; written at a clean end. */
const Cost = z.object({ type: z.literal('cost-state'), totalCostUSD: z.number().nonnegative() });

const Record = z.union([Assistant, User, Queued, Enqueued, Cost]);
export type ConversationRecord = z.infer<typeof Record>;

/** Who made an answer that no model has given. */
export const SYNTHETIC = '<synthetic>';

const MARKS = ['assistant', 'user', 'queued_command', 'queue-operation', 'cost-state'].map((type) =>
  Buffer.from(`"type":"${type}"`),
);

export function recordOf(line: Buffer): ConversationRecord | undefined {
  if (!MARKS.some((mark) => line.includes(mark))) return undefined;
  try {
    return Record.safeParse(JSON.parse(line.toString('utf8'))).data;
  } catch {
    return undefined; // half written, or damaged
  }
}
