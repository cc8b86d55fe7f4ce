import { z } from 'zod';
import { Duration } from './duration.ts';
import type { ChangeableLimit, LimitChange } from './quota.ts';

/* What agents, models and projects may spend, as the configuration says it, and how much of it is used. Days and hours are UTC's. */

const count = z.number().int().min(0).default(0);
const word = z.string().min(1).max(100);
const money = z.number().nonnegative();
const AllowedCost = z.strictObject({
  amount: money,
  currency: z.string().regex(/^[A-Z]{3}$/, 'three capital letters, such as USD'),
});

/** Of a program such as claude, a command, a provider, or one session. */
export const AgentAllowance = z.strictObject({
  daily_jobs: count.describe('attempts that begin in a day'),
  daily_tokens: count,
  concurrent_jobs: count.describe("at once, beside each place's own max"),
  max_job_duration: Duration.default(0).describe('no attempt may take longer, whatever its ttl'),
  models: z.array(word).min(1).optional().describe('the only ones it may be given'),
  daily_cost: AllowedCost.optional().describe('counts what was named in this currency'),
});
export type AgentAllowance = z.infer<typeof AgentAllowance>;

export const ModelAllowance = z.strictObject({
  daily_tokens: count,
  hourly_requests: count.describe('attempts that begin in an hour'),
  cost_ceiling_usd: money.default(0).describe('in a day'),
  daily_cost: AllowedCost.optional(),
  instead: word.optional().describe('the model that is taken when this one is spent, where the task names none'),
});
export type ModelAllowance = z.infer<typeof ModelAllowance>;

export const ProjectAllowance = z.strictObject({
  daily_jobs: count,
  daily_tokens: count,
  daily_cost: AllowedCost.optional(),
  cooldown: Duration.default(0).describe('how long nothing of it begins after a failed attempt'),
});
export type ProjectAllowance = z.infer<typeof ProjectAllowance>;

export const Allowance = z.strictObject({
  agents: z.record(word, AgentAllowance).default({}).describe('by program, command, provider or session'),
  models: z.record(word, ModelAllowance).default({}).describe('by the name under which tasks or the config ask for it'),
  projects: z.record(word, ProjectAllowance).default({}).describe('by configured name'),
});
export type Allowance = z.infer<typeof Allowance>;

/** Who has an allowance. */
export const Holder = z.enum(['agent', 'model', 'project']);
export type Holder = z.infer<typeof Holder>;

export const LimitName = z.enum([
  'daily_jobs',
  'daily_tokens',
  'concurrent_jobs',
  'hourly_requests',
  'daily_cost',
  'cost_ceiling_usd',
  'cooldown',
]);
export type LimitName = z.infer<typeof LimitName>;

/** From 80 % on it is a warning; at 100 % nothing more begins. */
export const LimitState = z.enum(['ok', 'warning', 'exceeded']);
export type LimitState = z.infer<typeof LimitState>;

export interface LimitView {
  readonly what: ChangeableLimit;
  /** Absent of a length of time: nothing counts up to it. */
  readonly used?: number;
  /** Absent where only the use is known; a length of time is in milliseconds. */
  readonly limit?: number;
  readonly remaining?: number;
  readonly currency?: string;
  /** When the use counts no more; absent where an end gives it back. */
  readonly resets_at?: number;
  readonly state: LimitState;
  /** It is not, or not only, the configuration's: somebody has changed it at run time. */
  readonly changed?: LimitChange;
}

export interface AllowanceView {
  readonly of: Holder;
  readonly name: string;
  /** The worst of its limits. */
  readonly state: LimitState;
  readonly limits: readonly LimitView[];
}
