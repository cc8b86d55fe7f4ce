import type { Look, Structured } from '../cli.ts';
import { safeLine, safeText } from '../safe-text.ts';
import { table } from '../table.ts';
import { fieldLines } from './fields.ts';

export function sessionsView(answer: Structured, look: Look): string {
  const sessions = Array.isArray(answer.sessions) ? (answer.sessions as Structured[]) : [];
  if (sessions.length === 0) return 'no sessions: no agent is configured (see `yardmaster config path`)\n';
  const head = ['NAME', 'KIND', 'STATE', 'TASK'].map((word) => look.paint('dim', word));
  const rows = sessions.map((session) => [
    safeLine(String(session.name)),
    safeLine(String(session.kind ?? '')),
    look.paint(session.state === 'working' ? 'cyan' : 'dim', safeLine(String(session.state))),
    taskName(session.task),
  ]);
  return table(head, rows, look.width);
}

function taskName(task: unknown): string {
  if (typeof task === 'string') return safeLine(task);
  if (typeof task !== 'object' || task === null) return '';
  const { project, id, title } = task as Structured;
  return safeLine([[project, id].filter(Boolean).join('/'), title].filter(Boolean).join('  '));
}

/** The output alone where there is some, so that it can be piped; else what is said instead. */
export function screenView(answer: Structured, look: Look): string {
  const text = answer.text ?? answer.output;
  return typeof text === 'string' ? safeText(text) : fieldLines(answer, look);
}
