import type { Config } from '../model/config.ts';
import { isRefusal } from '../model/refusal.ts';
import type { LiveTask } from '../model/task.ts';
import { delegatedPrompt } from '../runs/prompt.ts';
import { parseTask } from '../taskfile/parse.ts';

/** What a provider is told: the task alone, for it sees nothing else. */
export function composeDelegated(config: Config, task: LiveTask, bytes: Uint8Array): string {
  const parsed = parseTask(bytes);
  const body = isRefusal(parsed) ? Buffer.from(bytes).toString() : parsed.body;
  return delegatedPrompt({ file: `${task.id}.md`, title: task.title, body, closing: config.prompt.delegated_closing });
}
