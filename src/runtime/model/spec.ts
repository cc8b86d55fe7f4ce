import { z } from 'zod';
import { TaskId } from './ids.ts';

export const Priority = z.enum(['critical', 'high', 'default', 'low']);
export type Priority = z.infer<typeof Priority>;

/** From the narrowest to the widest. */
export const PermissionMode = z.enum(['plan', 'default', 'acceptEdits', 'auto', 'dontAsk', 'bypassPermissions']);
export type PermissionMode = z.infer<typeof PermissionMode>;

export const ErrorClass = z.enum([
  'rate_limit',
  'tool_failure',
  'context_overflow',
  'logic_error',
  'timeout',
  'auth',
  'billing',
  'permission',
  'crash',
  'invalid', // the task itself can't be read
  'dependency', // a task it depends on failed
  'upstream', // a provider ended the job as failed
  'unconfirmed', // it may have run upstream; never sent again by itself
  'budget', // it has cost more than it may
  'verify', // it was said to be done, and the check says that it is not
  'stopped', // a person ended it together with the runtime
]);
export type ErrorClass = z.infer<typeof ErrorClass>;

/** `format` says it to clients; zod's pattern of it would be a line of a kilobyte in every tool that takes a time. */
export const Moment = z.iso.datetime({ offset: true }).meta({ pattern: undefined });

const label = z.string().min(1).max(100);
const line = z.string().min(1).max(300);

/** Where a task came from that a file of the JSON intake brought: what its report has to say again. */
export const Dispatch = z.object({
  /** As the file names it, also where the task had to be named otherwise. */
  id: z.string().min(1).max(200),
  by: z.string().max(300),
  project: z.string().max(300),
  target_agent: z.string().max(100).optional(),
  clawvisor_task_id: z.string().max(300).optional(),
  /** The intake folder that it came from, where that is not the home's own: its report goes there too. */
  folder: z.string().max(4_096).optional(),
});
export type Dispatch = z.infer<typeof Dispatch>;

/** Below the project, in words that mean the same on every system. */
export const IncludePattern = z
  .string()
  .min(1)
  .max(300)
  .regex(/^!?[^/!\\\p{Cc}][^\\\p{Cc}]*$/u, 'a path or glob below the project, such as src/**/*.ts or !src/old/**')
  .refine((given) => !given.split('/').includes('..'), 'no way out of the project (..)');

/**
 * What a task asks for: the front matter of its file and the arguments of `enqueue_task`, under the same names.
 * Unknown front-matter keys are kept in the file and ignored here; a wrong value is refused with its key.
 */
export const TaskSpec = z.object({
  title: line.optional(),
  // One list of words: a client that checks a union itself tells its model nothing useful.
  priority: z
    .enum([...Priority.options, 'medium'])
    .transform((given): Priority => (given === 'medium' ? 'default' : given))
    .default('default'),
  tags: z.array(label).max(50).default([]),
  requires: z.array(label).max(50).default([]),
  group: label.optional(),
  needs_claude_code: z.boolean().optional(),
  preferred_ai: label.optional(),
  allow_delegation: z.boolean().optional(),
  complexity_hint: z.enum(['simple', 'moderate', 'complex']).optional(),
  agent: label.optional(),
  mode: z.enum(['session', 'headless']).optional(),
  model: label.optional(),
  depends_on: z.array(TaskId).max(200).default([]),
  on_dependency_failure: z.enum(['fail', 'hold']).default('fail'),
  not_before: Moment.optional(),
  ttl_seconds: z.number().int().min(60).max(86_400).optional(),
  max_attempts: z.number().int().min(1).max(20).optional(),
  verify: z.string().min(1).max(2_000).optional(),
  verify_retries: z.number().int().min(0).max(10).optional(),
  /** JSON Schema of the result; in front matter as JSON text or as YAML. */
  result_schema: z.record(z.string(), z.unknown()).optional(),
  workspace: z.enum(['project', 'worktree']).default('project'),
  base: label.optional(),
  continues: TaskId.optional(),
  permission_mode: PermissionMode.optional(),
  allowed_tools: z.array(label).max(200).optional(),
  constraints: z.array(z.string().max(2_000)).max(50).default([]),
  learnings: z.array(z.string().max(4_000)).max(200).default([]),
  callback_url: z.url().optional(),
  /** Files of the project that a provider is shown, as paths or globs; `!` leaves some out. */
  include: z
    .array(IncludePattern)
    .min(1)
    .max(100)
    .refine((all) => all.some((one) => !one.startsWith('!')), 'it only leaves out: name what is sent, too')
    .optional(),
  /** What becomes of a patch in a provider's answer: without it, nothing. */
  apply: z.enum(['worktree']).optional(),
  budget_usd: z.number().positive().max(100_000).optional(),
  max_turns: z.number().int().min(1).max(10_000).optional(),
  idempotency_key: z.string().min(1).max(200).optional(),
});
export type TaskSpec = z.infer<typeof TaskSpec>;
export type TaskSpecInput = z.input<typeof TaskSpec>;
