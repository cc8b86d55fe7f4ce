import { keyOf } from '../model/ids.ts';
import { isLive, type Lease, type LiveTask } from '../model/task.ts';
import type { AttemptEnd, TaskStore } from '../ports.ts';

/** Seen missing: since when, and how often. */
export interface Absence {
  readonly since: number;
  readonly times: number;
}

/** Where one delegated attempt stands. */
export type Phase =
  /** Not one byte of it has left: `started` is journalled before the request, and that has not happened yet. */
  | { readonly kind: 'unsent'; readonly bytes?: Uint8Array }
  /** A request may have been taken, and no job is known. */
  | { readonly kind: 'unconfirmed'; readonly reason: string; readonly absent?: Absence }
  | {
      readonly kind: 'accepted';
      readonly job_id: string;
      /** False until the store knows the job's name too. */
      readonly journalled: boolean;
      readonly status: string;
      /** When the provider last said something usable about it. */
      readonly heard_at: number;
      readonly absent?: Absence;
    }
  /** Decided, but not yet stored. */
  | { readonly kind: 'ending'; readonly end: AttemptEnd };

/** One delegated attempt while this runtime follows it. */
export interface Watch {
  readonly lease: Lease;
  readonly provider: string;
  readonly key: string; // idempotency key
  readonly started_at: number;
  phase: Phase;
  next_at: number;
  /** Troubles in a row; they lengthen the wait. */
  failures: number;
  busy: boolean;
}

/** What follows a step: another one, or nothing any more. */
export type Next = { readonly kind: 'again'; readonly at: number } | { readonly kind: 'over' };
export const OVER: Next = { kind: 'over' };

/** The task as long as this very attempt of it is live. */
export function liveTask(watch: Watch, store: Pick<TaskStore, 'open'>): LiveTask | undefined {
  const task = store.open().get(keyOf(watch.lease.task));
  if (!task || !isLive(task)) return undefined;
  return task.attempt === watch.lease.attempt && task.token === watch.lease.token ? task : undefined;
}

/** The job was not there this time: counted, and at some point believed. */
export function absentAgain(before: Absence | undefined, now: number): Absence {
  return { since: before?.since ?? now, times: (before?.times ?? 0) + 1 };
}

export function believed(absent: Absence, now: number, rule: { times: number; over_ms: number }): boolean {
  return absent.times >= rule.times && now - absent.since >= rule.over_ms;
}
