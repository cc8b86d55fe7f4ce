import { z } from 'zod';
import { answerText, plainLine, plainText } from '../../runtime/model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import { TaskState } from '../../runtime/model/view.ts';
import { MAX_RESULT_BYTES } from '../../runtime/runs/outcome.ts';
import type { Reported } from '../../runtime/worker-desk.ts';
import { causeOf } from '../cause.ts';
import { defineTool } from '../tool.ts';
import { heldFields, heldOf, usageField, usedFrom } from './worker.ts';

const MAX_RESULT = 4 * 1024 * 1024;

const output = z.object({
  id: z.string(),
  state: z.enum([...TaskState.options, 'verifying']).describe('of the task now'),
  note: z.string(),
  next: z.string(),
});
const hints = { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false };

export const completeTask = defineTool({
  name: 'complete_task',
  title: 'Complete a task',
  description: `Says that a task of yours is done, with its result. Where the task asks for a result_schema or a check the work is compared first: state says what became of it, and a note why it goes back. A report that comes too late (the task went to somebody else) is recorded and changes nothing.
{"id": "x", "project": "shop", "attempt": 1, "token": "…", "result": "Bonjour", "usage": {"model": "m", "input_tokens": 120, "output_tokens": 8}}`,
  input: z.strictObject({
    ...heldFields,
    result: z.string().max(MAX_RESULT),
    structured: z.unknown().optional().describe('the result as data, where result_schema is given'),
    usage: usageField,
  }),
  output,
  hints,
  async handle(ctx, { result, structured, usage, ...named }) {
    const held = await heldOf(ctx, named);
    if (isRefusal(held)) return held;
    const against = againstData(structured);
    if (against !== undefined)
      return refuse('invalid', `structured ${against}; nothing was recorded`, 'report it smaller, or name a file');
    const used = usedFrom(usage);
    const work = { result: answerText(result), ...(structured !== undefined && { structured }), ...(used && { used }) };
    return answer(named.id, await ctx.yard.workers.complete(held, work, causeOf(ctx)));
  },
});

/** It is kept in the journal, which holds no more of a result either. */
function againstData(structured: unknown): string | undefined {
  try {
    const bytes = structured === undefined ? 0 : Buffer.byteLength(JSON.stringify(structured));
    return bytes > MAX_RESULT_BYTES ? `has ${bytes} bytes; the limit is ${MAX_RESULT_BYTES}` : undefined;
  } catch {
    return 'is nested too deeply to be written';
  }
}

/** What a worker may call its failure; what it leaves out is the tool's. `stopped`: it gives the task back. */
const CLASSES = [
  'tool_failure',
  'logic_error',
  'rate_limit',
  'auth',
  'permission',
  'context_overflow',
  'timeout',
  'crash',
  'invalid',
  'stopped',
] as const;

export const failTask = defineTool({
  name: 'fail_task',
  title: 'Fail a task',
  description: `Says that a task of yours is not done, and why; also that you have stopped one that was cancelled. Whether it is tried again depends on class: stopped gives it back untried, logic_error, permission and invalid are final, the others are tried again while attempts are left.
{"id": "x", "project": "shop", "attempt": 1, "token": "…", "reason": "the model was overloaded", "class": "rate_limit"}`,
  input: z.strictObject({
    ...heldFields,
    reason: z.string().min(1).max(2_000),
    class: z.enum(CLASSES).default('tool_failure'),
    output: z.string().max(MAX_RESULT).optional().describe('the last that was to be seen of it'),
    usage: usageField,
  }),
  output,
  hints,
  async handle(ctx, { reason, class: error_class, output: said, usage, ...named }) {
    const held = await heldOf(ctx, named);
    if (isRefusal(held)) return held;
    const used = usedFrom(usage);
    const failure = {
      ...{ class: error_class, reason: plainLine(reason) || 'it did not say why' },
      ...(said !== undefined && { output: plainText(said) }),
      ...(used && { used }),
    };
    return answer(named.id, await ctx.yard.workers.fail(held, failure, causeOf(ctx)));
  },
});

function answer(id: string, reported: Reported | Refusal): z.input<typeof output> | Refusal {
  if (isRefusal(reported)) return reported;
  return { id, state: reported.state, note: plainLine(reported.note), next: 'claim_task' };
}
