import type { Look, Structured } from '../cli.ts';
import { paintState } from '../paint.ts';
import { safeLine, safeText } from '../safe-text.ts';
import { relative } from '../time.ts';
import { fieldLines } from './fields.ts';
import { tasksOf, tasksView } from './tasks.ts';

const TEXTS = ['result', 'log', 'stderr', 'check'] as const;
const TIMES = ['queued_at', 'started_at', 'verifying_since', 'finished_at', 'not_before'] as const;

/** One task in full, several as a list. */
export function statusView(answer: Structured, look: Look): string {
  const tasks = tasksOf(answer);
  const [only] = tasks;
  if (only === undefined || tasks.length > 1) return tasksView(answer, look);
  return taskView({ ...only }, look);
}

function taskView(task: Structured, look: Look): string {
  const { id, project, state, title, ...others } = task;
  const fields: Record<string, unknown> = { ...others };
  for (const name of TEXTS) delete fields[name];
  for (const name of TIMES) if (typeof fields[name] === 'string') fields[name] = relative(fields[name], look.now);
  const name = look.paint('bold', safeLine(`${project}/${id}`));
  const head = `${name}  ${paintState(look.paint, safeLine(String(state)))}  ${safeLine(String(title ?? ''))}\n`;
  return head + fieldLines(fields, look) + TEXTS.map((text) => textPart(text, task[text])).join('');
}

/** Text of an agent, under a line that says so. */
function textPart(name: string, value: unknown): string {
  const text = typeof value === 'object' && value !== null ? (value as { text?: unknown }).text : value;
  return typeof text === 'string' && text !== '' ? `\n── ${name} ──\n${safeText(text).trimEnd()}\n` : '';
}

/** What became of a task that was to be changed. */
export function changedView(answer: Structured, look: Look): string {
  const { id, project, state, ...others } = answer;
  const name = [project, id].filter((part) => part !== undefined).join('/');
  return `${look.paint('bold', safeLine(name))}  ${paintState(look.paint, safeLine(String(state ?? '')))}\n${fieldLines(others, look)}`;
}
