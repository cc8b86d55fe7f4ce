import { keyOf, type ProjectId, type TaskKey } from '../model/ids.ts';
import type { Priority } from '../model/spec.ts';
import type { OpenTask, QueuedTask } from '../model/task.ts';
import { mayHaveWorktree, signatureOf } from '../policy/ask.ts';
import { baseLevel, type Head } from '../policy/order.ts';
import { Line, type Place } from './line.ts';

/*
 * The queued tasks, so arranged that finding the next one looks at the heads of lanes and never at the queue.
 *
 * I1. A lane holds tasks of one project, one priority and one routing signature: `decide` answers the same for all of
 *     them, so what holds for the head holds for the lane.
 * I2. A task stands in at most one place: a lane when it is ready, the line of due times when it waits for a time,
 *     nowhere while it waits for other tasks or is being claimed.
 */

/** A ready task in its lane, as the order policy compares it; its place (`at`) is since when it has been ready. */
export interface Entry extends Place, Head {
  readonly task: QueuedTask;
  readonly lane: Lane;
}

export interface Lane {
  readonly key: string;
  readonly project: ProjectId;
  readonly priority: Priority;
  readonly line: Line<Entry>;
}

interface Due extends Place {
  readonly task: QueuedTask;
  readonly since: number;
}

type Standing = { readonly in: 'lane'; readonly entry: Entry } | { readonly in: 'due'; readonly due: Due };

export class Ready {
  readonly #lanes = new Map<string, Lane>();
  readonly #due = new Line<Due>();
  readonly #standing = new Map<TaskKey, Standing>();

  /**
   * Puts a task where it belongs now; whatever place it had is given up. `freedAt`: when its last dependency was done.
   * Answers the lane that it stands in, if it is ready.
   */
  put(task: OpenTask, now: number, freedAt?: number): Lane | undefined {
    const had = this.#standing.get(keyOf(task));
    this.drop(keyOf(task));
    if (task.state !== 'queued' || task.waits_for.length > 0) return undefined;
    const since = freedAt === undefined && had ? sinceOf(had) : readySince(task, freedAt);
    if (task.not_before !== undefined && task.not_before > now) {
      this.#wait(task, task.not_before, since);
      return undefined;
    }
    return this.#join(task, since);
  }

  /** Sets a task aside until a time, though nothing in it says so; it keeps its age. */
  setAside(entry: Entry, task: QueuedTask, until: number): void {
    this.drop(keyOf(task));
    this.#wait(task, until, entry.at);
  }

  drop(key: TaskKey): void {
    const standing = this.#standing.get(key);
    if (!standing) return;
    this.#standing.delete(key);
    if (standing.in === 'due') this.#due.leave(standing.due);
    else this.#leave(standing.entry);
  }

  /** The tasks whose time has come join their lanes. */
  release(now: number): Lane[] {
    const lanes: Lane[] = [];
    for (let due = this.#due.head; due && due.at <= now; due = this.#due.head) {
      this.#due.leave(due);
      this.#standing.delete(keyOf(due.task));
      lanes.push(this.#join(due.task, due.since));
    }
    return lanes;
  }

  nextDue(): number | undefined {
    return this.#due.head?.at;
  }

  /** Without those whose lane or project is blocked. */
  *heads(blocked: { has(laneOrProject: string): boolean }): Iterable<Entry> {
    for (const lane of this.#lanes.values()) {
      if (blocked.has(lane.project) || blocked.has(lane.key)) continue;
      const entry = lane.line.head;
      if (entry) yield entry;
    }
  }

  /** About how many go before this task: the ready ones of a higher priority, and of its own those ready for longer. */
  ahead(task: QueuedTask): number {
    const standing = this.#standing.get(keyOf(task));
    const place = standing?.in === 'lane' ? standing.entry : { at: readySince(task, undefined), seq: task.seq };
    const mine = baseLevel(task.spec.priority);
    let count = 0;
    for (const lane of this.#lanes.values()) {
      const level = baseLevel(lane.priority);
      if (level < mine) count += lane.line.size;
      else if (level === mine) count += lane.line.before(place);
    }
    return count;
  }

  #wait(task: QueuedTask, until: number, since: number): void {
    const due: Due = { at: until, seq: task.seq, task, since };
    this.#due.join(due);
    this.#standing.set(keyOf(task), { in: 'due', due });
  }

  #join(task: QueuedTask, since: number): Lane {
    const lane = this.#laneOf(task);
    const { project, seq } = task;
    const entry: Entry = { at: since, since, seq, project, priority: task.spec.priority, task, lane };
    lane.line.join(entry);
    this.#standing.set(keyOf(task), { in: 'lane', entry });
    return lane;
  }

  #leave(entry: Entry): void {
    entry.lane.line.leave(entry);
    if (entry.lane.line.size === 0) this.#lanes.delete(entry.lane.key);
  }

  #laneOf(task: QueuedTask): Lane {
    const own = mayHaveWorktree(task) ? ` ${task.id}` : ''; // I1
    const key = `${task.project} ${signatureOf(task.spec)}${own}`;
    const known = this.#lanes.get(key);
    if (known) return known;
    const lane: Lane = { key, project: task.project, priority: task.spec.priority, line: new Line<Entry>() };
    this.#lanes.set(key, lane);
    return lane;
  }
}

/**
 * A task ages from the moment at which it could have run. One that was tried before keeps the age of its arrival: a
 * failed attempt does not send it to the end of the line.
 */
function readySince(task: QueuedTask, freedAt: number | undefined): number {
  if (task.attempt > 0) return task.queued_at;
  return Math.max(task.queued_at, task.not_before ?? 0, freedAt ?? 0);
}

function sinceOf(standing: Standing): number {
  return standing.in === 'lane' ? standing.entry.at : standing.due.since;
}
