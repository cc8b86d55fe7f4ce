import { keyOf } from '../model/ids.ts';
import { isLive, type Lease, type LiveTask } from '../model/task.ts';
import type { AttemptEnd, Provider, TaskStore } from '../ports.ts';
import type { DoneOutcome } from '../work.ts';

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
  /** The job is over, and its answer is in hand; it is not believed before it is judged. */
  | { readonly kind: 'answered'; readonly job_id: string; readonly outcome: DoneOutcome }
  /** Decided, but not yet stored. */
  | { readonly kind: 'ending'; readonly end: AttemptEnd };

/** One delegated attempt while this runtime follows it. */
export interface Watch {
  readonly lease: Lease;
  readonly provider: string;
  readonly key: string; // idempotency key
  /** Where it was sent, where that is known. */
  address?: string;
  readonly started_at: number;
  /** Since when it is known to be past its time limit, with no look that succeeded. */
  overdue_since?: number;
  phase: Phase;
  next_at: number;
  /** Troubles in a row; they lengthen the wait. */
  failures: number;
  /** The step that is under way. */
  working: Promise<void> | undefined;
  /** Something has happened that the step under way does not know: the next one follows at once. */
  nudged: boolean;
  /** Its next step waits until its provider can be asked. */
  at_gate: boolean;
  /** What went wrong last, until something goes well. */
  trouble?: string;
  /** Its jobs are requests of this process (`Provider.transient`). */
  transient: boolean;
  /** Who holds the request of a transient job: only this one knows it, whatever the configuration says later. */
  taker?: Provider;
  /** Ends a transient request on its way. */
  readonly hangUp: AbortController;
  /** It ends with the runtime, or because a person said so; why. */
  stop?: string;
  /** The job whose provider tells its end by itself. */
  told?: string;
}

/** What follows a step: another one, or nothing any more. */
export type Next = { readonly kind: 'again'; readonly at: number } | { readonly kind: 'over' };
export const OVER: Next = { kind: 'over' };

/** Its provider is somewhere else now: perhaps another service, of which nothing about this job can be believed. */
export function hasMoved(watch: Watch, provider: Pick<Provider, 'address'>): boolean {
  return watch.address !== undefined && plain(watch.address) !== plain(provider.address);
}

/** As requests know it: with or without a slash at its end it is the same service. */
function plain(address: string): string {
  return (URL.canParse(address) ? new URL(address).href : address).replace(/\/+$/, '');
}

export function waitAtGate(watch: Watch, { until, why }: { readonly until: number; readonly why: string }): Next {
  watch.at_gate = true;
  watch.trouble = why;
  return { kind: 'again', at: until };
}

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
