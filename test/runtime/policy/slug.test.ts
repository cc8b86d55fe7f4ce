import fc from 'fast-check';
import { expect, test } from 'vitest';
import { taskIdProblem } from '../../../src/runtime/model/ids.ts';
import { freeId, nextFree, slugOf } from '../../../src/runtime/policy/slug.ts';

test.each([
  ['Fix the login redirect', 'fix-the-login-redirect'],
  ['  Añade   ÑANDÚ!! ', 'añade-ñandú'],
  ['修复登录', '修复登录'],
  ['../../etc/passwd', 'etc-passwd'],
  ['!!!', 'task'],
  ['', 'task'],
  ['🚀🚀', 'task'],
  ['a'.repeat(500), 'a'.repeat(48)],
  ['word '.repeat(50), 'word-word-word-word-word-word-word-word-word'],
])('%j becomes %j', (title, slug) => expect(slugOf(title)).toBe(slug));

test('any title gives a usable id of bounded size, with a number behind it as well', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (title) => {
      const slug = slugOf(title);
      expect(taskIdProblem(slug)).toBeUndefined();
      expect(Buffer.byteLength(slug)).toBeLessThanOrEqual(120);
      expect(taskIdProblem(`${slug}-200000`)).toBeUndefined();
    }),
  );
});

test('a taken id gets the next free number', () => {
  const taken = new Set(['fix', 'fix-2', 'fix-4']);
  expect(freeId('Fix', (id) => taken.has(id))).toBe('fix-3');
  expect(nextFree('other', (id) => taken.has(id))).toBe('other');
});
