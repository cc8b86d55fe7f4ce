import { plainLine, plainText } from '../../model/plain-text.ts';
import type { Progress } from '../headless.ts';
import type { StreamBlock } from './headless-records.ts';

/* What people see of a run. */

/** Characters; what is longer is cut. */
export const MOST = { text: 8_000, tool: 300, error: 500 };

export function told(by: Progress['by'], text: string): Progress[] {
  return text === '' ? [] : [{ by, text }];
}

export function shownOf(block: StreamBlock, by: 'agent' | 'user' | 'system'): Progress[] {
  switch (block.type) {
    case 'text':
      return told(by, plainText(block.text.slice(0, MOST.text)).trim());
    case 'tool_use':
      return told('tool', plainLine(`${block.name} ${inputText(block.input)}`));
    case 'tool_result':
      return block.is_error ? told('tool', `failed: ${plainLine(resultText(block.content).slice(0, MOST.error))}`) : [];
  }
}

/** What it acts upon, where that is one thing; else all of it, short. */
export function inputText(input: unknown): string {
  const { command, file_path, url, pattern } = (typeof input === 'object' && input ? input : {}) as Record<
    string,
    unknown
  >;
  const about = [command, file_path, url, pattern].find((value) => typeof value === 'string');
  const text = typeof about === 'string' ? about : (JSON.stringify(input) ?? '');
  return plainLine(text.slice(0, MOST.tool));
}

export function resultText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content
    .flatMap((part: unknown) => (typeof part === 'object' && part && 'text' in part ? [String(part.text)] : []))
    .join('\n');
}

export function retryText({
  error_status,
  error,
  attempt,
  max_retries,
  retry_delay_ms,
}: {
  readonly error_status?: number | null | undefined;
  readonly error: string;
  readonly attempt: number;
  readonly max_retries: number;
  readonly retry_delay_ms: number;
}): string {
  const seconds = (retry_delay_ms / 1_000).toFixed(1);
  const what = plainLine(`${error_status ?? ''} ${error}`.slice(0, MOST.tool));
  return `the service refused (${what}); try ${attempt} of ${max_retries} in ${seconds} s`;
}
