import { keyOf, type TaskRef } from '../model/ids.ts';
import type { FinishedTask, OpenTask } from '../model/task.ts';
import { type TaskState, TERMINAL } from '../model/view.ts';
import type { TaskPage, TaskQuery, TaskText } from '../ports.ts';
import type { Adoption } from './adoption.ts';
import type { Bodies } from './bodies.ts';
import type { Commits } from './commit.ts';
import type { Ground } from './ground.ts';
import type { History } from './history.ts';

/*
 * What the queue shows. Open tasks come from memory, finished ones from their index and files: the cost of a page does
 * not depend on how much was ever done.
 */

const ENDS = ['done', 'failed', 'cancelled'] as const;

export class Lists {
  readonly #ground: Ground;
  readonly #commits: Commits;
  readonly #adoption: Adoption;
  readonly #bodies: Bodies;
  readonly #history: History;

  constructor(ground: Ground, commits: Commits, adoption: Adoption, bodies: Bodies, history: History) {
    this.#ground = ground;
    this.#commits = commits;
    this.#adoption = adoption;
    this.#bodies = bodies;
    this.#history = history;
  }

  async get(ref: TaskRef): Promise<OpenTask | FinishedTask | undefined> {
    const { committed } = this.#commits;
    return committed.open.get(keyOf(ref)) ?? committed.finished.get(keyOf(ref)) ?? this.#fromFile(ref);
  }

  async #fromFile(ref: TaskRef): Promise<FinishedTask | undefined> {
    const paths = this.#adoption.paths(ref.project);
    if (!paths) return undefined;
    return this.#history.ended(paths, ref);
  }

  async text(ref: TaskRef): Promise<TaskText | undefined> {
    const paths = this.#adoption.paths(ref.project);
    if (!paths) return undefined;
    const task = this.#commits.committed.open.get(keyOf(ref));
    const places = task ? [paths.dispatched(ref.id), paths.task(ref.id)] : [paths.done(ref.id), paths.failed(ref.id)];
    for (const path of places) {
      const bytes = await this.#ground.files.read(path);
      if (bytes) return { bytes, path };
    }
    return task ? { bytes: await this.#bodies.of(task), path: paths.task(ref.id) } : undefined;
  }

  async list(query: TaskQuery): Promise<TaskPage> {
    const states = new Set<TaskState>(query.states ?? ['queued', 'claimed', 'running', 'unknown', ...TERMINAL]);
    const open = query.cursor?.startsWith('f') ? { tasks: [], next: 'f' } : this.#openPage(query, states);
    const wantsFinished = TERMINAL.some((state) => states.has(state));
    if (open.next?.startsWith('o') || !wantsFinished) {
      return { tasks: open.tasks, ...(open.next?.startsWith('o') && { next: open.next }) };
    }
    const room = query.limit - open.tasks.length;
    if (room === 0) return { tasks: open.tasks, next: 'f' };
    const finished = await this.#finishedPage(query, states, room);
    return {
      tasks: [...open.tasks, ...finished.tasks],
      ...(finished.next !== undefined && { next: `f${finished.next}` }),
    };
  }

  #openPage(query: TaskQuery, states: ReadonlySet<TaskState>): TaskPage {
    const after = query.cursor?.startsWith('o') ? Number(query.cursor.slice(1)) : -1;
    const matching: OpenTask[] = [];
    for (const task of this.#commits.committed.open.values()) {
      if (task.seq > after && states.has(task.state) && matches(query, task)) matching.push(task);
    }
    matching.sort((a, b) => a.seq - b.seq);
    const tasks = matching.slice(0, query.limit);
    const last = tasks.at(-1);
    return { tasks, ...(last && matching.length > tasks.length && { next: `o${last.seq}` }) };
  }

  async #finishedPage(
    query: TaskQuery,
    states: ReadonlySet<TaskState>,
    limit: number,
  ): Promise<{ tasks: readonly FinishedTask[]; next?: string }> {
    const cursor = query.cursor?.startsWith('f') ? query.cursor.slice(1) : '';
    const since = query.changed_since;
    return this.#ground.index.page({
      limit,
      wanted: {
        states: ENDS.filter((state) => states.has(state)),
        ...(query.project !== undefined && { project: query.project }),
        ...(query.group !== undefined && { group: query.group }),
      },
      ...(cursor !== '' && { cursor }),
      ...(since !== undefined && {
        filter: (task) => task.finished_at >= since,
        until: (task) => task.finished_seq > 0 && task.finished_at < since, // 0: found as a file, in no order of time
      }),
    });
  }
}

function matches(query: TaskQuery, task: OpenTask): boolean {
  if (query.project !== undefined && task.project !== query.project) return false;
  if (query.group !== undefined && task.spec.group !== query.group) return false;
  return query.changed_since === undefined || task.changed_at >= query.changed_since;
}
