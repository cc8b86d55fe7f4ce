import type { DelegatedStatus } from '../../runtime/model/delegated.ts';
import type { Look } from '../cli.ts';
import { safeLine } from '../safe-text.ts';
import { table } from '../table.ts';
import { span } from '../time.ts';

/** Jobs at providers, those that have taken longest first, and what became of the others. */
export function delegatedView(status: DelegatedStatus, { paint, width }: Look): string {
  const head = ['TASK', 'PROVIDER', 'AGE', 'STATE', 'JOB', 'TROUBLE'].map((word) => paint('dim', word));
  const rows = [...status.jobs]
    .sort((a, b) => b.duration - a.duration)
    .map((job) => [
      safeLine(`${job.project}/${job.task_file.replace(/\.md$/, '')}`),
      safeLine(job.provider),
      span(Math.max(job.duration * 1_000, 1_000)),
      safeLine(job.status),
      safeLine(job.job_id ?? ''),
      safeLine(job.trouble ?? ''),
    ]);
  const { delegated_completed_total: done, delegated_failed_total: failed } = status;
  const ended = paint('dim', `since the start: ${done} completed, ${failed} failed`);
  return `${rows.length === 0 ? 'no job is at a provider\n' : table(head, rows, width)}${ended}\n`;
}
