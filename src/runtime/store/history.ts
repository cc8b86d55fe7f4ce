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

  /** Finished tasks that the list has never heard of. */
  async #countOthers(project: ProjectId, found: readonly FinishedTask[]): Promise<void> {
    const listed = found.length > 0 ? await this.#listed(project) : new Set<TaskId>();
    const others = found.filter(({ id }) => !listed.has(id));
    if (others.length === 0) return;
    this.#ground.index.append(others.sort((a, b) => a.finished_at - b.finished_at));
    await this.#commits.commit({ by: 'recovery' }, ({ ended }) => {
      const known = ended.get(project) ?? { done: 0, failed: 0, cancelled: 0 };
      const count = (state: FinishedTask['state']) =>
        known[state] + others.filter((task) => task.state === state).length;
      const [done, failed, cancelled] = [count('done'), count('failed'), count('cancelled')];
      return { events: [{ type: 'history_counted', project, done, failed, cancelled }], reply: null };
    });
  }

  async #listed(project: ProjectId): Promise<Set<TaskId>> {
    const listed = new Set<TaskId>();
    for (const task of this.#commits.committed.finished.values()) if (task.project === project) listed.add(task.id);
    let cursor: string | undefined;
    do {
      const limit = 10_000;
      const page = await this.#ground.index.page({ limit, maxScan: limit, ...(cursor !== undefined && { cursor }) });
      for (const task of page.tasks) if (task.project === project) listed.add(task.id);
      cursor = page.next;
    } while (cursor !== undefined);
    return listed;
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
