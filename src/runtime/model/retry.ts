import { z } from 'zod';
import { Duration } from './duration.ts';
import type { ErrorClass } from './spec.ts';

/*
 * What may be configured of each class of failures. What is left out is as `policy/retry.ts` has it.
 */

const attempts = z
  .number()
  .int()
  .min(1)
  .max(20)
  .describe('attempts in a row that may end so, the first one included; a task never has more than its max_attempts');
const backoff = Duration.describe('instead of retry.backoff');
const backoff_max = Duration.describe('instead of retry.backoff_max');

/** Failures of the work: each costs an attempt. */
export const WorkRule = z.strictObject({
  attempts: attempts.optional(),
  backoff: backoff.optional(),
  backoff_max: backoff_max.optional(),
});
export type WorkRule = z.infer<typeof WorkRule>;

/** Failures of a service or an account, which are none of the task's own. */
export const ServiceRule = z.strictObject({
  attempts: attempts.optional().describe('attempts in a row that may end so; default: without end'),
  counts: z.boolean().optional().describe('does it cost an attempt? default: no'),
  pause: Duration.refine((ms) => ms >= 1_000, 'at least 1s')
    .optional()
    .describe('until the next attempt, where the service names no time'),
  give_up: Duration.refine((ms) => ms >= 60_000, 'at least 60s')
    .optional()
    .describe('fails for good when it has failed so, and only so, for this long; default: never'),
});
export type ServiceRule = z.infer<typeof ServiceRule>;

/** Classes that have a rule of their own; the others can't be tried again by configuration. */
export const WORK_CLASSES = [
  'timeout',
  'crash',
  'tool_failure',
  'context_overflow',
  'logic_error',
  'permission',
  'upstream',
] as const satisfies readonly ErrorClass[];
export const SERVICE_CLASSES = ['rate_limit', 'auth', 'billing'] as const satisfies readonly ErrorClass[];
export type WorkClass = (typeof WORK_CLASSES)[number];
export type ServiceClass = (typeof SERVICE_CLASSES)[number];

export const RetryClasses = z.strictObject({
  ...(Object.fromEntries(WORK_CLASSES.map((name) => [name, WorkRule.optional()])) as Record<
    WorkClass,
    z.ZodOptional<typeof WorkRule>
  >),
  ...(Object.fromEntries(SERVICE_CLASSES.map((name) => [name, ServiceRule.optional()])) as Record<
    ServiceClass,
    z.ZodOptional<typeof ServiceRule>
  >),
});
export type RetryClasses = z.infer<typeof RetryClasses>;

/** What a project may say of its own work; services and accounts are the user's. */
export const ProjectRetryClasses = z.strictObject(
  Object.fromEntries(WORK_CLASSES.map((name) => [name, WorkRule.optional()])) as Record<
    WorkClass,
    z.ZodOptional<typeof WorkRule>
  >,
);
