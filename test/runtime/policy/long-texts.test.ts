import { describe, expect, it } from 'vitest';
import { jsonIn } from '../../../src/runtime/checks/answer.ts';
import { ServerEvents } from '../../../src/runtime/io/providers/chat-events.ts';
import { complaintOf, knownTrouble } from '../../../src/runtime/io/providers/chat-trouble.ts';
import { includePatterns } from '../../../src/runtime/policy/include/patterns.ts';
import { findPatch } from '../../../src/runtime/policy/patch/patch.ts';

const MIB = 1024 * 1024;
const ENOUGH_MS = 8_000; // on a slow machine; what these once took is hours

function took(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

describe('a stranger’s long text holds nothing up', () => {
  it('a fence with blanks behind it', () => {
    for (const filling of [' ', 'a'])
      expect(took(() => jsonIn(`x\n\`\`\`${filling.repeat(4 * MIB)}\`\n`))).toBeLessThan(ENOUGH_MS);
    expect(jsonIn('say\n```json\n{"a": 1}\n```\n')).toEqual({ data: { a: 1 } });
    expect(jsonIn('say\n```json `x`\n{"a": 1}\n```\n')).toBeUndefined();
  });

  it('a fence that many others do not end', () => {
    const text = `words\n\t\`\`\`\n${' '.repeat(2 * MIB)}diff --git a/x b/x\n${'\t\t```\n'.repeat(MIB / 4)}`;
    expect(took(() => findPatch(text))).toBeLessThan(ENOUGH_MS);
  });

  it('words of an error, again and again', () => {
    expect(took(() => knownTrouble(complaintOf({ error: { message: 'n_keep '.repeat(MIB) } })))).toBeLessThan(
      ENOUGH_MS,
    );
    expect(knownTrouble(complaintOf({ error: 'n_keep: 5000 >= n_ctx: 4096' }))).toBe('context_overflow');
  });

  it('an event of empty lines', () => {
    const events = new ServerEvents(10_000);
    for (let n = 0; n < 20 && !events.too_large; n++) events.push(Buffer.from('data:\n'.repeat(1_000)));
    expect(events.too_large).toBe(true);
  });

  it('a class of many characters is counted for what it costs', () => {
    const { match } = includePatterns([`**/*[${'zyxwvu'.repeat(46)}]n`]);
    const effort = { left: 1_000_000 };
    match('src/deep/file-with-a-name-that-is-long-enough', effort);
    expect(1_000_000 - effort.left).toBeGreaterThan(276 * 30);
  });
});
