import type { Owed } from './event.ts';
import type { TaskRef } from './ids.ts';
import type { Dispatch } from './spec.ts';
import type { OpenTask } from './task.ts';

/** What the outside is still to be told of a task that has ended. */
export interface Outgoing {
  readonly ref: TaskRef;
  readonly since: number;
  readonly owed: readonly Owed[];
  /** Attempts beyond the first that have begun. */
  readonly retries?: number;
  readonly dispatch?: Dispatch;
  readonly callback_url?: string;
}

/** What was given up telling: kept for a while, so that a person hears of it. */
export interface Undelivered {
  readonly ref: TaskRef;
  readonly what: Owed;
  readonly detail: string;
  readonly at: number;
}

export function owedBy(task: OpenTask, since: number): Outgoing | undefined {
  const { project, id, dispatch, attempt, voided = 0 } = task;
  const { callback_url } = task.spec;
  const owed: Owed[] = [];
  if (dispatch) owed.push('report');
  if (callback_url !== undefined) owed.push('callback');
  if (owed.length === 0) return undefined;
  const about = { ...(dispatch && { dispatch }), ...(callback_url !== undefined && { callback_url }) };
  return { ref: { project, id }, since, owed, retries: Math.max(0, attempt - voided - 1), ...about };
}

/** Undefined when nothing is owed any more. */
export function without(outgoing: Outgoing, what: Owed): Outgoing | undefined {
  const owed = outgoing.owed.filter((one) => one !== what);
  return owed.length > 0 ? { ...outgoing, owed } : undefined;
}
