import type { ProjectId, TaskId } from '../model/ids.ts';
import { isRefusal, type Refusal } from '../model/refusal.ts';
import type { UnknownTask } from '../model/task.ts';
import { AttemptFile, Marker, readJson } from './marker.ts';
import { parseTask } from './parse.ts';

/** A task that was started by somebody whom our journal does not know: an earlier home, or the seeds. */
export interface Leftover {
  readonly task: Omit<UnknownTask, 'seq' | 'changed_at' | 'changed_seq' | 'body'>;
  readonly bytes: Uint8Array;
  /** The remote job that its marker names: it can be polled on. */
  readonly job?: { readonly provider: string; readonly job_id: string; readonly attempt: number };
}

interface Found {
  readonly project: ProjectId;
  readonly id: TaskId;
  readonly bytes: Uint8Array;
  readonly sha: string;
  readonly now: number;
  readonly marker?: Uint8Array | undefined;
  readonly attempt?: Uint8Array | undefined;
}

export function readLeftover(found: Found): Leftover | Refusal {
  const { project, id, bytes, sha, now } = found;
  const parsed = parseTask(bytes);
  if (isRefusal(parsed)) return parsed;
  const marker = found.marker && readJson(Marker, found.marker);
  const attempt = found.attempt && readJson(AttemptFile, found.attempt);
  const number = attempt?.attempt ?? marker?.attempt ?? 1; // a task that somebody started has had one attempt
  const job =
    marker?.job_id && marker.provider
      ? { provider: marker.provider, job_id: marker.job_id, attempt: number }
      : undefined;
  return {
    bytes,
    ...(job && { job }),
    task: {
      project,
      id,
      state: 'unknown',
      found: found.marker ? 'delegated' : 'dispatched',
      detail: found.marker
        ? 'a marker without a job id: it may have been submitted'
        : 'started by a runtime that left no record of its end',
      ...(attempt?.run_dir !== undefined && { run_dir: attempt.run_dir }),
      queued_at: timeOf(marker?.started_at) ?? now,
      spec: parsed.spec,
      title: parsed.title,
      sha,
      size: bytes.length,
      source: 'rebuild',
      enqueued_by: 'recovery',
      depth: 0,
      attempt: number,
      spent: number,
      waits_for: [],
    },
  };
}

/** People and other tools write markers too. */
function timeOf(text: string | undefined): number | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}
