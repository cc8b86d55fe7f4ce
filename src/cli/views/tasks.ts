import type { TaskSummary } from '../../runtime/model/view.ts';
import type { Look, Structured } from '../cli.ts';
import { hintForPeople } from '../hints.ts';
import { paintState } from '../paint.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';
import { relative } from '../time.ts';

/** The tasks in an answer. */
export function tasksOf(answer: Structured): readonly TaskSummary[] {
  return Array.isArray(answer.tasks) ? (answer.tasks as TaskSummary[]) : [];
}

export function tasksView(answer: Structured, look: Look): string {
  const tasks = tasksOf(answer);
  if (tasks.length === 0)
    return `no tasks${typeof answer.hint === 'string' ? `: ${safeLine(hintForPeople(answer.hint))}` : ''}\n`;
  const several = new Set(tasks.map(({ project }) => project)).size > 1;
  const head = ['STATE', 'TASK', 'PRIORITY', 'ON', 'CHANGED', 'TITLE'].map((word) => look.paint('dim', word));
  const rows = tasks.map((task) => [
    paintState(look.paint, safeLine(task.state)),
    safeLine(several ? `${task.project}/${task.id}` : task.id),
    safeLine(task.priority ?? ''),
    safeLine(task.runs_on ?? ''),
    relative(task.finished_at ?? task.started_at ?? task.queued_at, look.now),
    titleOf(task),
  ]);
  return table(head, rows, look.width) + more(answer);
}

/** The title, and why it waits or failed. */
function titleOf(task: TaskSummary): string {
  const waits = task.waiting && `waits: ${task.waiting.detail ?? task.waiting.reason}`;
  const why = task.reason ?? waits;
  return safeLine(why === undefined ? (task.title ?? '') : `${task.title ?? ''} (${why})`);
}

function more(answer: Structured): string {
  const { next_cursor } = answer;
  return typeof next_cursor === 'string' ? `more: --cursor ${safeLine(next_cursor)}\n` : '';
}
