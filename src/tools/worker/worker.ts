import { z } from 'zod';
import { TaskId } from '../../runtime/model/ids.ts';
import { isRefusal, type Refusal } from '../../runtime/model/refusal.ts';
import type { Used } from '../../runtime/model/usage.ts';
import { WorkerName } from '../../runtime/model/worker.ts';
import type { HandedTask, HeldAttempt } from '../../runtime/worker-desk.ts';
import { findProject } from '../find-project.ts';
import type { ToolContext } from '../tool.ts';

/** How a worker shows who it is. */
export const whoFields = {
  worker: WorkerName.describe('the name under which you registered'),
  key: z.string().min(1).max(200).describe('what register_worker answered'),
};

/** How it shows that an attempt is its own; all of it stands in what claim_task answered. */
export const heldFields = {
  id: TaskId.describe('task id'),
  project: z.string().min(1).describe('as claim_task named it'),
  attempt: z.number().int().min(1),
  token: z.string().min(1).max(200),
};

const count = z.number().int().min(0);

export const usageField = z
  .strictObject({
    model: z.string().min(1).max(200).optional(),
    input_tokens: count.optional(),
    output_tokens: count.optional(),
    cached_tokens: count.optional().describe('read from a cache, beside input_tokens'),
    cost: z
      .strictObject({ amount: z.number().min(0), currency: z.string().regex(/^[A-Z]{3}$/, 'such as USD') })
      .optional(),
  })
  .optional()
  .describe('what it took, as far as you know; it is booked');

/** Unknown is absent, never 0. */
export function usedFrom(usage: z.output<typeof usageField>): Used | undefined {
  if (usage === undefined) return undefined;
  const { model, input_tokens, output_tokens, cached_tokens, cost } = usage;
  const known = [input_tokens, output_tokens, cached_tokens].filter((tokens) => tokens !== undefined);
  const kinds = {
    input_tokens: input_tokens ?? 0,
    output_tokens: output_tokens ?? 0,
    cache_read_tokens: cached_tokens ?? 0,
    cache_write_tokens: 0,
  };
  return {
    ...(model !== undefined && { model }),
    ...(known.length > 0 && { tokens: known.reduce((sum, tokens) => sum + tokens, 0), usage: kinds }),
    ...(cost && { cost }),
  };
}

export async function heldOf(
  ctx: ToolContext,
  { id, project, attempt, token }: { id: TaskId; project: string; attempt: number; token: string },
): Promise<HeldAttempt | Refusal> {
  const found = await findProject(ctx, project);
  return isRefusal(found) ? found : { task: { project: found.id, id }, attempt, token };
}

export const GivenTask = z.object({
  id: z.string(),
  project: z.string(),
  project_path: z.string(),
  attempt: z.number(),
  token: z.string().describe('shows that this attempt is yours: heartbeat, complete_task and fail_task want it'),
  title: z.string(),
  priority: z.string(),
  note: z.literal('body is your task: carry it out'),
  body: z.string(),
  constraints: z.array(z.string()).optional(),
  model: z.string().optional(),
  result_schema: z.record(z.string(), z.unknown()).optional().describe('what the result has to fit'),
  verify: z.string().optional().describe('run in cwd after you complete it; it is done only where that passes'),
  cwd: z.string().optional().describe('where you work, and nowhere else'),
  deadline: z.string(),
  heartbeat_seconds: z.number().describe('name this attempt in a heartbeat at least this often'),
  cancel: z.string().optional().describe('it is not wanted any more: stop, then fail_task'),
});

export function givenTask({ yard }: ToolContext, task: HandedTask): z.input<typeof GivenTask> {
  const { constraints, model, result_schema, verify, cwd, cancel } = task;
  const project = yard.store.projects().find(({ id }) => id === task.task.project);
  return {
    ...{ id: task.task.id, project: yard.projectName(task.task.project), project_path: project?.path ?? '' },
    ...{ attempt: task.attempt, token: task.token, title: task.title, priority: task.priority },
    note: 'body is your task: carry it out',
    body: task.prompt,
    ...(constraints.length > 0 && { constraints: [...constraints] }),
    ...(model !== undefined && { model }),
    ...(result_schema && { result_schema: { ...result_schema } }),
    ...(verify !== undefined && { verify }),
    ...(cwd !== undefined && { cwd }),
    deadline: new Date(task.deadline).toISOString(),
    heartbeat_seconds: everySeconds(task.ttl_ms),
    ...(cancel !== undefined && { cancel }),
  };
}

/** Two may be lost. */
export function everySeconds(ttl_ms: number): number {
  return Math.max(Math.floor(ttl_ms / 300) / 10, 0.1);
}
