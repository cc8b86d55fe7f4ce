import type { LiveTask } from '../model/task.ts';
import { furtherPrompt, localPrompt } from '../runs/prompt.ts';
import { queueOf } from '../taskfile/layout.ts';

export interface AttemptPrompt {
  readonly task: LiveTask;
  /** The task's text without its front matter. */
  readonly body: string;
  /** The project's own folder: where its queue is. */
  readonly project: string;
  /** Tells this attempt's prompt from every other one. */
  readonly nonce: string;
  readonly closing: string;
  readonly complaint?: string | undefined;
  /** For an agent that has to be told in words. */
  readonly result_schema?: LiveTask['spec']['result_schema'];
  /** The conversation holds the whole task already. */
  readonly told: boolean;
}

/** What a coding agent is told. After a prompt that was too long for the model, learnings are the first to go. */
export function attemptPrompt(prompt: AttemptPrompt): string {
  const { task, body, project, nonce, closing, complaint, result_schema, told } = prompt;
  const words = { file: `${task.id}.md`, nonce, closing, ...(complaint !== undefined && { complaint }) };
  if (told) return furtherPrompt({ ...words, why: task.last_error?.reason ?? 'it was interrupted' });
  const { constraints, depends_on, include, learnings } = task.spec;
  return localPrompt({
    ...words,
    title: task.title,
    body,
    ...(result_schema && { result_schema }),
    constraints,
    ...(include && { include }),
    learnings: task.last_error?.class === 'context_overflow' ? [] : learnings,
    results: depends_on.map((id) => ({ id, path: queueOf(project).done(id) })),
  });
}
