import { z } from 'zod';
import { isRefusal } from '../../runtime/model/refusal.ts';
import { TaskState } from '../../runtime/model/view.ts';
import { causeOf } from '../cause.ts';
import { findTask, refOf, taskNaming } from '../find-task.ts';
import { nextStep } from '../next-step.ts';
import { taskFields } from '../task-fields.ts';
import { defineTool } from '../tool.ts';

const { agent, preferred_ai, model, mode, priority, budget_usd, max_attempts, ttl_seconds, permission_mode } =
  taskFields;

export const MAX_INSTRUCTIONS = 16_000; // characters

export const retryTask = defineTool({
  name: 'retry_task',
  title: 'Try a task again',
  description: `Makes a failed or cancelled task a new task with the same text (a new id; the old one stays as it ended). A task that waits for its next attempt is freed to run now, and so is one in state unknown.
Use it after reading why it failed, when nearly the same text can succeed; what you name besides is changed. Else enqueue_task a better text. A running task is not changed.
{"id": "fix-the-login-redirect", "conversation": "resume", "instructions": "The database is up: run the tests."}`,
  input: z.strictObject({
    ...taskNaming,
    ...{ agent, preferred_ai, model, mode, priority, budget_usd, max_attempts, ttl_seconds, permission_mode },
    instructions: z
      .string()
      .trim()
      .min(1)
      .max(MAX_INSTRUCTIONS)
      .optional()
      .describe('further words, added to the text'),
    conversation: z
      .enum(['resume', 'fresh'])
      .optional()
      .describe('resume: of the newest attempt, in its folder; fresh: a new one'),
  }),
  output: z.object({
    id: z.string().describe('of the task that runs now; a new id when the old task had ended'),
    project: z.string(),
    state: TaskState,
    retry_of: z.string().optional(),
    next: z.string(),
  }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async handle(ctx, { id, project, ...changes }) {
    const task = await findTask(ctx, { id, project });
    if (isRefusal(task)) return task;
    const answer = await ctx.yard.retry(refOf(task), changes, causeOf(ctx));
    if (isRefusal(answer)) return answer;
    const now = { id: answer.ref.id, project: ctx.yard.projectName(answer.ref.project), state: answer.state };
    return { ...now, ...(answer.ref.id !== task.id && { retry_of: task.id }), next: nextStep(now) };
  },
});
