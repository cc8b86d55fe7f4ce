import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { clockTime } from '../time.ts';
import { details, what } from './events.ts';

/** One event, as the runtime tells it. */
export interface AuditLine {
  readonly seq: number;
  readonly at: string;
  readonly type: string;
  readonly by: string;
  readonly call?: string;
  readonly parent?: string;
  readonly project?: string;
  readonly id?: string;
}

const LONGEST_CAUSE = 'dispatcher'.length;

/** When, who or what caused it, what, and to which task with what outcome; then by which call, and for which task. */
export function auditLine(line: AuditLine, { paint, now }: Look): string {
  const { at, by, call, parent, project, id } = line;
  const named = { ...line, ...(project !== undefined && id !== undefined && { id: `${project}/${id}` }) };
  const cause = [call && `call ${call}`, parent && `from inside ${parent}`].filter(Boolean).join(', ');
  const parts = [what(named), ...details(named)].map(safeLine);
  const time = paint('dim', clockTime(Date.parse(at), now));
  const tail = cause === '' ? '' : `  ${paint('dim', safeLine(`(${cause})`))}`;
  return `${time}  ${safeLine(by).padEnd(LONGEST_CAUSE)}  ${parts.join('  ')}${tail}\n`;
}
