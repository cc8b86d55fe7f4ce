import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';
import { span } from '../time.ts';

/** As the runtime lists it. */
export interface ListedOrphan {
  readonly pid: number;
  readonly start: string;
  readonly begun_at: string;
  readonly command: string;
  readonly project: string;
  readonly task: string;
  readonly attempt: number;
  readonly why: string;
  readonly kept: boolean;
}

const LONGEST_COMMAND = 60;

export function orphansView(
  { seen, orphans }: { seen: boolean; orphans: readonly ListedOrphan[] },
  { paint, width, now }: Look,
): string {
  if (!seen) return 'this system does not tell which processes belong to an attempt: nothing can be said\n';
  if (orphans.length === 0) return 'no process of an attempt that is over was found\n';
  const head = ['PID', 'AGE', 'TASK', 'ATTEMPT', 'COMMAND', 'WHY'].map((word) => paint('dim', word));
  const rows = orphans.map(({ pid, begun_at, command, project, task, attempt, why }) => [
    String(pid),
    span(Math.max(now - Date.parse(begun_at), 1_000)),
    safeLine(`${project}/${task}`),
    String(attempt),
    safeLine(command.slice(0, LONGEST_COMMAND)),
    safeLine(why),
  ]);
  return table(head, rows, width);
}

export function endedView({ ended, left }: { ended: readonly ListedOrphan[]; left: readonly number[] }): string {
  const gone = ended.map(({ pid, command }) => `ended ${pid}  ${safeLine(command.slice(0, LONGEST_COMMAND))}\n`);
  const here = left.map((pid) => `${pid} was left: it is another process by now, or could not be ended\n`);
  return [...gone, ...here].join('');
}
