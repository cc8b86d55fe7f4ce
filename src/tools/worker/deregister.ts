import { z } from 'zod';
import { isRefusal } from '../../runtime/model/refusal.ts';
import { causeOf } from '../cause.ts';
import { defineTool } from '../tool.ts';
import { whoFields } from './worker.ts';

export const deregisterWorker = defineTool({
  name: 'deregister_worker',
  title: 'Leave the fleet',
  description: `Says that you work no more. What you still hold goes back to the queue at once, and no attempt is counted.
{"worker": "translator-1", "key": "…"}`,
  input: z.strictObject(whoFields),
  output: z.object({ worker: z.string(), given_back: z.number().describe('tasks that went back') }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async handle(ctx, { worker, key }) {
    const left = await ctx.yard.workers.leave({ worker, key }, causeOf(ctx));
    return isRefusal(left) ? left : { worker, ...left };
  },
});
