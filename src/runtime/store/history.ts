import type { Event } from '../model/event.ts';
import { keyOf, type ProjectId, TaskId, type TaskRef } from '../model/ids.ts';
import type { FinishedTask, OutcomeInput } from '../model/task.ts';
import type { QueueLayout } from '../taskfile/layout.ts';
import { readResult } from '../taskfile/result.ts';
import type { Commits } from './commit.ts';
import { finishEvents } from './decide.ts';
import type { Ground } from './ground.ts';

/** What done/ and failed/ say, for a journal that does not know: it was lost, restored from a backup, or another home's. */
export class History {
  readonly #ground: Ground;
  readonly #commits: Commits;

  constructor(ground: Ground, commits: Commits) {
    this.#ground = ground;
    this.#commits = commits;
  }

  /** How a task ended, by its file. */
  async ended(paths: QueueLayout, ref: TaskRef): Promise<FinishedTask | undefined> {
    return (await this.#read(paths, ref, 'done')) ?? (await this.#read(paths, ref, 'failed'));
  }

  async #read(paths: QueueLayout, ref: TaskRef, folder: 'done' | 'failed'): Promise<FinishedTask | undefined> {
    const path = folder === 'done' ? paths.done(ref.id) : paths.failed(ref.id);
    const stat = await this.#ground.files.stat(path);
    const bytes = stat?.kind === 'file' ? await this.#ground.files.read(path).catch(() => undefined) : undefined;
    if (!stat || !bytes) return undefined;
    const { task } = readResult(bytes, { id: ref.id, folder, mtimeMs: stat.mtimeMs });
    return { ...task, project: ref.project, finished_seq: 0 };
  }

  async recover(project: ProjectId, paths: QueueLayout): Promise<void> {
    const found: FinishedTask[] = [];
    for (const folder of ['done', 'failed'] as const) {
      const entries = (await this.#ground.files.list(folder === 'done' ? paths.doneDir : paths.failedDir)) ?? [];
      for (const { name } of entries) {
        const id = name.endsWith('.md') ? TaskId.safeParse(name.slice(0, -'.md'.length)).data : undefined;
        const task = id && (await this.#read(paths, { project, id }, folder));
        if (task) found.push(task);
      }
    }
    await this.#endOpenOnes(found);
    await this.#countOthers(project, found);
  }

  /** The file says that it ended: that stands over a journal that thinks it is open. */
  async #endOpenOnes(found: readonly FinishedTask[]): Promise<void> {
    for (const ended of found) {
      await this.#commits.commit({ by: 'recovery' }, (state) => {
        const task = state.open.get(keyOf(ended));
        const events: Event[] =
          task && task.sha === ended.sha ? fromFile(finishEvents(state, task, outcomeFrom(ended))) : [];
        return { events, reply: null };
      });
    }
  }

  /** Finished tasks that the index has never heard of. */
  async #countOthers(project: ProjectId, found: readonly FinishedTask[]): Promise<void> {
    const { committed } = this.#commits;
    if (committed.ended.has(project) || found.length === 0) return;
    const known = [...found].sort((a, b) => a.finished_at - b.finished_at);
    this.#ground.index.append(known);
    const count = (state: FinishedTask['state']) => found.filter((task) => task.state === state).length;
    const event: Event = {
      type: 'history_counted',
      project,
      done: count('done'),
      failed: count('failed'),
      cancelled: count('cancelled'),
    };
    await this.#commits.commit({ by: 'recovery' }, () => ({ events: [event], reply: null }));
  }
}

function outcomeFrom(ended: FinishedTask): OutcomeInput {
  const reason = ended.reason ?? 'its file says so';
  switch (ended.state) {
    case 'done':
      return { state: 'done', result: 'The result is in the file.' };
    case 'failed':
      return { state: 'failed', error_class: ended.error_class ?? 'crash', reason };
    case 'cancelled':
      return { state: 'cancelled', reason };
  }
}

function fromFile([first, ...cascade]: Event[]): Event[] {
  return first?.type === 'task_finished' ? [{ ...first, from_file: true }, ...cascade] : [];
}
