import type { ProjectId } from '../runtime/model/ids.ts';
import { type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { OpenTask } from '../runtime/model/task.ts';
import type { NewTaskInput } from '../runtime/yard.ts';
import type { Tool, ToolContext } from './tool.ts';

/*
 * What a call from inside an attempt may do (the owner may do everything).
 *
 * R1. A tool without a row here is closed to attempts.
 * R2. An attempt sees its own project and no other.
 * R3. An attempt's children are weaker than the owner's tasks: no free commands, no callbacks, no deeper than `max_depth`.
 */

/** `read`: its own project. `child`: makes or changes only tasks that it enqueued itself. `never`: closed. */
export type AttemptRight = 'read' | 'child' | 'never';

export const ATTEMPT_RIGHTS: Readonly<Record<string, AttemptRight>> = {
  enqueue_task: 'child',
  list_tasks: 'read',
  job_status: 'read',
  cancel_task: 'child',
  retry_task: 'never',
  list_sessions: 'read',
  read_session: 'read',
  message_session: 'never',
  answer_request: 'never',
  decide_route: 'read',
  delegate: 'child',
  fleet_status: 'read',
  pause_work: 'never',
};

type Who = Pick<ToolContext, 'yard' | 'caller'>;

const REPORT = 'Finish your own task and say in its result what somebody else should do.';

/** The tool, closed to callers that have no right to it. */
export function withRights(tool: Tool): Tool {
  return { ...tool, handle: async (ctx, args) => refuseTool(tool.name, ctx) ?? tool.handle(ctx, args) };
}

function refuseTool(tool: string, { caller, yard }: Who): Refusal | undefined {
  if (caller.principal === 'owner') return undefined;
  const { children, max_depth } = yard.config.limits;
  switch (ATTEMPT_RIGHTS[tool] ?? 'never') {
    case 'read':
      return undefined;
    case 'never': // R1
      return refuse('not_allowed', `${tool} is closed to calls from inside a task (you are ${caller.name})`, REPORT);
    case 'child':
      if (!children) return refuse('not_allowed', `tasks may not make tasks here: limits.children is off`, REPORT);
      if (caller.depth < max_depth) return undefined;
      return refuse(
        'not_allowed',
        `this task is at depth ${caller.depth} and limits.max_depth is ${max_depth}`,
        REPORT,
      ); // R3
  }
}

export function refuseProject({ caller, yard }: Who, project: ProjectId): Refusal | undefined {
  if (caller.principal === 'owner' || caller.task.project === project) return undefined;
  const own = yard.projectName(caller.task.project);
  return refuse('not_allowed', 'a task may only look at its own project', `leave project out, or name "${own}"`); // R2
}

/** Whether it is the caller's to change: the owner's always, an attempt's only when it enqueued it. */
export function refuseChange({ caller }: Who, task: Pick<OpenTask, 'project' | 'id' | 'parent'>): Refusal | undefined {
  if (caller.principal === 'owner') return undefined;
  const { parent } = task;
  if (parent && parent.project === caller.task.project && parent.id === caller.task.id) return undefined;
  return refuse('not_allowed', `task ${task.id} was not enqueued by this one, so it is not yours to change`, REPORT);
}

export function refuseChild({ caller, yard }: Who, input: NewTaskInput): Refusal | undefined {
  if (caller.principal === 'owner') return undefined;
  const checks = Object.keys(yard.config.checks);
  if (input.verify !== undefined && !checks.includes(input.verify)) {
    const allowed = checks.length > 0 ? `allowed: ${checks.join(', ')}` : 'none is configured, leave it out';
    return refuse(
      'not_allowed',
      `verify is "${input.verify}"; a task's own tasks may only name a configured check`,
      allowed,
    ); // R3
  }
  if (input.callback_url === undefined) return undefined;
  return refuse('not_allowed', 'callback_url may only be set by the owner', 'leave callback_url out'); // R3
}
