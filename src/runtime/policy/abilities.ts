import type { TaskSpec } from '../model/spec.ts';

/*
 * What a task may ask of the place where it runs, beyond running a prompt and giving back its result. A place that
 * can't keep what the task asks does not get the task: running it anyway would let `done` mean less than was asked
 * for, or let it do more than was allowed.
 */

const ASKS: Readonly<Record<string, (spec: TaskSpec) => boolean>> = {
  verify: (spec) => spec.verify !== undefined,
  result_schema: (spec) => spec.result_schema !== undefined,
  'workspace: worktree': (spec) => spec.workspace === 'worktree',
  base: (spec) => spec.base !== undefined,
  continues: (spec) => spec.continues !== undefined,
  permission_mode: (spec) => spec.permission_mode !== undefined,
  allowed_tools: (spec) => spec.allowed_tools !== undefined,
  budget_usd: (spec) => spec.budget_usd !== undefined,
  max_turns: (spec) => spec.max_turns !== undefined,
};

export function asksOf(spec: TaskSpec): string[] {
  return Object.keys(ASKS).filter((key) => ASKS[key]?.(spec));
}

/** What the task asks and the place can't keep; a place without a list keeps everything. */
export function notKept(spec: TaskSpec, place: { readonly keeps?: readonly string[] }): string[] {
  const { keeps } = place;
  return keeps ? asksOf(spec).filter((key) => !keeps.includes(key)) : [];
}
