import { z } from 'zod';
import { TaskId } from '../runtime/model/ids.ts';
import { TaskSpec } from '../runtime/model/spec.ts';

type Fields = typeof TaskSpec.shape;

/** What a model has to know about a key beyond its name and type. */
const MEANING: Partial<Record<keyof Fields, string>> = {
  title: 'one line; an empty body uses it as the prompt',
  requires: 'capabilities the agent must have',
  group: 'a name to wait for and list many tasks at once',
  needs_claude_code: 'keep it local, on Claude Code',
  preferred_ai: "claude-code, a provider's name, an AI that a provider serves, or auto",
  allow_delegation: 'may go to a remote provider',
  agent: 'name of a configured agent (fleet_status lists them)',
  depends_on: 'ids in the same project that must be done first',
  not_before: 'ISO time',
  verify: 'command run after the agent says done; non-zero means not done',
  base: "worktree starts from that task's branch, or a git ref",
  continues: 'task whose conversation and workspace are resumed',
  learnings: 'at most five are passed on',
  include: 'files that a provider is shown, as paths or globs; !glob leaves some out',
  apply: "a patch in a provider's answer is applied in a git worktree of its own",
  idempotency_key: 'the same key again makes no second task',
};

/** The front-matter keys as arguments: the same names and rules, without defaults, so that a file holds only what was asked for. */
export const taskFields = Object.fromEntries(
  Object.entries(TaskSpec.shape).map(([key, field]) => [key, argument(field, MEANING[key as keyof Fields])]),
) as unknown as {
  [K in keyof Fields]: Fields[K] extends z.ZodDefault<infer Inner extends z.ZodType> ? z.ZodOptional<Inner> : Fields[K];
};

function argument(field: z.ZodType, meaning: string | undefined): z.ZodType {
  const plain = field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType).optional() : field;
  return meaning === undefined ? plain : plain.describe(meaning);
}

/** A new task as `enqueue_task` and `delegate` take it. */
export const newTaskFields = {
  body: z.string().optional().describe('the prompt, markdown; self-contained'),
  id: TaskId.optional().describe('made from the title when left out'),
  ...taskFields,
};
