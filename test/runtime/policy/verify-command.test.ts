import { describe, expect, test } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { splitWords, verifyCommand } from '../../../src/runtime/policy/verify-command.ts';

describe('words', () => {
  test.each([
    ['npm test', ['npm', 'test']],
    ['  npm\ttest  ', ['npm', 'test']],
    [`grep -q "it is done" 'a b.txt'`, ['grep', '-q', 'it is done', 'a b.txt']],
    [`a''b "" c\\ d`, ['ab', '', 'c d']],
    [`sh -c 'a && b | c'`, ['sh', '-c', 'a && b | c']],
    [`say "a \\"b\\" \\\\ c"`, ['say', 'a "b" \\ c']],
    ['x --name=$'.replace('$', 'y~z'), ['x', '--name=y~z']],
  ])('%s', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  test.each(['a && b', 'a | b', 'a; b', 'a > b', 'a < b', 'a $HOME', 'a "$HOME"', 'a `b`', 'a\nb', 'a &', '(a)'])(
    '%j is for a shell: refused, with what to do instead',
    (text) => {
      const refused = splitWords(text);
      expect(isRefusal(refused) && refused.message).toMatch(/^verify: .* for a shell/);
      expect(isRefusal(refused) && refused.hint).toContain('checks:');
    },
  );

  test.each(['ls *.ts', '~/bin/x', 'CI=1 npm test', '"a', '   ', `''`])('%j is refused', (text) => {
    expect(isRefusal(splitWords(text))).toBe(true);
  });
});

test('a configured check comes before a command, and a file may name nothing else', () => {
  const checks = { test: ['npm', 'run', 'test:all'] };
  expect(verifyCommand('test', { checks, free: true })).toEqual(['npm', 'run', 'test:all']);
  expect(verifyCommand('test', { checks, free: false })).toEqual(['npm', 'run', 'test:all']);
  expect(verifyCommand('npm test', { checks, free: true })).toEqual(['npm', 'test']);
  expect(verifyCommand('npm test', { checks, free: false })).toMatchObject({
    message: 'verify: "npm test" names no configured check',
    hint: 'configured checks: test',
  });
  expect(isRefusal(verifyCommand('toString', { checks, free: false }))).toBe(true);
});
