import { z } from 'zod';
import { isRefusal } from '../../runtime/model/refusal.ts';
import type { HeartbeatWord } from '../../runtime/worker-desk.ts';
import { defineTool } from '../tool.ts';
import { everySeconds, heldFields, heldOf, whoFields } from './worker.ts';

const Word = z.object({
  id: z.string(),
  project: z.string(),
  attempt: z.number(),
  go_on: z.boolean(),
  deadline: z.string().optional(),
  cancel: z.string().optional().describe('why it is not wanted any more: stop, then fail_task'),
  gone: z.string().optional().describe('why it is not yours any more: stop, and report nothing'),
});

export const heartbeat = defineTool({
  name: 'heartbeat',
  title: 'Say that you are there',
  description: `Says that you are there and still work on these tasks, and tells which of them are cancelled or not yours any more. Name every task that you hold: one that is not named for too long goes back to the queue.
{"worker": "translator-1", "key": "…", "tasks": [{"id": "x", "project": "shop", "attempt": 1, "token": "…"}]}`,
  input: z.strictObject({
    ...whoFields,
    tasks: z.array(z.strictObject(heldFields)).max(256).default([]).describe('what you work on'),
  }),
  output: z.object({ tasks: z.array(Word), heartbeat_seconds: z.number(), next: z.string().optional() }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async handle(ctx, { worker, key, tasks }) {
    const held = [];
    for (const one of tasks) {
      const found = await heldOf(ctx, one);
      if (isRefusal(found)) return found;
      held.push(found);
    }
    const heard = await ctx.yard.workers.heartbeat({ worker, key }, held);
    if (isRefusal(heard)) return heard;
    const words = heard.attempts.map(({ task, attempt, say }) => {
      return { id: task.id, project: ctx.yard.projectName(task.project), attempt, ...spoken(say) };
    });
    const stop = words.some(({ go_on }) => !go_on);
    return {
      tasks: words,
      heartbeat_seconds: everySeconds(heard.ttl_ms),
      ...(stop && { next: 'stop what is cancelled and say so with fail_task; stop what is gone and say nothing' }),
    };
  },
});

function spoken(word: HeartbeatWord): Omit<z.input<typeof Word>, 'id' | 'project' | 'attempt'> {
  switch (word.kind) {
    case 'go_on':
      return { go_on: true, deadline: new Date(word.deadline).toISOString() };
    case 'cancel':
      return { go_on: false, cancel: word.reason };
    case 'gone':
      return { go_on: false, gone: word.reason };
  }
}
