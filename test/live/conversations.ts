import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What Claude Code keeps of its conversations, each as one text. */
export function conversationsOf(user: string): string[] {
  const folder = join(user, '.claude', 'projects');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.jsonl'));
  return files.map((name) => readFileSync(join(folder, name), 'utf8'));
}
