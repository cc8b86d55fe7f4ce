import { compare, type Matches, type Problem } from '../policy/result-schema/compare.ts';
import type { DoneOutcome } from '../work.ts';

/** The result as data, or how it differs from what was asked for. */
export type Structured =
  | { readonly kind: 'fits'; readonly data: unknown }
  | { readonly kind: 'differs'; readonly problems: readonly Problem[] };

const MAX_BYTES = 262_144;

/** What the agent gave as data counts; from others the JSON that stands in their answer. */
export function structuredOf(
  { structured, result, truncated }: DoneOutcome,
  schema: Readonly<Record<string, unknown>>,
  matches: Matches,
): Structured {
  const found = structured === undefined ? jsonIn(result) : { data: structured };
  if (found === undefined) {
    const why = truncated ? 'is too long to be read' : 'is not JSON, and no fenced json block of it is';
    return { kind: 'differs', problems: [{ path: '', says: why }] };
  }
  const problems = compare(schema, found.data, matches);
  if (problems.length > 0) return { kind: 'differs', problems };
  const bytes = Buffer.byteLength(JSON.stringify(found.data));
  if (bytes <= MAX_BYTES) return { kind: 'fits', data: found.data };
  return { kind: 'differs', problems: [{ path: '', says: `has ${bytes} bytes, more than ${MAX_BYTES}` }] };
}

const MAX_ANSWER = 32_768; // characters

/** What is kept of an answer that was refused: its beginning and its end. */
export function shortened(answer: string): string {
  const half = MAX_ANSWER / 2;
  if (answer.length <= MAX_ANSWER) return answer;
  return `${answer.slice(0, half)}\n\n[…]\n\n${answer.slice(answer.length - half)}`;
}

/** It has nothing behind it that could fail: a long line is looked at once. */
const FENCE = /^[ \t]*(`{3,}|~{3,})[ \t]*(\w*)/;

/** The whole text, or the last fenced block that says it is JSON, or the last one of any kind that is. */
export function jsonIn(text: string): { readonly data: unknown } | undefined {
  const whole = parsed(text);
  if (whole) return whole;
  const blocks = fencedBlocks(text).reverse();
  const named = blocks.filter(({ language }) => /^jsonc?$/i.test(language));
  for (const { body } of named.length > 0 ? named.slice(0, 1) : blocks) {
    const found = parsed(body);
    if (found) return found;
  }
  return undefined;
}

function parsed(text: string): { readonly data: unknown } | undefined {
  try {
    return { data: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function fenceIn(line: string): { fence: string; language: string } {
  const [whole = '', fence = '', language = ''] = FENCE.exec(line) ?? [];
  return line.includes('`', whole.length) ? { fence: '', language: '' } : { fence, language };
}

function fencedBlocks(text: string): { language: string; body: string }[] {
  const blocks: { language: string; body: string }[] = [];
  let open: { fence: string; language: string; lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    const { fence, language } = fenceIn(line);
    if (open === undefined) {
      if (fence !== '') open = { fence, language, lines: [] };
    } else if (fence.startsWith(open.fence) && language === '') {
      blocks.push({ language: open.language, body: open.lines.join('\n') });
      open = undefined;
    } else open.lines.push(line);
  }
  return blocks;
}
