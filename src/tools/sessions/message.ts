import { z } from 'zod';
import { plainLine } from '../../runtime/model/plain-text.ts';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import type { SessionName } from '../../runtime/session-desk.ts';
import type { SlotView } from '../../runtime/yard.ts';
import { causeOf } from '../cause.ts';
import { findTask, isFinished, refOf, taskNaming } from '../find-task.ts';
import { defineTool, type ToolContext } from '../tool.ts';
import { findPlace, sessionName } from './session.ts';

export const messageSession = defineTool({
  name: 'message_session',
  title: 'Say something to a session',
  description: `Sends a message to the agent in a session, or to the one that works on a task, while it works. It never answers a request; answer_request does, and while one is open no message is sent.
Use it to correct or add to work that is under way, or to tell an interrupted agent how to go on. The answer says delivered (the agent has confirmed it) or unconfirmed (it may have arrived; look with read_session before you say it again). A refusal says why nothing was sent. Claude Code takes them without a terminal too (its name: project/task); other agents without one, and command agents, take none.
{"name": "shop-main", "text": "Please keep the old URL working too."}
{"id": "fix-the-login-redirect", "project": "shop", "text": "The tests are in test/login."}`,
  input: z.strictObject({
    name: sessionName,
    id: taskNaming.id.optional().describe('instead of name: the task whose session is meant'),
    project: taskNaming.project,
    text: z.string().min(1).max(20_000),
  }),
  output: z.object({
    name: z.string(),
    delivered: z.boolean(),
    verdict: z.enum(['delivered', 'unconfirmed']),
    detail: z.string().optional(),
    next: z.string().optional(),
  }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async handle(ctx, { name, id, project, text }) {
    if ((name === undefined) === (id === undefined))
      return refuse('invalid', 'exactly one of name and id is needed', 'list_sessions shows who works on what');
    const which =
      name !== undefined ? byName(ctx, name) : await byTask(ctx, { id: id as z.output<typeof taskNaming.id>, project });
    if (isRefusal(which)) return which;
    const said = await ctx.yard.sessions.message(which, text, causeOf(ctx));
    if (isRefusal(said)) return said;
    const named = `{name: ${JSON.stringify(said.name)}}`;
    return {
      name: said.name,
      delivered: said.verdict === 'delivered',
      verdict: said.verdict,
      ...(said.detail !== undefined && { detail: plainLine(said.detail) }),
      ...(said.verdict === 'unconfirmed' && {
        next: `read_session ${named} shows whether it arrived; it is not sent again by itself`,
      }),
    };
  },
});

function byName(ctx: ToolContext, name: string): SessionName | Refusal {
  const place = findPlace(ctx, name);
  if (isRefusal(place)) return place;
  return place.kind === 'session' ? { name } : cannotHear(place.slot);
}

async function byTask(
  ctx: ToolContext,
  which: { readonly id: z.output<typeof taskNaming.id>; readonly project: string | undefined },
): Promise<SessionName | Refusal> {
  const { yard } = ctx;
  const task = await findTask(ctx, which);
  if (isRefusal(task)) return task;
  if (isFinished(task))
    return refuse(
      'not_possible',
      `task ${task.id} is ${task.state}: nobody works on it any more`,
      'enqueue_task makes a new task; with continues its conversation goes on',
    );
  const ref = refOf(task);
  if (!isRefusal(yard.sessions.find({ task: ref }))) return { task: ref };
  const slot = yard.slots().find((one) => one.task?.ref.project === ref.project && one.task.ref.id === ref.id);
  if (slot) return cannotHear(slot);
  return refuse(
    'not_possible',
    `task ${task.id} is ${task.state}: no session of this machine works on it`,
    'cancel_task and enqueue_task with the better text',
  );
}

/** A command runs to its end without listening. */
function cannotHear({ name, agent, state }: SlotView): Refusal {
  const what = `${agent} is a command agent: it reads its prompt once, at the start`;
  const instead =
    state === 'working'
      ? 'let it finish and enqueue_task what is to follow, or cancel_task and enqueue the better text'
      : 'enqueue_task';
  return refuse('not_possible', `${name} can't be told anything: ${what}`, instead);
}
