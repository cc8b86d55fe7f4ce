import { z } from 'zod';
import { isRefusal } from '../../runtime/model/refusal.ts';
import { TaskState } from '../../runtime/model/view.ts';
import { causeOf } from '../cause.ts';
import { findTask, refOf, taskNaming } from '../find-task.ts';
import { nextStep } from '../next-step.ts';
import { refuseChange } from '../rights.ts';
import { defineTool } from '../tool.ts';

export const cancelTask = defineTool({
  name: 'cancel_task',
  title: 'Cancel a task',
  description: `Cancels a task: a waiting one at once; a running one is asked to stop and becomes cancelled when its agent has ended (a finish that comes first stands).
Use it when the work is no longer wanted. What the agent changed in the workspace stays. Tasks that depend on it fail with it.
{"id": "fix-the-login-redirect", "project": "shop", "reason": "done by hand"}`,
  input: z.strictObject({
    ...taskNaming,
    reason: z.string().min(1).max(500).optional().describe('kept with the task'),
  }),
  output: z.object({
    id: z.string(),
    project: z.string(),
    state: TaskState,
    note: z.string(),
    next: z.string().optional(),
  }),
  hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  async handle(ctx, { reason, ...named }) {
    const task = await findTask(ctx, named);
    if (isRefusal(task)) return task;
    const denied = refuseChange(ctx, task);
    if (denied) return denied;
    const answer = await ctx.yard.store.cancel(refOf(task), reason ?? `cancelled by ${ctx.caller.name}`, causeOf(ctx));
    if (isRefusal(answer)) return answer;
    const name = { id: task.id, project: ctx.yard.projectName(task.project) };
    return { ...name, ...answer, next: nextStep({ ...name, state: answer.state }) };
  },
});
