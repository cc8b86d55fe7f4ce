import { z } from 'zod';
import { ErrorClass } from './spec.ts';
import { Cost, Used } from './usage.ts';

/** What is kept of an attempt that has ended: who tried it, how it went, what it took. Its output is in its run directory. */
export const Try = z.object({
  attempt: z.number(),
  ended: z.enum(['again', 'done', 'failed', 'cancelled']),
  agent: z.string().optional(),
  /** The program of a coding agent, by whatever name it was asked. */
  program: z.string().optional(),
  provider: z.string().optional(),
  model: z.string().optional(),
  profile: z.string().optional(),
  session_id: z.string().optional(),
  job_id: z.string().optional(),
  started_at: z.number(),
  ended_at: z.number(),
  error_class: ErrorClass.optional(),
  reason: z.string().optional(),
  exit_code: z.number().optional(),
  used: Used.optional(),
  /** It counts against the attempts that the task has. */
  spent: z.boolean(),
  /** The next one does not begin before. */
  next_at: z.number().optional(),
});
export type Try = z.infer<typeof Try>;

/** What all attempts together took, those of which no `Try` is kept any more included. */
export const Took = z.object({ tokens: z.number().optional(), costs: z.array(Cost).optional() });
export type Took = z.infer<typeof Took>;

/** Attempts in a row that failed in the same way and cost none: they could go on for ever. */
export const InVain = z.object({ class: ErrorClass, since: z.number(), count: z.number() });
export type InVain = z.infer<typeof InVain>;
