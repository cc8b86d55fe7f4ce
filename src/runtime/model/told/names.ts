import { nearest } from '../nearest.ts';
import { EVENT_NAMES, type EventName } from './table.ts';

/* Names of events as people and configurations give them: whole, or as a pattern such as `task_*`. */

/** As they stand in the journal, where they have other names. */
const JOURNAL_NAMES: Readonly<Record<string, string>> = {
  task_finished: 'task_completed, task_failed, task_cancelled',
  task_requeued: 'task_retried',
  attempt_started: 'task_dispatched',
  session_changed: 'session_created, session_died …, or session_*',
};

/** The names that a pattern means; none where it means nothing. */
export function namesLike(pattern: string): readonly EventName[] {
  const plain = pattern.trim().replaceAll('-', '_');
  if (!plain.includes('*')) return EVENT_NAMES.filter((name) => name === plain);
  const parts = plain.split('*');
  return EVENT_NAMES.filter((name) => fits(name, parts));
}

/** Without a regular expression: a pattern is somebody's word. */
function fits(name: string, [first = '', ...more]: readonly string[]): boolean {
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const [index, part] of more.entries()) {
    const found = index === more.length - 1 ? name.length - part.length : name.indexOf(part, at);
    if (found < at || !name.startsWith(part, found)) return false;
    at = found + part.length;
  }
  return true;
}

/** What to say to a name that means nothing. */
export function instead(unknown: string): string {
  const plain = unknown.trim().replaceAll('-', '_');
  const other = JOURNAL_NAMES[plain];
  if (other !== undefined) return `it is told as ${other}`;
  const near = nearest(plain, EVENT_NAMES);
  return near === undefined ? `there are: ${EVENT_NAMES.join(', ')}` : `did you mean ${near}?`;
}
