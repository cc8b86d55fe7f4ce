import type { Look, Structured } from '../cli.ts';
import { hintForPeople } from '../hints.ts';
import { paintState } from '../paint.ts';
import { safeLine } from '../safe-text.ts';

/** One line for each task that was to be enqueued, in the order given. */
export function acceptedView(answer: Structured, look: Look): string {
  return answersOf(answer)
    .map((one) => (isRefused(one) ? refusedLine(one, look) : acceptedLine(one, look)))
    .join('');
}

export function refusedAmong(answer: Structured): boolean {
  return answersOf(answer).some(isRefused);
}

function answersOf(answer: Structured): readonly Structured[] {
  return Array.isArray(answer.tasks) ? (answer.tasks as Structured[]) : [answer];
}

function isRefused(one: Structured): boolean {
  return one.error !== undefined;
}

function acceptedLine({ project, id, state, created, position, hint }: Structured, look: Look): string {
  const name = look.paint('bold', safeLine(`${project}/${id}`));
  const place = typeof position === 'number' ? `, number ${position} in line` : '';
  const known = created === false ? ' (was there already)' : '';
  const note = typeof hint === 'string' ? `\n  ${safeLine(hintForPeople(hint))}` : '';
  return `${name}  ${paintState(look.paint, safeLine(String(state)))}${place}${known}${note}\n`;
}

function refusedLine(one: Structured, look: Look): string {
  const { message, hint } = one.error as Structured;
  const said = safeLine(String(message));
  return `${look.paint('red', 'refused')}  ${said}${typeof hint === 'string' ? `\n  ${safeLine(hintForPeople(hint))}` : ''}\n`;
}
