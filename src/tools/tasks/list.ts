import { z } from 'zod';
import { isRefusal, type Refusal } from '../../runtime/model/refusal.ts';
import { TaskState, TaskSummary } from '../../runtime/model/view.ts';
import type { TaskQuery } from '../../runtime/ports.ts';
import { WHOLE } from '../claude-code.ts';
import { Counts, countTasks } from '../counts.ts';
import { findScope } from '../find-project.ts';
import { parseSince } from '../since.ts';
import { defineTool, type ToolContext } from '../tool.ts';

const input = z.strictObject({
  state: z
    .union([TaskState, z.array(TaskState).min(1)])
    .optional()
    .describe('one state or several; all when left out'),
  project: z.string().min(1).optional().describe('name or path; all known projects when left out'),
  group: z.string().min(1).optional(),
  changed_since: z.string().optional().describe('ISO time, or how long ago: 30m, 12h, 2d'),
  limit: z.number().int().min(1).max(100).default(20),
  cursor: z.string().max(1_000).optional().describe('next_cursor of the page before'),
});

export const listTasks = defineTool({
  name: 'list_tasks',
  title: 'List tasks',
  description: `Lists tasks with their states, open ones in order of arrival first, then finished ones, newest first; counts of all states come along.
Use it to get an overview, to find an id, or to see what changed while you were away. To wait for tasks use job_status.
{"state": ["failed", "cancelled"], "changed_since": "12h"}
{"project": "shop", "group": "release-12", "limit": 50}`,
  input,
  output: z.object({
    tasks: z.array(TaskSummary),
    next_cursor: z.string().optional().describe('there is more: pass it as cursor, with the same filters'),
    counts: Counts.describe('all tasks of the project, or of all projects, by state'),
    hint: z.string().optional(),
  }),
  hints: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  meta: WHOLE,
  async handle(ctx, args) {
    const query = await queryOf(ctx, args);
    if (isRefusal(query)) return query;
    const { tasks, next } = await ctx.yard.store.list(query);
    return {
      tasks: tasks.map((task) => ctx.yard.summary(task)),
      ...(next !== undefined && { next_cursor: next }),
      counts: countTasks(ctx.yard, query.project),
      ...(tasks.length === 0 && { hint: emptyHint(ctx, query) }),
    };
  },
});

async function queryOf(ctx: ToolContext, args: z.output<typeof input>): Promise<TaskQuery | Refusal> {
  const project = await findScope(ctx, args.project);
  if (isRefusal(project)) return project;
  const since =
    args.changed_since === undefined
      ? undefined
      : parseSince('changed_since', args.changed_since, ctx.yard.clock.now());
  if (isRefusal(since)) return since;
  return {
    limit: args.limit,
    ...(args.state !== undefined && { states: [args.state].flat() }),
    ...(project !== undefined && { project }),
    ...(args.group !== undefined && { group: args.group }),
    ...(since !== undefined && { changed_since: since }),
    ...(args.cursor !== undefined && { cursor: args.cursor }),
  };
}

function emptyHint({ yard }: ToolContext, query: TaskQuery): string {
  if (yard.store.projects().length === 0) return 'no project is known yet; enqueue_task with a path makes one known';
  const { limit: _, ...filters } = query;
  return Object.keys(filters).length > 0
    ? 'nothing matches; leave a filter out to see more'
    : 'there are no tasks; enqueue_task makes one';
}
