import { z } from 'zod';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import { WaitReason } from '../../runtime/model/route.ts';
import { TaskSpec } from '../../runtime/model/spec.ts';
import { TaskState } from '../../runtime/model/view.ts';
import { findProvider } from '../../runtime/policy/delegation.ts';
import { stays } from '../../runtime/policy/leave.ts';
import { causeOf } from '../cause.ts';
import { findScope } from '../find-project.ts';
import { findTask, refOf, taskNaming } from '../find-task.ts';
import { nextStep } from '../next-step.ts';
import { refuseChange } from '../rights.ts';
import { newTaskFields } from '../task-fields.ts';
import { enqueueItems } from '../tasks/enqueue.ts';
import { defineTool, type ToolContext } from '../tool.ts';

/** Those keys of a new task that mean something at a provider; `enqueue_task` with `preferred_ai` takes all of them. */
const { body, title, priority, group, depends_on, model, ttl_seconds } = newTaskFields;
const { include, apply, verify, result_schema, idempotency_key } = newTaskFields;

const input = z.strictObject({
  id: taskNaming.id.optional().describe('an existing waiting task; or leave it out and give a body'),
  project: taskNaming.project,
  provider: z
    .string()
    .min(1)
    .max(100)
    .default('auto')
    .describe("a provider's name, an AI that a provider serves, or auto"),
  ...{ body, title, priority, group, depends_on, model, ttl_seconds },
  ...{ include, apply, verify, result_schema, idempotency_key },
});
type Input = z.output<typeof input>;

const output = z.object({
  id: z.string(),
  project: z.string(),
  state: TaskState,
  created: z.boolean().optional(),
  provider: z.string().describe('the one that gets it'),
  ai: z.string().optional().describe('the AI that it is asked for'),
  waiting: z
    .object({ reason: WaitReason, detail: z.string().optional(), until: z.string().optional() })
    .optional()
    .describe('it goes there later, by itself'),
  next: z.string(),
});
type Output = z.input<typeof output>;

export const delegate = defineTool({
  name: 'delegate',
  title: 'Hand a task to a remote provider',
  description: `Sends a waiting task, or a new prompt, to a remote AI job service, and answers at once with the task to wait for.
Use it for work that needs no files of this machine: the provider sees only the prompt and what \`include\` packs into it. It may cost money. For work in a project's files use enqueue_task.
A new prompt waits where the provider is away or full (waiting); a task that must stay, or can't go now, is refused unchanged.
{"project": "shop", "title": "Compare two licences", "body": "Compare MIT and Apache-2.0 for …", "provider": "auto"}
{"project": "shop", "body": "Find the leak; answer with a diff.", "include": ["src/pool/**"], "apply": "worktree", "verify": "npm test"}
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
        'see the examples of delegate',
      );
    }
    return (
      refuseProvider(ctx, args) ?? (id === undefined ? delegateNew(ctx, args) : delegateTask(ctx, { ...args, id }))
    );
  },
});

function refuseProvider({ yard }: ToolContext, { provider }: Input): Refusal | undefined {
  const { providers } = yard.fleet();
  if (providers.length === 0)
    return refuse(
      'not_configured',
      'no provider is configured',
      'a person adds one under delegation.providers; enqueue_task runs the task here',
    );
  const allowed = new Set(['auto', ...providers.map((one) => one.id), ...providers.flatMap(({ ai }) => ai)]);
  if (allowed.has(provider)) return undefined;
  return refuse('invalid', `provider is "${provider}"`, `allowed: ${[...allowed].join(', ')}`);
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
  const { state } = (await ctx.yard.store.get(answer.ref)) ?? task;
  const name = { id: answer.ref.id, project: ctx.yard.projectName(answer.ref.project) };
  return { ...name, state, provider: answer.provider, next: nextStep({ ...name, state }) };
}

/** One task that says where it may go: the dispatcher hands it over, at once when the provider has room. */
async function delegateNew(ctx: ToolContext, { id: _, provider, ...fields }: Input): Promise<Output | Refusal> {
  const keys = { ...fields, preferred_ai: provider, allow_delegation: true };
  const repeated = ctx.call !== undefined && ctx.yard.store.answered(ctx.call);
  const going = repeated ? provided(ctx, provider) : await whereTo(ctx, keys);
  if (isRefusal(going)) return going;
  const [answer] = await enqueueItems(ctx, [keys]);
  if (answer === undefined) throw new Error('one task was given and no answer came back');
  if (isRefusal(answer)) return answer;
  const { hint: _hint, position: _position, ...named } = answer;
  return { ...named, provider, ...going, next: nextStep(named) };
}

function provided({ yard }: ToolContext, name: string): Partial<Pick<Output, 'provider' | 'ai'>> {
  const { provider, ai } = findProvider(name, yard.fleet()) ?? {};
  return { ...(provider && { provider: provider.id }), ...(ai !== undefined && { ai }) };
}

/** Where it goes, now or later; what can never go there is refused before anything is stored. */
async function whereTo(
  ctx: ToolContext,
  { project: named, ...keys }: Omit<Input, 'id' | 'provider'> & { preferred_ai: string },
): Promise<(Pick<Output, 'waiting'> & Partial<Pick<Output, 'provider' | 'ai'>>) | Refusal> {
  const { yard } = ctx;
  if (yard.config.local_only)
    return refuse('not_allowed', 'local_only: no task leaves this machine', 'enqueue_task runs it here');
  const scope = await findScope(ctx, named);
  const project = scope === undefined || isRefusal(scope) ? {} : { project: scope }; // a new one is adopted, or refused, by the queue
  const spec = TaskSpec.parse(keys);
  const route = yard.route({ ...project, spec });
  const packed = spec.include && project.project && (await yard.packing(project.project, spec));
  if (packed && isRefusal(packed)) return packed;
  const going = provided(ctx, keys.preferred_ai);
  if (route.to === 'provider') return going;
  if (route.to !== 'wait' || !PASSING.has(route.reason)) return stays(route, spec);
  const { reason, detail, until } = route;
  const when = until === undefined ? {} : { until: new Date(until).toISOString() };
  return { ...going, waiting: { reason, ...(detail !== undefined && { detail }), ...when } };
}

/** What ends by itself, or by somebody who will do it anyway. An allowance that is spent is for the caller to know. */
const PASSING: ReadonlySet<WaitReason> = new Set<WaitReason>([
  'dependency',
  'not_before',
  'no_free_agent',
  'checkout_busy',
  'project_limit',
  'worktree_limit',
  'paused',
]);
