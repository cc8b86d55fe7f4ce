import { readdirSync, readFileSync } from 'node:fs';
import { claudeHeadless } from '../../../../src/runtime/agents/claude/headless.ts';
import type { Progress, RunState } from '../../../../src/runtime/agents/headless.ts';

/*
 * What the real Claude Code 2.1.329 printed on 2026-11-21, offline, against a scripted service. Paths are replaced, and the
 * long lists of the `init` lines emptied (but for `tool-and-answer`).
 */
const folder = new URL('../../../fixtures/streams/claude/', import.meta.url);

export const STREAMS = readdirSync(folder).map((name) => name.replace(/\.jsonl$/, ''));

export function linesOf(name: string): string[] {
  return readFileSync(new URL(`${name}.jsonl`, folder), 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}

export function read(lines: readonly string[]): { readonly state: RunState; readonly shown: readonly Progress[] } {
  const reader = claudeHeadless.reader();
  const shown = lines.flatMap((line) => [...reader.take(line)]);
  return { state: reader.now, shown };
}
