import { z } from 'zod';
import { keyOf } from '../../runtime/model/ids.ts';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import { TaskState } from '../../runtime/model/view.ts';
import type { Enqueued } from '../../runtime/ports.ts';
import type { NewTaskInput, Yard } from '../../runtime/yard.ts';
import { causeOf } from '../cause.ts';
import { AT_ONCE } from '../claude-code.ts';
import { findProject } from '../find-project.ts';
import { isFinished } from '../find-task.ts';
import { nextStep } from '../next-step.ts';
import { notRefused } from '../not-refused.ts';
import { refuseChild } from '../rights.ts';
import { newTaskFields } from '../task-fields.ts';
import { defineTool, type ToolContext } from '../tool.ts';
import { queuePosition } from './position.ts';

const project = z.string().min(1).optional().describe('path or configured name');
const Item = z.strictObject({ project, ...newTaskFields });
type Item = z.output<typeof Item>;

const Accepted = z.object({
  id: z.string(),
  project: z.string(),
  state: TaskState,
  created: z.boolean().describe('false: an earlier call with this idempotency key made it'),
  position: z.number().optional().describe('place in its project’s queue'),
  hint: z.string().optional(),
});
type Accepted = z.infer<typeof Accepted>;

const Rejected = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    hint: z.string(),
    retry_after_seconds: z.number().optional().describe('there may be room then'),
  }),
});

export const enqueueTask = defineTool({
  name: 'enqueue_task',
  title: 'Enqueue tasks',
  description: `Hands work to the agents of this machine: the task is stored durably and answered at once; it runs in the background.
Use it for work that another agent can do alone, for many tasks at once (\`tasks\`, up to 200, committed together, one answer each), and for chains (\`depends_on\`).
The body is the whole prompt: the agent sees nothing of this conversation. Give an \`idempotency_key\` when you may send the same task twice.
{"project": "shop", "title": "Fix the login redirect", "body": "After login the user lands on /404. Fix it and add a test.", "priority": "high"}
{"project": "shop", "tasks": [{"id": "build", "body": "Build it."}, {"body": "Run the tests.", "depends_on": ["build"], "group": "release-12"}]}`,
  input: z.strictObject({
    project,
    ...newTaskFields,
    tasks: z.array(Item).min(1).max(200).optional().describe('several tasks instead of one; the same keys in each'),
  }),
  output: z.object({
    ...Accepted.partial().shape,
    tasks: z
      .array(z.union([Accepted, Rejected]))
      .optional()
      .describe('for a batch: one answer each, in order'),
    refused: z.number().optional(),
    next: z.string().optional(),
  }),
  hints: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: true },
  meta: AT_ONCE,
  async handle(ctx, { tasks, ...rest }) {
    if (tasks === undefined) {
      const [answer] = await enqueueItems(ctx, [rest]);
      if (answer === undefined) throw new Error('one task was given and no answer came back');
      return isRefusal(answer) ? answer : { ...answer, ...queuePosition(ctx.yard, answer) };
    }
    const stray = Object.keys(rest).filter((key) => key !== 'project');
    if (stray.length > 0) {
      return refuse(
        'invalid',
        `beside tasks only project is allowed, not ${stray.join(', ')}`,
        'put these keys into each of the tasks',
      );
    }
    const answers = await enqueueItems(
      ctx,
      tasks.map((task) => ({ ...task, project: task.project ?? rest.project })),
    );
    const refused = answers.filter(isRefusal).length;
    return {
      tasks: answers.map((answer) => (isRefusal(answer) ? errorOf(answer) : withoutPlainHint(answer))),
      ...(refused > 0 && { refused }),
      ...batchNext(answers.filter(notRefused), new Set(tasks.map(({ group }) => group))),
    };
  },
});

/** One answer per task, in order. What is refused here already never reaches the queue; the rest is committed together. */
export async function enqueueItems(ctx: ToolContext, items: readonly Item[]): Promise<(Accepted | Refusal)[]> {
  const checked = await Promise.all(items.map((item) => admit(ctx, item)));
  const sound = checked.filter(notRefused);
  const answers = sound.length === 0 ? [] : await ctx.yard.enqueue(sound, causeOf(ctx), ctx.caller);
  let next = 0;
  return Promise.all(
    checked.map((item) => {
      const answer = isRefusal(item) ? item : answers[next++];
      if (answer === undefined)
        throw new Error(`${sound.length} tasks were enqueued and ${answers.length} answers came back`);
      return isRefusal(answer) ? answer : accepted(ctx, answer);
    }),
  );
}

async function admit(
  ctx: ToolContext,
  { project: named, id, body, ...fields }: Item,
): Promise<{ project: string; input: NewTaskInput } | Refusal> {
  const input: NewTaskInput = { ...fields, ...(id !== undefined && { id }), body: body ?? '' };
  if (input.body.trim() === '' && input.title === undefined) {
    return refuse(
      'invalid',
      'body is empty and there is no title: nothing says what is to be done',
      'give body, the whole prompt',
    );
  }
  if (ctx.caller.principal === 'attempt') return admitChild(ctx, named ?? ctx.caller.task.project, input);
  if (named !== undefined) return { project: named, input };
  const known = ctx.yard.store.projects().map(({ name }) => name);
  const allowed =
    known.length > 0 ? `known projects: ${known.slice(0, 20).join(', ')}` : 'the path of the directory to work in';
  return refuse('invalid', 'project is missing', `give project, a path or a name; ${allowed}`);
}

/** An attempt's child stays in the attempt's project. */
async function admitChild(
  ctx: ToolContext,
  named: string,
  input: NewTaskInput,
): Promise<{ project: string; input: NewTaskInput } | Refusal> {
  const found = await findProject(ctx, named);
  return isRefusal(found) ? found : (refuseChild(ctx, input) ?? { project: found.id, input });
}

async function accepted({ yard }: ToolContext, { ref, state, created }: Enqueued): Promise<Accepted> {
  const task = await yard.store.get(ref);
  const summary = task && yard.summary(task);
  const name = { id: ref.id, project: yard.projectName(ref.project) };
  const hint = nextStep(summary ?? { ...name, state });
  const later = yard.stopping() && state === 'queued' ? STOPPING : '';
  return { ...name, state, created, hint: `${later}${absentDependencies(yard, task)}${hint}` };
}

const STOPPING = 'the runtime is being stopped: the task is kept, and runs when the next one has started; ';

/** In a batch one call waits for all, so a hint is only given where something is particular. */
function withoutPlainHint({ hint, ...answer }: Accepted): Accepted {
  const plain = answer.state === 'queued' && hint?.startsWith('job_status {');
  return { ...answer, ...(hint !== undefined && !plain && { hint }) };
}

/** The one call that waits for all of a batch. */
function batchNext(accepted: readonly Accepted[], groups: ReadonlySet<string | undefined>): { next?: string } {
  if (accepted.length === 0) return {};
  const [project, ...others] = new Set(accepted.map((one) => one.project));
  const where = others.length === 0 ? `, project: ${JSON.stringify(project)}` : '';
  return { next: `job_status {${namesOf(accepted, groups)}${where}, wait: "all", wait_seconds: 45}` };
}

function namesOf(accepted: readonly Accepted[], groups: ReadonlySet<string | undefined>): string {
  const [group] = groups;
  if (group !== undefined && groups.size === 1) return `group: ${JSON.stringify(group)}`;
  const ids = accepted.slice(0, 20).map(({ id }) => JSON.stringify(id));
  return `ids: [${ids.join(', ')}${accepted.length > ids.length ? ', …' : ''}]`;
}

/** A dependency may come later; a mistyped one never does. */
function absentDependencies({ store }: Yard, task: Awaited<ReturnType<Yard['store']['get']>>): string {
  if (task === undefined || isFinished(task)) return '';
  const absent = task.waits_for.filter((id) => !store.open().has(keyOf({ project: task.project, id })));
  return absent.length === 0 ? '' : `it waits for ${absent.join(', ')}, of which there is no open task yet; `;
}

function errorOf({ code, message, hint, retry_after_seconds }: Refusal): z.infer<typeof Rejected> {
  return { error: { code, message, hint, ...(retry_after_seconds !== undefined && { retry_after_seconds }) } };
}
