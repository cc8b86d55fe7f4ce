import { join } from 'node:path';
import { keyOf, ProjectId, TaskId, type TaskRef } from '../model/ids.ts';
import type { FinishedTask, OpenTask } from '../model/task.ts';
import type { Files } from '../ports.ts';

export interface OldRunsPorts {
  readonly files: Pick<Files, 'list' | 'stat'>;
  readonly store: {
    open(): ReadonlyMap<string, unknown>;
    owns(project: ProjectId): boolean;
    get(ref: TaskRef): Promise<OpenTask | FinishedTask | undefined>;
  };
  readonly runs: string;
  /** Lets others work; false when there is no more time. */
  readonly breathe: () => Promise<boolean>;
}

export interface OldRun {
  readonly ref: TaskRef;
  readonly dir: string;
}

const IN_ONE_GO = 50;

/** The run directories of tasks that ended before a time. What the queue does not know for certain is left out. */
export async function* oldRuns(ports: OldRunsPorts, before: number): AsyncGenerator<OldRun> {
  const { files, store, runs, breathe } = ports;
  let looked = 0;
  for (const { name } of (await files.list(runs)) ?? []) {
    const project = ProjectId.safeParse(name).data;
    if (project === undefined || !store.owns(project)) continue; // its tasks may be open elsewhere
    for (const entry of (await files.list(join(runs, name))) ?? []) {
      if (++looked % IN_ONE_GO === 0 && !(await breathe())) return;
      const id = TaskId.safeParse(entry.name).data;
      if (id === undefined) continue;
      const run = { ref: { project, id }, dir: join(runs, project, id) };
      if (await endedBefore(ports, run, before)) yield run;
    }
  }
}

/** A queue that we hold knows all of its open tasks; a finished one whose file was taken away counts from its last attempt. */
async function endedBefore({ files, store }: OldRunsPorts, { ref, dir }: OldRun, time: number): Promise<boolean> {
  if (store.open().has(keyOf(ref))) return false;
  const begun = (await files.stat(dir))?.mtimeMs;
  if (begun === undefined || begun >= time) return false; // cheap, and true of most
  const task = await store.get(ref);
  if (task === undefined) return store.owns(ref.project);
  return 'finished_at' in task && task.finished_at < time;
}
