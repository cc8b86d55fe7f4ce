import type { ProjectId, TaskRef } from './model/ids.ts';
import type { Refusal } from './model/refusal.ts';
import type { ErrorClass } from './model/spec.ts';
import type { Cause } from './model/task.ts';
import type { Used } from './model/usage.ts';
import type { TaskState } from './model/view.ts';

/* What outside workers may ask of the runtime, and what is shown of them. */

export interface WorkerDesk {
  /** Anew, or again: with its key it stays the one that it was; without it the one before is over. */
  register(order: WorkerOrder, cause: Cause): Promise<Registered | Refusal>;
  /** Waits for a task. Undefined: there was none in that time. */
  claim(who: WorkerKey, wait: ClaimWait): Promise<HandedTask | undefined | Refusal>;
  heartbeat(who: WorkerKey, held: readonly HeldAttempt[]): Promise<Heard | Refusal>;
  complete(held: HeldAttempt, work: WorkDone, cause: Cause): Promise<Reported | Refusal>;
  fail(held: HeldAttempt, failure: WorkFailed, cause: Cause): Promise<Reported | Refusal>;
  /** What it holds goes back to the queue, and counts for nothing. */
  leave(who: WorkerKey, cause: Cause): Promise<{ readonly given_back: number } | Refusal>;
  list(): readonly WorkerView[];
}

export interface WorkerKey {
  readonly worker: string;
  readonly key: string;
}

export interface WorkerOrder {
  readonly name: string;
  readonly title?: string;
  readonly capabilities: readonly string[];
  readonly max: number;
  readonly files: boolean;
  readonly projects?: readonly ProjectId[];
  readonly key?: string;
}

export interface Registered {
  readonly worker: string;
  readonly key: string;
  readonly ttl_ms: number;
  /** It was there before, and these are still its own. */
  readonly held: readonly HandedTask[];
}

export interface ClaimWait {
  readonly ms: number;
  readonly signal: AbortSignal;
  readonly call?: string;
}

/** What a worker shows to speak of an attempt. */
export interface HeldAttempt {
  readonly task: TaskRef;
  readonly attempt: number;
  readonly token: string;
}

export interface HandedTask extends HeldAttempt {
  readonly title: string;
  readonly priority: string;
  /** Everything that its agent is told. */
  readonly prompt: string;
  readonly constraints: readonly string[];
  readonly model?: string;
  readonly result_schema?: Readonly<Record<string, unknown>>;
  readonly verify?: string;
  /** Where it works, for a worker that works in this machine's folders. */
  readonly cwd?: string;
  /** Then it is ended. */
  readonly deadline: number;
  readonly cancel?: string;
  readonly ttl_ms: number;
}

export interface Heard {
  readonly attempts: readonly (HeldAttempt & { readonly say: HeartbeatWord })[];
  readonly ttl_ms: number;
}

export type HeartbeatWord =
  | { readonly kind: 'go_on'; readonly deadline: number }
  /** It is to stop, and to say so with `fail_task`. */
  | { readonly kind: 'cancel'; readonly reason: string }
  /** It is not its own any more. */
  | { readonly kind: 'gone'; readonly reason: string };

export interface WorkDone {
  readonly result: string;
  readonly structured?: unknown;
  readonly used?: Used;
}

export interface WorkFailed {
  readonly class: ErrorClass;
  readonly reason: string;
  readonly output?: string;
  readonly used?: Used;
}

/** What became of a task by a report. */
export interface Reported {
  readonly state: TaskState | 'verifying';
  readonly note: string;
}

export interface WorkerView {
  readonly name: string;
  readonly title?: string;
  readonly capabilities: readonly string[];
  readonly max: number;
  readonly files: boolean;
  readonly state: 'idle' | 'working' | 'offline';
  readonly heard_at?: number;
  /** It waits for a task now. */
  readonly asks: number;
  readonly detail?: string;
  readonly tasks: readonly {
    readonly ref: TaskRef;
    readonly title: string;
    readonly attempt: number;
    readonly since: number;
  }[];
}
