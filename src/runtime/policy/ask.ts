import type { ProjectId, TaskId } from '../model/ids.ts';
import type { RouteRule } from '../model/route.ts';
import type { TaskSpec } from '../model/spec.ts';
import type { QueuedTask } from '../model/task.ts';
import { asksOf, worksInWorktree } from './abilities.ts';

/** What `decide` wants to know about a task: one from the queue, or one that nobody has enqueued yet. */
export interface RouteAsk {
  readonly spec: TaskSpec;
  readonly project?: ProjectId;
  /** Of a task that may have a worktree already. */
  readonly id?: TaskId;
  /** Dependencies that are not done yet. */
  readonly waits_for?: readonly string[];
  readonly not_before?: number;
  /** `not_before` comes from a failed attempt. */
  readonly backoff?: boolean;
  /** Agents that must not take it, by id. */
  readonly exclude?: readonly string[];
}

/**
 * The ask of a queued task. Its own `not_before` counts, not the one in its front matter: a task that a person
 * released runs now whatever its file says.
 */
export function askOf(task: QueuedTask): RouteAsk {
  return {
    spec: task.spec,
    project: task.project,
    waits_for: task.waits_for,
    ...(mayHaveWorktree(task) && { id: task.id }),
    ...(task.not_before !== undefined && { not_before: task.not_before }),
    ...(task.backoff !== undefined && { backoff: task.backoff }),
  };
}

/** Then the answer may be its alone, whatever others of the same signature get. */
export function mayHaveWorktree({ spec, attempt }: QueuedTask): boolean {
  return attempt > 0 && (worksInWorktree(spec) || spec.continues !== undefined);
}

/** The ask of a task that is only thought of. */
export function askFor(spec: TaskSpec, project?: ProjectId): RouteAsk {
  return {
    spec,
    waits_for: spec.depends_on,
    ...(project !== undefined && { project }),
    ...(spec.not_before !== undefined && { not_before: Date.parse(spec.not_before) }),
  };
}

/**
 * Two tasks of one project with the same signature get the same answer from `decide` whenever neither waits for a
 * dependency or a time. Every field of the spec that a rule reads is in here, and only those.
 */
export function signatureOf(spec: TaskSpec): string {
  const known = signatures.get(spec) ?? signed(spec);
  signatures.set(spec, known);
  return known;
}

const signatures = new WeakMap<TaskSpec, string>(); // whole queues are asked for theirs again and again

function signed(spec: TaskSpec): string {
  return JSON.stringify([
    spec.priority,
    spec.needs_claude_code,
    spec.preferred_ai,
    spec.allow_delegation,
    spec.complexity_hint,
    spec.agent,
    spec.mode,
    spec.model,
    spec.workspace,
    spec.continues,
    spec.requires,
    asksOf(spec),
  ]);
}

export function rule(name: string, says: string): RouteRule {
  return { rule: name, says };
}

/** Names in a sentence, cut where the sentence would get long. */
export function listed(names: readonly string[], most = 10): string {
  if (names.length === 0) return 'none';
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}
