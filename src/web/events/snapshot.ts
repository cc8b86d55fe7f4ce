import { isLive, type OpenTask } from '../../runtime/model/task.ts';
import type { TaskSummary } from '../../runtime/model/view.ts';
import type { Caller, Need, Yard } from '../../runtime/yard.ts';
import { type Counts, countTasks } from '../../tools/counts.ts';
import { type PausedNow, pausedNow } from '../../tools/holds.ts';
import { type Session, sessionOf, slotOf } from '../../tools/sessions/session.ts';

const MAX_TASKS = 200;
const MAX_NEEDS = 50;
const MAX_SESSIONS = 200;

/** Where things stand after the record `seq`: what follows in the stream is what changed since. */
export interface Snapshot {
  readonly seq: number;
  readonly at: string;
  /** Why a reader that wanted to go on somewhere begins anew. */
  readonly reset?: string;
  readonly counts: Counts;
  readonly needs: readonly Need[];
  /** Open ones: first those at work, then those that wait, in order of arrival. */
  readonly tasks: readonly TaskSummary[];
  readonly tasks_not_shown?: number;
  readonly sessions: readonly Session[];
  readonly paused: PausedNow;
}

/** Made in one step: nothing can change between its parts. */
export function snapshotOf(yard: Yard, caller: Caller, reset: string | undefined): Snapshot {
  const own = caller.principal === 'attempt' ? caller.task.project : undefined;
  const { tasks, hidden } = openTasks(yard, own);
  return {
    seq: yard.span().newest,
    at: new Date(yard.clock.now()).toISOString(),
    ...(reset !== undefined && { reset }),
    counts: countTasks(yard, own),
    needs: own === undefined ? yard.needs().slice(0, MAX_NEEDS) : [], // a person is not an attempt's to call
    tasks: tasks.map((task) => yard.summary(task)),
    ...(hidden > 0 && { tasks_not_shown: hidden }),
    sessions: placesOf(yard, caller),
    paused: pausedNow({ yard, caller }),
  };
}

function placesOf(yard: Yard, caller: Caller): Session[] {
  const sessions = yard.sessions.list().map((view) => sessionOf({ yard, caller }, view));
  const slots = yard.slots().map((slot) => slotOf({ yard, caller }, slot));
  return [...sessions, ...slots].slice(0, MAX_SESSIONS);
}

function openTasks(yard: Yard, own: string | undefined): { tasks: readonly OpenTask[]; hidden: number } {
  const busy: OpenTask[] = [];
  const waiting: OpenTask[] = [];
  let count = 0;
  for (const task of yard.store.open().values()) {
    if (own !== undefined && task.project !== own) continue;
    count += 1;
    const list = isLive(task) ? busy : waiting;
    if (list.length < MAX_TASKS) list.push(task);
  }
  const tasks = [...busy, ...waiting].slice(0, MAX_TASKS);
  return { tasks, hidden: count - tasks.length };
}
