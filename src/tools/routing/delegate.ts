import { z } from 'zod';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import { TaskState } from '../../runtime/model/view.ts';
import { causeOf } from '../cause.ts';
import { findTask, isFinished, refOf, taskNaming } from '../find-task.ts';
import { nextStep } from '../next-step.ts';
import { refuseChange } from '../rights.ts';
import { newTaskFields } from '../task-fields.ts';
import { enqueueItems } from '../tasks/enqueue.ts';
import { defineTool, type ToolContext } from '../tool.ts';

const { body, title, priority, group, ttl_seconds, max_attempts, budget_usd, idempotency_key } = newTaskFields;

const input = z.strictObject({
  id: taskNaming.id.optional().describe('an existing waiting task; or leave it out and give a body'),
  project: taskNaming.project,
  provider: z
    .string()
    .min(1)
    .max(100)
    .default('auto')
    .describe("a provider's name, or auto; for a new task also an AI that a provider serves"),
  ...{ body, title, priority, group, ttl_seconds, max_attempts, budget_usd, idempotency_key },
});
type Input = z.output<typeof input>;

const output = z.object({
  id: z.string(),
  project: z.string(),
  state: TaskState,
  created: z.boolean().optional(),
  provider: z.string(),
  next: z.string(),
});
type Output = z.input<typeof output>;

export const delegate = defineTool({
  name: 'delegate',
  title: 'Hand a task to a remote provider',
  description: `Sends a waiting task, or a new prompt, to a remote AI job service, and answers at once with the task to wait for.
Use it for work that needs no files of this machine: the provider sees only the prompt, so it must be self-contained. It may cost money. For work in a project's files use enqueue_task.
{"project": "shop", "title": "Compare two licences", "body": "Compare MIT and Apache-2.0 for …", "provider": "auto"}
{"id": "summarise-logs", "project": "shop", "provider": "gpu"}`,
  input,
  output,
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  async handle(ctx, args) {
    const { id, body, title } = args;
    if ((id === undefined) === (body === undefined && title === undefined)) {
      return refuse(
        'invalid',
        'exactly one of id (an existing task) and body (a new one) is needed',
        'see the two examples',
      );
    }
    return (
      refuseProvider(ctx, args) ?? (id === undefined ? delegateNew(ctx, args) : delegateTask(ctx, { ...args, id }))
    );
  },
});

function refuseProvider({ yard }: ToolContext, { provider, id }: Input): Refusal | undefined {
  const { providers } = yard.fleet();
  if (providers.length === 0)
    return refuse(
      'not_configured',
      'no provider is configured',
      'a person adds one under delegation.providers; enqueue_task runs the task here',
    );
  const names = providers.map((one) => one.id);
  const allowed = ['auto', ...names, ...(id === undefined ? providers.flatMap(({ ai }) => ai) : [])];
  if (allowed.includes(provider)) return undefined;
  return refuse('invalid', `provider is "${provider}"`, `allowed: ${[...new Set(allowed)].join(', ')}`);
}

async function delegateTask(
  ctx: ToolContext,
  { id, project, provider, ...fields }: Input & { id: NonNullable<Input['id']> },
): Promise<Output | Refusal> {
  const stray = Object.keys(fields);
  if (stray.length > 0)
    return refuse('invalid', `${stray.join(', ')} can't be given with id`, 'an existing task keeps what its file says');
  const task = await findTask(ctx, { id, project });
  if (isRefusal(task)) return task;
  const denied = refuseChange(ctx, task);
  if (denied) return denied;
  const answer = await ctx.yard.delegate(refOf(task), provider === 'auto' ? undefined : provider, causeOf(ctx));
  if (isRefusal(answer)) return answer;
  const now = await ctx.yard.store.get(answer.ref);
  const name = { id: answer.ref.id, project: ctx.yard.projectName(answer.ref.project) };
  const state = now?.state ?? (isFinished(task) ? task.state : 'queued');
  return { ...name, state, provider: answer.provider, next: nextStep({ ...name, state }) };
}

/** One task that says where it may go: the dispatcher hands it over, at once when the provider has room. */
async function delegateNew(ctx: ToolContext, { id: _, provider, ...fields }: Input): Promise<Output | Refusal> {
  const [answer] = await enqueueItems(ctx, [{ ...fields, preferred_ai: provider, allow_delegation: true }]);
  if (answer === undefined) throw new Error('one task was given and no answer came back');
  if (isRefusal(answer)) return answer;
  const { hint: _hint, ...named } = answer;
  return { ...named, provider, next: nextStep(named) };
}
