import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { HeadlessAgent, Progress, RunState } from '../../../src/runtime/agents/headless.ts';

/* Recorded streams of the real agents (test/live/headless records them), and what an adapter makes of them. */

const folder = fileURLToPath(new URL('../../fixtures/streams/', import.meta.url));

export interface Recording {
  readonly lines: readonly string[];
  readonly stderr: string;
  readonly code: number;
  readonly signal?: string;
}

export function recording(program: string, name: string): Recording {
  const stdout = readFileSync(`${folder}${program}/${name}.jsonl`, 'utf8');
  const end = JSON.parse(readFileSync(`${folder}${program}/${name}.end.json`, 'utf8')) as Omit<Recording, 'lines'>;
  return { lines: stdout.split('\n'), ...end };
}

export interface Read {
  readonly state: RunState;
  readonly shown: readonly Progress[];
}

export function read(agent: HeadlessAgent, lines: readonly string[]): Read {
  const reader = agent.reader();
  const shown = lines.flatMap((line) => reader.take(line));
  return { state: reader.now, shown };
}

export const NOW = Date.parse('2026-11-21T19:00:00Z');

export function judge(agent: HeadlessAgent, run: Recording) {
  const { state } = read(agent, run.lines);
  const { code, signal, stderr } = run;
  const end = { kind: 'exited', code, ...(signal && { signal }), started_at: 0, ended_at: NOW } as const;
  return agent.judge({ state, end, stderr, wants_structured: false, now: NOW });
}

/** What may stand between the lines of a stream. */
export const noise = fc.oneof(
  fc.string(),
  fc.json(),
  fc.constantFrom(
    '',
    'Warning: something else writes here',
    '{"type":"item.completed","item":{"type":"agent_mess',
    '{"type":"nobody.knows","item":{}}',
    '{"type":"item.completed","item":{"type":"of_tomorrow","text":"x"}}',
    '{"type":"result"',
    '{"type":"message","role":"stranger","content":"x"}',
    '[]',
    'null',
    '{}',
    `{"type":"of_tomorrow","text":"${'x'.repeat(2_000_000)}"}`,
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x80, 0x22]).toString('utf8'),
  ),
);

/** A stream with noise in it, at any place. */
export function noisy(lines: readonly string[]): fc.Arbitrary<readonly string[]> {
  return fc
    .array(fc.tuple(fc.nat({ max: lines.length }), noise), { maxLength: 6 })
    .map((all) => lines.flatMap((line, at) => [...all.filter(([to]) => to === at).map(([, text]) => text), line]));
}
