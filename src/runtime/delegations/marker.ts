import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import type { TaskId, TaskRef } from '../model/ids.ts';
import type { Files } from '../ports.ts';

/**
 * `inbox/<id>.md.delegated`: what the outside sees of a delegated task. It is written before the request with
 * `job_id: null` and again when the provider has named the job. Markers of older queues lack attempt and key.
 */
export const DelegationMarker = z.object({
  project: z.string(),
  task_file: z.string(),
  job_id: z.string().nullable(),
  provider: z.string(),
  started_at: z.string(),
  attempt: z.number().int().positive().optional(),
  idempotency_key: z.string().optional(),
  /** Where it was sent. */
  address: z.string().optional(),
  /** It was a request of the process that sent it. */
  transient: z.boolean().optional(),
});
export type DelegationMarker = z.infer<typeof DelegationMarker>;

const MAX_MARKER_BYTES = 64 * 1024;

/** Follows from what the attempt is, so that a restart finds the same key without having stored it. */
export function idempotencyKey(epoch: string, task: TaskRef, attempt: number): string {
  const name = JSON.stringify([epoch, task.project, task.id, attempt]);
  return `yardmaster-${createHash('sha256').update(name).digest('hex').slice(0, 40)}`;
}

function inboxOf(projectPath: string): string {
  return join(projectPath, '.agent-queue', 'inbox');
}

export function markerPath(projectPath: string, id: TaskId): string {
  return join(inboxOf(projectPath), `${id}.md.delegated`);
}

/** On disk, name and bytes, when it returns. */
export async function writeMarker(
  files: Pick<Files, 'replace' | 'sync' | 'syncDir'>,
  projectPath: string,
  id: TaskId,
  marker: DelegationMarker,
) {
  const path = markerPath(projectPath, id);
  await files.replace(path, Buffer.from(`${JSON.stringify(marker, null, 2)}\n`));
  await files.sync(path);
  await files.syncDir(inboxOf(projectPath));
}

/** Undefined where there is none that can be read: anybody may write into an inbox. */
export async function readMarker(
  files: Pick<Files, 'read'>,
  projectPath: string,
  id: TaskId,
): Promise<DelegationMarker | undefined> {
  try {
    const bytes = await files.read(markerPath(projectPath, id), MAX_MARKER_BYTES);
    return bytes && DelegationMarker.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch {
    return undefined;
  }
}
