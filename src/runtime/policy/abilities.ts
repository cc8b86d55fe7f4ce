import type { Prices } from '../model/provider.ts';
import type { TaskSpec } from '../model/spec.ts';
import { pricesBudget } from './budget.ts';

/*
 * What a task may ask of the place where it runs, beyond running a prompt and giving back its result. A place that
 * can't keep what the task asks does not get the task: running it anyway would let `done` mean less than was asked
 * for, or let it do more than was allowed.
 */

const ASKS: Readonly<Record<string, (spec: TaskSpec) => boolean>> = {
  verify: (spec) => spec.verify !== undefined,
  result_schema: (spec) => spec.result_schema !== undefined,
  'workspace: worktree': (spec) => spec.workspace === 'worktree',
  'apply: worktree': (spec) => spec.apply === 'worktree',
  base: (spec) => spec.base !== undefined,
  continues: (spec) => spec.continues !== undefined,
  permission_mode: (spec) => spec.permission_mode !== undefined,
  allowed_tools: (spec) => spec.allowed_tools !== undefined,
  budget_usd: (spec) => spec.budget_usd !== undefined,
  max_turns: (spec) => spec.max_turns !== undefined,
};

/** What every place on this machine keeps, because it is done around the agent: no provider has any of it. */
export const LOCALLY_KEPT: readonly string[] = [
  'verify',
  'result_schema',
  'workspace: worktree',
  'apply: worktree',
  'base',
];

/** What a place keeps because somebody has said what its models cost. */
export function keptByPrices({ prices }: { readonly prices?: Prices | undefined }): readonly string[] {
  return pricesBudget(prices) ? ['budget_usd'] : [];
}

/** On this machine its agent works there; of a provider's answer a patch is applied there. */
export function worksInWorktree({ workspace, apply }: Pick<TaskSpec, 'workspace' | 'apply'>): boolean {
  return workspace === 'worktree' || apply === 'worktree';
}

/** What is done around every provider: its answer is compared with a schema, a patch in it is applied where that is asked for. */
const REMOTELY_KEPT: readonly string[] = ['result_schema', 'apply: worktree'];

/** What makes sense of a provider's answer only once its patch is applied. */
const KEPT_WHEN_APPLIED: readonly string[] = ['verify', 'workspace: worktree', 'base'];

export function asksOf(spec: TaskSpec): string[] {
  return Object.keys(ASKS).filter((key) => ASKS[key]?.(spec));
}

/** What the task asks and the place can't keep; a place without a list keeps everything. */
export function notKept(spec: TaskSpec, place: { readonly keeps?: readonly string[] }): string[] {
  const { keeps } = place;
  return keeps ? asksOf(spec).filter((key) => !keeps.includes(key)) : [];
}

export function notKeptAway(spec: TaskSpec): string[] {
  return notKept(spec, { keeps: spec.apply ? [...REMOTELY_KEPT, ...KEPT_WHEN_APPLIED] : REMOTELY_KEPT });
}
