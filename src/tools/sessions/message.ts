import { z } from 'zod';
import { isRefusal, refuse } from '../../runtime/model/refusal.ts';
import type { SlotView } from '../../runtime/yard.ts';
import { findTask, isFinished, taskNaming } from '../find-task.ts';
import { defineTool, type ToolContext } from '../tool.ts';
import { findSlot, sessionName } from './slot.ts';

export const messageSession = defineTool({
  name: 'message_session',
  title: 'Say something to a session',
  description: `Sends a message to the agent in a session, or to the one that works on a task, while it works. It never answers a request; answer_request does.
Use it to correct or add to work that is under way. Command agents take no messages: the answer says what to do instead.
{"name": "shop-main", "text": "Please keep the old URL working too."}`,
  input: z.strictObject({
    name: sessionName,
    id: taskNaming.id.optional().describe('instead of name: the task whose session is meant'),
    project: taskNaming.project,
    text: z.string().min(1).max(20_000),
  }),
  output: z.object({ name: z.string(), delivered: z.boolean() }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async handle(ctx, { name, id, project }) {
    if ((name === undefined) === (id === undefined))
      return refuse('invalid', 'exactly one of name and id is needed', 'list_sessions shows who works on what');
    if (name !== undefined) {
      const slot = findSlot(ctx, name);
      return isRefusal(slot) ? slot : cannotHear(slot);
    }
    if (id === undefined) throw new Error('one of the two is given');
    const task = await findTask(ctx, { id, project });
    if (isRefusal(task)) return task;
    if (isFinished(task))
      return refuse(
        'not_possible',
        `task ${id} is ${task.state}: nobody works on it any more`,
        'enqueue_task makes a new task',
      );
    const slot = slotOf(ctx, task);
    return slot
      ? cannotHear(slot)
      : refuse(
          'not_possible',
          `task ${id} is ${task.state}: no session of this machine works on it`,
          'cancel_task and enqueue_task with the better text',
        );
  },
});

function slotOf({ yard }: ToolContext, { project, id }: { project: string; id: string }): SlotView | undefined {
  return yard.slots().find(({ task }) => task?.ref.project === project && task.ref.id === id);
}

/** Every kind of slot that there is today runs to its end without listening. */
function cannotHear({ name, agent, kind, state }: SlotView) {
  const what =
    kind === 'command'
      ? `${agent} is a command agent: it reads its prompt once, at the start`
      : `a ${kind} of ${agent} takes no messages`;
  const instead =
    state === 'working'
      ? 'let it finish and enqueue_task what is to follow, or cancel_task and enqueue the better text'
      : 'enqueue_task';
  return refuse('not_possible', `${name} can't be told anything: ${what}`, instead);
}
