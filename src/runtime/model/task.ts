import { z } from 'zod';
import { ProjectId, TaskId, TaskRef } from './ids.ts';
import { RunRoute } from './route.ts';
import { Dispatch, ErrorClass, TaskSpec } from './spec.ts';
import { InVain, Took, Try } from './try.ts';
import { Cost, Tokens, Used } from './usage.ts';

/** Who caused a change. `call` names the request of a client, so that the same request sent again changes nothing. */
export const Cause = z.object({
  by: z.enum(['owner', 'attempt', 'drop', 'dispatcher', 'runner', 'provider', 'recovery', 'import', 'person']),
  call: z.string().optional(), // `<bridge>:<request>`
  parent: TaskRef.optional(), // the task whose attempt made the call
});
export type Cause = z.infer<typeof Cause>;

/** What an attempt must present with every report: another epoch, attempt or token is stale. */
export const Lease = z.object({
  task: TaskRef,
  attempt: z.number().int().positive(),
  epoch: z.string(),
  token: z.string(),
});
export type Lease = z.infer<typeof Lease>;

/** Where the journal holds a task's bytes as long as no file does. */
export const BodyRef = z.object({ segment: z.string(), offset: z.number(), length: z.number() });
export type BodyRef = z.infer<typeof BodyRef>;

/** What every task has in every state. The bytes of its file are not here: they are read when asked for. */
const core = {
  project: ProjectId,
  id: TaskId,
  /** Order of arrival; the age of a task in the queue. */
  seq: z.number(),
  queued_at: z.number(),
  changed_at: z.number(),
  changed_seq: z.number(),
  spec: TaskSpec,
  title: z.string(),
  sha: z.string(), // sha256 of the file's bytes, hex
  size: z.number(),
  body: BodyRef,
  source: z.enum(['call', 'drop', 'import', 'rebuild', 'retry', 'dispatch']),
  enqueued_by: z.string(),
  parent: TaskRef.optional(),
  depth: z.number(),
  retry_of: TaskId.optional(),
  dispatch: Dispatch.optional(),
  /** The number of the newest attempt; numbers are never used twice. */
  attempt: z.number(),
  /** Attempts that count against `max_attempts`: counted at the claim, given back only when the attempt provably never began. */
  spent: z.number(),
  /** Attempts that provably never began: their numbers are gone, and nothing else is counted of them. */
  voided: z.number().optional(),
  last_error: z.object({ class: ErrorClass, reason: z.string(), attempt: z.number() }).optional(),
  /** How often it was said to be done and a check said that it is not. */
  rejected: z.number().optional(),
  /** Its newest attempts that have ended, oldest first; `took`: what all of them together took. */
  tries: z.array(Try).optional(),
  took: Took.optional(),
  in_vain: InVain.optional(),
  /** Attempts up to this one were told another text. */
  told_before: z.number().optional(),
  /** The conversations of attempts up to this one are not gone on with. */
  apart_from: z.number().optional(),
  /** Its text was changed by a call: a file that still has one of these (sha256) is to follow, and is nobody's edit. */
  replaces: z.array(z.string()).optional(),
  /** Dependencies that are not done yet. */
  waits_for: z.array(TaskId),
};

/** To which life of an outside worker an attempt was given, and as the answer of which call: sent again, that one gets it again. */
export const Handed = z.object({ life: z.string(), call: z.string().optional() });
export type Handed = z.infer<typeof Handed>;

const attemptFields = { token: z.string(), route: RunRoute, claimed_at: z.number() };

export const QueuedTask = z.object({
  ...core,
  state: z.literal('queued'),
  not_before: z.number().optional(),
  backoff: z.boolean().optional(),
});
export const ClaimedTask = z.object({
  ...core,
  ...attemptFields,
  state: z.literal('claimed'),
  cancel: z.string().optional(),
});
export const RunningTask = z.object({
  ...core,
  ...attemptFields,
  state: z.literal('running'),
  started_at: z.number(),
  cancel: z.string().optional(),
  /** The remote job, once the provider has named it. */
  job_id: z.string().optional(),
  /** Its agent says that it is done, and that is being checked. */
  verifying_since: z.number().optional(),
  handed: Handed.optional(),
});
/** Found on disk as started by somebody, without a record of ours: listed, never run until a person names it. */
export const UnknownTask = z.object({
  ...core,
  state: z.literal('unknown'),
  found: z.enum(['dispatched', 'delegated']),
  detail: z.string(),
  /** Where its runner would have left its traces: proof of its death frees the task. */
  run_dir: z.string().optional(),
});

export const OpenTask = z.discriminatedUnion('state', [QueuedTask, ClaimedTask, RunningTask, UnknownTask]);
export type QueuedTask = z.infer<typeof QueuedTask>;
export type ClaimedTask = z.infer<typeof ClaimedTask>;
export type RunningTask = z.infer<typeof RunningTask>;
export type UnknownTask = z.infer<typeof UnknownTask>;
export type OpenTask = z.infer<typeof OpenTask>;
export type LiveTask = ClaimedTask | RunningTask;

/** What was seen of the work beside the words of the agent. */
export const Evidence = z.object({
  verify: z
    .object({
      command: z.string(),
      /** Absent where it was stopped at its time limit. */
      exit_code: z.number().optional(),
      output_sha256: z.string(),
      seconds: z.number(),
    })
    .optional(),
  /** The commits that the workspace was on. */
  head_before: z.string().optional(),
  head_after: z.string().optional(),
  commits: z.number().optional(),
  /** Beside those that were changed before already; the first few. */
  files_changed: z.array(z.string()).optional(),
  files_total: z.number().optional(),
});
export type Evidence = z.infer<typeof Evidence>;

/** The worktree that a task had, and what became of it. */
export const Workspace = z.object({
  branch: z.string(),
  base: z.string(),
  /** Of the branch against its base. */
  commits: z.number(),
  files_changed: z.number(),
  insertions: z.number(),
  deletions: z.number(),
  /** It is still there, because something in it is in no commit. */
  kept: z.string().optional(),
});
export type Workspace = z.infer<typeof Workspace>;

/** What a patch would change. */
export const Patch = z.object({ files: z.number(), insertions: z.number(), deletions: z.number() });
export type Patch = z.infer<typeof Patch>;

const seen = { evidence: Evidence.optional(), workspace: Workspace.optional() };

/** How a task ended. The result's text is in `done/<id>.md` (and in the journal until that file is safe). */
export const Outcome = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('done'),
    result: z.string(),
    agent: z.string().optional(),
    provider: z.string().optional(),
    model: z.string().optional(),
    job_id: z.string().optional(),
    session_id: z.string().optional(),
    cost_usd: z.number().optional(),
    cost_cad: z.number().optional(),
    tokens: z.number().optional(),
    /** In a currency that has no key of its own. */
    cost: Cost.optional(),
    usage: Tokens.optional(),
    profile: z.string().optional(),
    exit_code: z.number().optional(),
    verified: z.enum(['unverified', 'passed']).default('unverified'),
    truncated: z.boolean().optional(),
    /** The result as data, where `result_schema` asked for it. */
    structured: z.unknown().optional(),
    turns: z.number().optional(),
    /** A patch stands in the result; it lies beside it as `done/<id>.patch`. */
    patch: Patch.optional(),
    ...seen,
  }),
  z.object({
    state: z.literal('failed'),
    error_class: ErrorClass,
    reason: z.string(),
    agent: z.string().optional(),
    provider: z.string().optional(),
    job_id: z.string().optional(),
    session_id: z.string().optional(),
    profile: z.string().optional(),
    exit_code: z.number().optional(),
    output: z.string().optional(),
    /** What the agent said of work that a check has refused. */
    answer: z.string().optional(),
    cost_usd: z.number().optional(),
    /** What the attempt took all the same. */
    used: Used.optional(),
    ...seen,
  }),
  z.object({
    state: z.literal('cancelled'),
    reason: z.string(),
    workspace: Workspace.optional(),
    /** What the attempt took all the same. */
    used: Used.optional(),
    /** Its claim came to nothing. */
    never_began: z.literal(true).optional(),
  }),
]);
export type Outcome = z.infer<typeof Outcome>;
export type OutcomeInput = z.input<typeof Outcome>;

/** One line of the finished index: enough to list a task, never its text. */
export const FinishedTask = z.object({
  project: ProjectId,
  id: TaskId,
  state: z.enum(['done', 'failed', 'cancelled']),
  title: z.string(),
  priority: z.string(),
  tags: z.array(z.string()).optional(),
  group: z.string().optional(),
  sha: z.string(),
  queued_at: z.number(),
  started_at: z.number().optional(),
  finished_at: z.number(),
  finished_seq: z.number(),
  attempts: z.number(),
  reason: z.string().optional(),
  error_class: ErrorClass.optional(),
  agent: z.string().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
  job_id: z.string().optional(),
  cost_usd: z.number().optional(),
  cost_cad: z.number().optional(),
  cost: Cost.optional(),
  /** All of its attempts together. */
  took: Took.optional(),
  /** Absent where only its agent says that it is done. */
  verified: z.literal('passed').optional(),
  retry_of: TaskId.optional(),
  /** The task that was made from this one by `retry_task`. */
  retried_as: TaskId.optional(),
});
export type FinishedTask = z.infer<typeof FinishedTask>;

export function isLive(task: OpenTask): task is LiveTask {
  return task.state === 'claimed' || task.state === 'running';
}
