import { expect, test } from 'vitest';
import { patterns } from '../../src/runtime/io/patterns.ts';

test('a pattern is looked for in a text', () => {
  const matches = patterns.matcher();
  expect(matches('^[a-z]+$', 'abc')).toBe(true);
  expect(matches('^[a-z]+$', 'Abc')).toBe(false);
  expect(matches('\\p{L}', 'ä')).toBe(true);
});

test('one that would look for ever is stopped, and its matcher looks for nothing more', () => {
  const matches = patterns.matcher();
  const begun = performance.now();
  expect(matches('^(a+)+$', `${'a'.repeat(60)}b`)).toBeUndefined();
  expect(matches('a', 'a')).toBeUndefined();
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect(patterns.matcher()('a', 'a')).toBe(true);
});
