import { z } from 'zod';
import { isRefusal, type Refusal, refuse } from '../../runtime/model/refusal.ts';
import { Route } from '../../runtime/model/route.ts';
import { TaskSpec } from '../../runtime/model/spec.ts';
import { isLive } from '../../runtime/model/task.ts';
import { findScope } from '../find-project.ts';
import { findTask, isFinished, taskNaming } from '../find-task.ts';
import { taskFields } from '../task-fields.ts';
import { defineTool, type ToolContext } from '../tool.ts';

const input = z.strictObject({
  ...taskFields,
  id: taskNaming.id.optional().describe('an existing task'),
  project: taskNaming.project,
});
type Input = z.output<typeof input>;

export const decideRoute = defineTool({
  name: 'decide_route',
  title: 'Ask where a task would run',
  description: `Says where a task would run now (an agent here, a provider, not yet, or nowhere) and every rule that spoke. Changes nothing.
Use it before enqueue_task to see what its keys would do, or on a waiting task (\`id\`) to see why it waits. A route is for this moment; the dispatcher decides again when it starts the task.
{"project": "shop", "preferred_ai": "gemini", "priority": "critical"}
{"id": "fix-the-login-redirect", "project": "shop"}`,
  input,
  output: z.object({
    route: Route,
    task: z.object({ id: z.string(), project: z.string() }).optional(),
    under_way: z.boolean().optional().describe('the task runs already, and this is where'),
    next: z.string().optional(),
  }),
  hints: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  async handle(ctx, args) {
    const answer = await (args.id === undefined ? routeOfSpec(ctx, args) : routeOfTask(ctx, args));
    return isRefusal(answer) ? answer : { ...answer, ...nextOf(answer.route) };
  },
});

async function routeOfSpec(
  ctx: ToolContext,
  { id: _, project: named, ...fields }: Input,
): Promise<{ route: Route } | Refusal> {
  const project = await findScope(ctx, named);
  if (isRefusal(project)) return project;
  return { route: ctx.yard.route({ spec: TaskSpec.parse(fields), ...(project !== undefined && { project }) }) };
}

async function routeOfTask(ctx: ToolContext, { id, project: named, ...fields }: Input) {
  const stray = Object.keys(fields);
  if (id === undefined || stray.length > 0) {
    return refuse(
      'invalid',
      `an existing task is routed by what its file says, so ${stray.join(', ')} can't be given with id`,
      'leave out either id or the keys',
    );
  }
  const task = await findTask(ctx, { id, project: named });
  if (isRefusal(task)) return task;
  const name = { id, project: ctx.yard.projectName(task.project) };
  if (isFinished(task))
    return refuse(
      'not_possible',
      `task ${id} is ${task.state}; it goes nowhere any more`,
      `job_status {id: "${id}"} says where it ran`,
    );
  if (isLive(task)) return { route: task.route, task: name, under_way: true };
  return { route: ctx.yard.route({ project: task.project, spec: task.spec, task }), task: name };
}

function nextOf(route: Route): { next?: string } {
  if (route.to === 'wait' && route.reason === 'no_eligible_agent')
    return { next: 'fleet_status shows the agents and what they can do; a person can configure one' };
  if (route.to === 'refuse') return { next: 'change the keys that the rules name' };
  return {};
}
