import { z } from 'zod';
import type { Outgoing } from '../model/outgoing.ts';
import { ErrorClass } from '../model/spec.ts';
import type { FinishedTask } from '../model/task.ts';

/**
 * What the outside is told of a task that has ended: the file `completed/<id>.json` and the body of a callback. The names
 * of the first part are those of the dispatch daemons that people come from; they stay, fields are only added.
 */
export const Report = z.object({
  dispatch_id: z.string(),
  status: z.enum(['completed', 'failed', 'cancelled']),
  /** Seconds from the start of the newest attempt to the end; 0 where none was started. */
  duration: z.number(),
  /** As it was asked for, else what it ran on. */
  target_agent: z.string().nullable(),
  /** Characters of what the agent answered or wrote. */
  output_length: z.number(),
  error: z.string().nullable(),
  error_type: ErrorClass.nullable(),
  /** Attempts beyond the first that have begun. */
  retry_count: z.number(),

  task: z.string(),
  project: z.string(),
  project_dir: z.string(),
  title: z.string(),
  queued_at: z.string(),
  started_at: z.string().optional(),
  finished_at: z.string(),
  /** The file with the whole result, or with what happened. */
  result_path: z.string().optional(),
  agent: z.string().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
  session_id: z.string().optional(),
  exit_code: z.number().optional(),
  cost_usd: z.number().optional(),
  cost_cad: z.number().optional(),
  tokens: z.number().optional(),
  verified: z.string().optional(),
  branch: z.string().optional(),
  dispatched_by: z.string().optional(),
  clawvisor_task_id: z.string().optional(),
});
export type Report = z.infer<typeof Report>;

/** A finished task with what only its file says (`ended.ts` reads it). */
export interface Ended {
  readonly task: FinishedTask;
  readonly project: { readonly name: string; readonly path: string };
  readonly result_path?: string;
  /** What the agent answered or wrote. */
  readonly output?: string;
  readonly output_length: number;
  readonly model?: string;
  readonly session_id?: string;
  readonly exit_code?: number;
  readonly tokens?: number;
  readonly verified?: string;
  readonly branch?: string;
}

/** Pure: the same end gives the same report, however often it is told. */
export function reportOf(ended: Ended, { dispatch, retries }: Pick<Outgoing, 'dispatch' | 'retries'>): Report {
  const { task, project } = ended;
  const failed = task.state !== 'done';
  return withoutAbsent({
    dispatch_id: dispatch?.id ?? task.id,
    status: task.state === 'done' ? 'completed' : task.state,
    duration: task.started_at === undefined ? 0 : Math.max(0, task.finished_at - task.started_at) / 1_000,
    target_agent: dispatch?.target_agent ?? task.agent ?? task.provider ?? null,
    output_length: ended.output_length,
    error: failed ? (task.reason ?? '') : null,
    error_type: failed ? (task.error_class ?? null) : null,
    retry_count: retries ?? Math.max(0, task.attempts - 1),
    task: task.id,
    project: project.name,
    project_dir: project.path,
    title: task.title,
    queued_at: iso(task.queued_at),
    started_at: task.started_at === undefined ? undefined : iso(task.started_at),
    finished_at: iso(task.finished_at),
    result_path: ended.result_path,
    agent: task.agent,
    provider: task.provider,
    model: ended.model ?? task.model,
    session_id: ended.session_id,
    exit_code: ended.exit_code,
    cost_usd: task.cost_usd,
    cost_cad: task.cost_cad,
    tokens: ended.tokens,
    verified: ended.verified,
    branch: ended.branch,
    dispatched_by: dispatch?.by,
    clawvisor_task_id: dispatch?.clawvisor_task_id,
  });
}

/** As a file and as the body of a request: the same bytes. */
export function reportBytes(report: Report): Uint8Array {
  return Buffer.from(`${JSON.stringify(report, null, 2)}\n`);
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

type Given<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | undefined : T[K] };

function withoutAbsent(report: Given<Report>): Report {
  return Object.fromEntries(Object.entries(report).filter(([, value]) => value !== undefined)) as Report;
}
