import { isRefusal, type Refusal, refuse } from '../runtime/model/refusal.ts';
import type { OpenTask } from '../runtime/model/task.ts';
import { TaskState } from '../runtime/model/view.ts';
import type { Yard } from '../runtime/yard.ts';
import { findProject } from '../tools/find-project.ts';
import { type AnyTask, isFinished, refOf } from '../tools/find-task.ts';

/*
 * Everything that is known of tasks, page by page: open ones in the order of their arrival, then ended ones, the newest
 * first. A task that ends while somebody pages may come twice; the later one counts.
 */

const PAGE = 500;
const PAGE_WITH_TEXT = 8; // a text may have a megabyte

type Params = Readonly<Record<string, unknown>>;
type Line = Readonly<Record<string, unknown>>;

export async function exportPage(yard: Yard, params: Params): Promise<{ tasks: Line[]; next?: string } | Refusal> {
  const states = TaskState.array().optional().safeParse(params.state);
  if (!states.success)
    return refuse('invalid', 'state: not a state of a task', `allowed: ${TaskState.options.join(', ')}`);
  const project = await scope(yard, params.project);
  if (isRefusal(project)) return project;
  const bodies = params.bodies === true;
  const { tasks, next } = await yard.store.list({
    limit: bodies ? PAGE_WITH_TEXT : PAGE,
    ...(states.data && { states: states.data }),
    ...(project && { project: project.id }),
    ...(typeof params.since === 'number' && { changed_since: params.since }),
    ...(typeof params.cursor === 'string' && { cursor: params.cursor }),
  });
  const paths = new Map(yard.store.projects().map(({ id, path }) => [id, path]));
  const lines = tasks.map((task) => ({
    kind: 'task',
    project: yard.projectName(task.project),
    path: paths.get(task.project),
    ...facts(task),
  }));
  const whole = bodies ? await Promise.all(lines.map(async (line, n) => withText(yard, line, tasks[n]))) : lines;
  return { tasks: whole, ...(next !== undefined && { next }) };
}

async function scope(yard: Yard, named: unknown) {
  if (typeof named !== 'string') return undefined;
  return findProject({ yard, caller: { principal: 'owner', name: 'owner' } }, named);
}

async function withText(yard: Yard, line: Line, task: AnyTask | undefined): Promise<Line> {
  const file = task && (await yard.store.text(refOf(task)).catch(() => undefined));
  return file === undefined ? line : { ...line, file: file.path, text: Buffer.from(file.bytes).toString() };
}

function facts(task: AnyTask): Line {
  return isFinished(task) ? withTimes(without(task, ['project', 'finished_seq'])) : openFacts(task);
}

/** The token of an attempt is a key, and where the journal has the bytes is nobody's business. */
function openFacts(task: OpenTask): Line {
  const line = without(task, ['project', 'token', 'body', 'seq', 'changed_seq', 'spec']);
  const { title: _, ...spec } = task.spec;
  return withTimes({ ...spec, ...line });
}

function without(task: AnyTask, keys: readonly string[]): Line {
  return Object.fromEntries(Object.entries(task).filter(([key]) => !keys.includes(key)));
}

const TIMES = new Set(['queued_at', 'changed_at', 'claimed_at', 'started_at', 'finished_at', 'not_before']);

function withTimes(line: Line): Line {
  const iso = (key: string, value: unknown) =>
    TIMES.has(key) && typeof value === 'number' ? new Date(value).toISOString() : value;
  return Object.fromEntries(Object.entries(line).map(([key, value]) => [key, iso(key, value)]));
}
