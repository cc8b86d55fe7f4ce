import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { clockTime } from '../time.ts';
import { saidIn, type ToldLine } from './events.ts';

const LONGEST_CAUSE = 'dispatcher'.length;

/** When, who or what caused it, what, and to which task with what outcome; then by which call, and for which task. */
export function auditLine(line: ToldLine, { paint, now }: Look): string {
  const { at, by, call, parent } = line;
  const cause = [call && `call ${call}`, parent && `from inside ${parent}`].filter(Boolean).join(', ');
  const time = paint('dim', clockTime(Date.parse(at), now));
  const tail = cause === '' ? '' : `  ${paint('dim', safeLine(`(${cause})`))}`;
  return `${time}  ${safeLine(by).padEnd(LONGEST_CAUSE)}  ${saidIn(line)}${tail}\n`;
}
