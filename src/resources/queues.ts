import type { Refusal } from '../runtime/model/refusal.ts';
import { isRefusal } from '../runtime/model/refusal.ts';
import type { TaskState, TaskSummary } from '../runtime/model/view.ts';
import { countTasks } from '../tools/counts.ts';
import { findScope } from '../tools/find-project.ts';
import { type BoxName, queueUri, taskUri } from './address.ts';
import { completeProject, projectsSeen } from './complete.ts';
import { inline } from './markdown.ts';
import type { Resource, ResourceContext, ResourceText } from './resource.ts';

const PAGE = 50;

interface Box {
  readonly name: BoxName;
  readonly states: readonly TaskState[];
  readonly what: string;
}

const BOXES: readonly Box[] = [
  {
    name: 'inbox',
    states: ['queued', 'claimed', 'running', 'unknown'],
    what: 'Tasks that wait or run, in order of arrival',
  },
  { name: 'done', states: ['done'], what: 'Tasks that are done, newest first' },
  {
    name: 'failed',
    states: ['failed', 'cancelled'],
    what: 'Tasks that failed or were cancelled, newest first, with the reason',
  },
];

/** `queue://inbox` of all projects and `queue://{project}/inbox` of one; likewise done and failed. */
export const queues: readonly Resource[] = [...BOXES.map(ofAll), ...BOXES.map(ofProject)];

function ofAll(box: Box): Resource {
  return {
    name: box.name,
    uri: queueUri(box.name),
    title: `${box.name} of all projects`,
    description: `${box.what}; the first ${PAGE}.`,
    mimeType: 'text/markdown',
    read: (ctx) => page(ctx, box, undefined),
  };
}

function ofProject(box: Box): Resource {
  return {
    name: `project-${box.name}`,
    uri: `queue://{project}/${box.name}`,
    title: `${box.name} of a project`,
    description: `${box.what}; the first ${PAGE}.`,
    mimeType: 'text/markdown',
    read: (ctx, { project }) => page(ctx, box, project),
    complete: { project: completeProject },
    list: async (ctx) =>
      projectsSeen(ctx).map(({ name }) => ({
        uri: queueUri(box.name, name),
        name: `${name}-${box.name}`,
        title: `${box.name} of ${name}`,
      })),
  };
}

/** What `queue://…` shows of one box. */
export function readBox(ctx: ResourceContext, name: BoxName, project?: string): Promise<ResourceText | Refusal> {
  const box = BOXES.find((one) => one.name === name);
  if (box === undefined) throw new Error(`there is no box ${name}`);
  return page(ctx, box, project);
}

/** Where a task in this state is listed. */
export function boxOf(state: TaskState): BoxName {
  return BOXES.find(({ states }) => states.includes(state))?.name ?? 'inbox';
}

async function page(
  ctx: ResourceContext,
  { name, states, what }: Box,
  named: string | undefined,
): Promise<ResourceText | Refusal> {
  const project = await findScope(ctx, named);
  if (isRefusal(project)) return project;
  const { tasks, next } = await ctx.yard.store.list({ states, limit: PAGE, ...(project !== undefined && { project }) });
  const counts = countTasks(ctx.yard, project);
  const total = states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const of = project === undefined ? 'all projects' : inline(ctx.yard.projectName(project));
  const lines = tasks.map((task) => line(ctx.yard.summary(task)));
  const more = { state: states, ...(named !== undefined && { project: named }), cursor: next };
  const rest = next === undefined ? '' : `\nMore: list_tasks ${JSON.stringify(more)}\n`;
  return {
    mimeType: 'text/markdown',
    text: `# ${name} of ${of} (${total})\n\n${what}.\n\n${lines.join('') || '(none)\n'}${rest}`,
  };
}

function line(task: TaskSummary): string {
  const about = [
    task.priority === 'default' ? undefined : task.priority,
    task.runs_on && `on ${task.runs_on}`,
    task.group && `group ${task.group}`,
    task.waiting && `waits: ${task.waiting.detail ?? task.waiting.reason}`,
    task.reason,
    task.finished_at ?? task.started_at ?? task.queued_at,
  ].filter((part) => part !== undefined && part !== '');
  return `- ${task.state}: [${inline(task.title)}](${taskUri(task)}), ${about.map((part) => inline(String(part))).join(', ')}\n`;
}
