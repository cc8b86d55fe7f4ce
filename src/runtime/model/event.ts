import { z } from 'zod';
import { HoldKind } from './hold.ts';
import { ProjectId, TaskId } from './ids.ts';
import { ProfileEvent } from './profile.ts';
import { QuotaEvent } from './quota.ts';
import { AttemptPlace, RunRoute } from './route.ts';
import { ErrorClass } from './spec.ts';
import { Cause, Handed, Outcome, QueuedTask, UnknownTask } from './task.ts';
import { Used } from './usage.ts';
import { WorkerEvent } from './worker.ts';

/** A task's bytes inside a record: text where it is UTF-8, else base64. */
export const Bytes = z.union([z.object({ text: z.string() }), z.object({ base64: z.string() })]);
export type Bytes = z.infer<typeof Bytes>;

export const Project = z.object({
  id: ProjectId,
  path: z.string(),
  name: z.string(),
  adopted_at: z.number(),
  /** Drops that lay there before the project's first use: not taken until `import` names the project. */
  held: z.array(z.string()).optional(),
});
export type Project = z.infer<typeof Project>;

/** What the outside is told of a task's end: the report of a dispatched one, a call of its `callback_url`. */
export const Owed = z.enum(['report', 'callback']);
export type Owed = z.infer<typeof Owed>;

const ref = { project: ProjectId, id: TaskId };
/** Of the attempt, so that a record says by itself whose it was; absent in older ones. */
const place = AttemptPlace.optional();
/** Where an attempt ran, beside its route. */
const ran = {
  profile: z.string().optional(),
  session_id: z.string().optional(),
  exit_code: z.number().optional(),
};
const arrival = { seq: true, changed_at: true, changed_seq: true, body: true } as const;

/** Everything that can happen. State is the fold of these; nothing else changes it. */
export const Event = z.discriminatedUnion('type', [
  z.object({ type: z.literal('project_adopted'), project: Project }),
  z.object({ type: z.literal('held_released'), project: ProjectId }),
  /** Finished tasks that were found as files of an earlier home. */
  z.object({
    type: z.literal('history_counted'),
    project: ProjectId,
    done: z.number(),
    failed: z.number(),
    cancelled: z.number(),
  }),
  z.object({ type: z.literal('task_queued'), task: QueuedTask.omit(arrival), bytes: Bytes }),
  z.object({ type: z.literal('task_found'), task: UnknownTask.omit(arrival), bytes: Bytes }),
  z.object({
    type: z.literal('task_edited'),
    ...ref,
    task: QueuedTask.pick({ spec: true, title: true, sha: true, size: true, waits_for: true }),
    bytes: Bytes,
    /** Changed by a call: the text that its file has until it follows. */
    replaces: z.string().optional(),
    /** Its next attempt begins a conversation of its own. */
    fresh: z.literal(true).optional(),
  }),
  z.object({ type: z.literal('task_carried'), ...ref, bytes: Bytes }), // its old segment is about to go
  z.object({
    type: z.literal('task_claimed'),
    ...ref,
    attempt: z.number(),
    token: z.string(),
    route: RunRoute,
    sha: z.string(),
  }),
  z.object({ type: z.literal('claim_void'), ...ref, attempt: z.number(), reason: z.string() }),
  z.object({ type: z.literal('attempt_started'), ...ref, attempt: z.number(), place, handed: Handed.optional() }),
  z.object({ type: z.literal('job_accepted'), ...ref, attempt: z.number(), job_id: z.string() }),
  z.object({ type: z.literal('verify_started'), ...ref, attempt: z.number() }),
  z.object({
    type: z.literal('task_requeued'),
    ...ref,
    attempt: z.number(),
    error_class: ErrorClass,
    reason: z.string(),
    not_before: z.number(),
    spent: z.boolean(),
    /** What the attempt took all the same. */
    used: Used.optional(),
    place,
    ...ran,
  }),
  z.object({ type: z.literal('task_released'), ...ref, reason: z.string() }), // an unknown task, or one in backoff, is free to run now
  z.object({ type: z.literal('cancel_requested'), ...ref, reason: z.string() }),
  z.object({
    type: z.literal('task_finished'),
    ...ref,
    attempt: z.number(),
    outcome: Outcome,
    from_file: z.boolean().optional(),
    place,
  }), // from_file: done/ or failed/ has it already
  z.object({ type: z.literal('task_retried'), ...ref, as: TaskId }),
  /** What was owed about a finished task is delivered, or was given up. */
  z.object({ type: z.literal('delivered'), ...ref, what: Owed, ok: z.boolean(), detail: z.string() }),
  z.object({ type: z.literal('report_refused'), ...ref, attempt: z.number(), report: z.string(), why: z.string() }),
  z.object({
    type: z.literal('drop_rejected'),
    project: ProjectId,
    name: z.string(),
    failed_as: z.string(),
    reason: z.string(),
    size: z.number(),
  }),
  /** Of the whole fleet where neither a project nor an agent is named. */
  z.object({
    type: z.literal('paused'),
    project: ProjectId.optional(),
    agent: z.string().optional(),
    kind: HoldKind.default('pause'),
    reason: z.string(),
    until: z.number().optional(),
  }),
  z.object({
    type: z.literal('resumed'),
    project: ProjectId.optional(),
    agent: z.string().optional(),
    reason: z.string().optional(),
  }),
  /** A task has to wait for lack of an agent, or of allowance. Told once for all that wait alike, until that changes. */
  z.object({
    type: z.enum(['dispatch_failed_no_agent', 'dispatch_failed_quota']),
    ...ref,
    detail: z.string(),
    until: z.number().optional(),
    /** How many wait alike, this one included. */
    waiting: z.number(),
  }),
  /** A sink was not told of some events: it was too slow, or away for too long. The journal has them. */
  z.object({
    type: z.literal('sink_gap'),
    sink: z.string(),
    /** Numbers of the first and the last record. */
    from: z.number(),
    to: z.number(),
    count: z.number(),
    why: z.string(),
  }),
  /** A session came, went, or changed hands; what it works on is in the events of the task. */
  z.object({
    type: z.literal('session_changed'),
    session: z.string(),
    what: z.enum(['created', 'recreated', 'died', 'closed', 'cooling', 'foreign', 'adopted', 'interrupted']),
    detail: z.string().optional(),
  }),
  z.object({
    type: z.literal('task_blocked'),
    ...ref,
    attempt: z.number(),
    session: z.string(),
    on: z.string(),
    request: z.string().optional(),
    detail: z.string(),
  }),
  z.object({
    type: z.literal('task_unblocked'),
    ...ref,
    attempt: z.number(),
    session: z.string(),
    request: z.string().optional(),
    /** Who or what ended it, and how: `allowed`, `denied: …`, `answered at the terminal`, `timed out`. */
    how: z.string(),
  }),
  ...ProfileEvent.options,
  ...WorkerEvent.options,
  ...QuotaEvent.options,
  /** Something a person may want to know; changes no state. */
  z.object({
    type: z.literal('noted'),
    code: z.string(),
    message: z.string(),
    project: ProjectId.optional(),
    id: TaskId.optional(),
  }),
]);
export type Event = z.infer<typeof Event>;

/** What sessions, accounts, workers, limits and sinks tell; it changes no task. */
export type ToldEvent = Extract<
  Event,
  {
    type:
      | 'session_changed'
      | 'task_blocked'
      | 'task_unblocked'
      | 'dispatch_failed_no_agent'
      | 'dispatch_failed_quota'
      | 'sink_gap'
      | 'report_refused'
      | ProfileEvent['type']
      | WorkerEvent['type']
      | QuotaEvent['type'];
  }
>;

/** One line of the journal: one change with its cause, committed whole or not at all. */
export const JournalRecord = z.object({
  seq: z.number().int().positive(),
  at: z.number(),
  type: z.string(), // of the first event: makes the file readable with grep
  cause: Cause,
  events: z.array(Event).min(1),
  /** What the caller was answered; the same call sent again gets it again. */
  reply: z.unknown().optional(),
});
export type JournalRecord = z.infer<typeof JournalRecord>;
