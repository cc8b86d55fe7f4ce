import { z } from 'zod';
import { WaitReason } from './route.ts';
import { Took } from './try.ts';

/** The states that a person or a client asks for. */
export const TaskState = z.enum(['queued', 'claimed', 'running', 'unknown', 'done', 'failed', 'cancelled']);
export type TaskState = z.infer<typeof TaskState>;
export const TERMINAL: readonly TaskState[] = ['done', 'failed', 'cancelled'];

/** A task as lists show it: small, without its text. Times are ISO strings. */
export const TaskSummary = z.object({
  id: z.string(),
  project: z.string().describe('project name'),
  state: TaskState,
  title: z.string(),
  priority: z.string(),
  group: z.string().optional(),
  tags: z.array(z.string()).optional(),
  waiting: z.object({ reason: WaitReason, detail: z.string().optional(), until: z.string().optional() }).optional(),
  attempts: z.number(),
  runs_on: z.string().optional().describe('agent or provider'),
  job_id: z.string().optional(),
  reason: z.string().optional().describe('why it failed or was cancelled'),
  error_class: z.string().optional(),
  took: Took.optional().describe('all attempts of an ended task together, where that is more than its result says'),
  retried_as: z.string().optional().describe('the task that was made from it by retry_task'),
  queued_at: z.string(),
  started_at: z.string().optional(),
  verifying_since: z.string().optional().describe('its agent says that it is done, and the work is being checked'),
  finished_at: z.string().optional(),
  verified: z.enum(['unverified', 'passed']).optional().describe('of a done task: unverified = only its agent says so'),
});
export type TaskSummary = z.infer<typeof TaskSummary>;
