import type { ProjectId, TaskId } from '../model/ids.ts';
import type { TaskStore } from '../ports.ts';
import { readResult } from '../taskfile/result.ts';

/** What a task that this one depends on came to. */
export interface DependencyResult {
  readonly id: TaskId;
  /** Its file, below the project. */
  readonly path: string;
  readonly text: string;
  readonly bytes: number;
}

/** Of those that are done; an answer's file that somebody has removed has nothing to say. */
export async function resultsOf(
  store: Pick<TaskStore, 'get' | 'text'>,
  project: ProjectId,
  ids: readonly TaskId[],
): Promise<DependencyResult[]> {
  const results: DependencyResult[] = [];
  for (const id of ids) {
    const task = await store.get({ project, id });
    const file = task?.state === 'done' ? await store.text({ project, id }) : undefined;
    if (!file) continue;
    const text = readResult(file.bytes, { folder: 'done', id, mtimeMs: 0 }).text.trim();
    results.push({ id, path: `.agent-queue/done/${id}.md`, text, bytes: Buffer.byteLength(text) });
  }
  return results;
}
