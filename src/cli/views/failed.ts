import type { TaskSummary } from '../../runtime/model/view.ts';
import { tookText } from '../../tools/took.ts';
import type { Look, Structured } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { shellWord } from '../shell-word.ts';
import { table } from '../table.ts';
import { relative } from '../time.ts';
import { tasksOf } from './tasks.ts';

/** What has failed for good, newest first, and how it goes on. */
export function failedView(answer: Structured, look: Look): string {
  const tasks = tasksOf(answer);
  if (tasks.length === 0) return 'nothing has failed\n';
  const head = ['TASK', 'FAILED', 'CLASS', 'TRIES', 'TOOK', 'WHY'].map((word) => look.paint('dim', word));
  const rows = tasks.map((task) => [
    safeLine(`${task.project}/${task.id}`),
    relative(task.finished_at ?? task.queued_at, look.now),
    safeLine(task.error_class ?? ''),
    String(task.attempts),
    tookText(task.took) ?? '',
    safeLine(task.reason ?? task.title),
  ]);
  return table(head, rows, look.width) + moreOf(answer) + nextOf(tasks);
}

function moreOf({ next_cursor }: Structured): string {
  return typeof next_cursor === 'string' ? `more: --cursor ${safeLine(next_cursor)}\n` : '';
}

function nextOf(tasks: readonly TaskSummary[]): string {
  const open = tasks.find(({ retried_as }) => retried_as === undefined);
  if (!open) return '';
  const name = shellWord(safeLine(`${open.project}/${open.id}`));
  return `next: yardmaster show ${name} (what was tried, what is left), then yardmaster retry ${name} (--help: with changes)\n`;
}
