import { z } from 'zod';
import { isRefusal } from '../../runtime/model/refusal.ts';
import { TaskState } from '../../runtime/model/view.ts';
import { causeOf } from '../cause.ts';
import { findTask, refOf, taskNaming } from '../find-task.ts';
import { nextStep } from '../next-step.ts';
import { defineTool } from '../tool.ts';

export const retryTask = defineTool({
  name: 'retry_task',
  title: 'Try a task again',
  description: `Makes a failed or cancelled task a new task with the same text (a new id; the old one stays as it ended). A task that waits for its next attempt is freed to run now, and so is one in state unknown.
Use it after reading why it failed, when the same text can succeed; if the text was the problem, use enqueue_task with a better one.
{"id": "fix-the-login-redirect", "project": "shop"}`,
  input: z.strictObject(taskNaming),
  output: z.object({
    id: z.string().describe('of the task that runs now; a new id when the old task had ended'),
    project: z.string(),
    state: TaskState,
    retry_of: z.string().optional(),
    next: z.string(),
  }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async handle(ctx, named) {
    const task = await findTask(ctx, named);
    if (isRefusal(task)) return task;
    const answer = await ctx.yard.store.retry(refOf(task), causeOf(ctx));
    if (isRefusal(answer)) return answer;
    const now = { id: answer.ref.id, project: ctx.yard.projectName(answer.ref.project), state: answer.state };
    return { ...now, ...(answer.ref.id !== task.id && { retry_of: task.id }), next: nextStep(now) };
  },
});
