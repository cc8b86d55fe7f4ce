import { z } from 'zod';
import { isRefusal } from '../../runtime/model/refusal.ts';
import { defineTool } from '../tool.ts';
import { GivenTask, givenTask, whoFields } from './worker.ts';

const AGAIN = 'nothing for you now: call claim_task again';

export const claimTask = defineTool({
  name: 'claim_task',
  title: 'Claim a task',
  description: `Waits for a task and gives it to you: you have it until you complete_task or fail_task it, as long as you name it in a heartbeat often enough. task: null is a normal answer: call again. While a call waits you are heard of.
{"worker": "translator-1", "key": "…", "wait_seconds": 30}
For several tasks at once make several calls at once, up to your max.`,
  input: z.strictObject({
    ...whoFields,
    wait_seconds: z.number().int().min(0).max(45).default(30),
  }),
  output: z.object({ task: GivenTask.nullable(), next: z.string() }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  async handle(ctx, { worker, key, wait_seconds }) {
    const { signal, call } = ctx;
    const wait = { ms: wait_seconds * 1_000, signal, ...(call !== undefined && { call }) };
    const given = await ctx.yard.workers.claim({ worker, key }, wait);
    if (isRefusal(given)) return given;
    if (given === undefined) return { task: null, next: AGAIN };
    const task = givenTask(ctx, given);
    const held = `id: ${JSON.stringify(task.id)}, project: ${JSON.stringify(task.project)}, attempt: ${task.attempt}, token`;
    return {
      task,
      next: `do it; heartbeat every ${task.heartbeat_seconds} s meanwhile; then complete_task {${held}, result} or fail_task {${held}, reason}`,
    };
  },
});
