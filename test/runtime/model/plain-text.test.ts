import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plainLine, plainText } from '../../../src/runtime/model/plain-text.ts';

test('what can be seen stays', () => {
  const text = 'a\tb\n❯\u00a0é 日本 ✓ ─── ½ “x”';
  expect(plainText(text)).toBe(text);
});

test('sequences go whole, with what they carry', () => {
  expect(plainText('\u001b[31mred\u001b[0m \u001b]0;title\u0007\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\')).toBe(
    'red link',
  );
  expect(plainText('\u009b31mred \u001bPdata\u001b\\ \u001b(B\u001b=x')).toBe('red  x');
});

test('nothing stays that hides or reorders', () => {
  expect(plainText('pay\u200b\u2060ment \u202efdp.exe\u202c \u{e0041}\u{e0042}\ufeff a\u00adb')).toBe(
    'payment fdp.exe  ab',
  );
  expect(plainLine('a\nb\t\tc \u2028d\r\n')).toBe('a b c d');
});

test('whatever comes, no control character and no invisible one is left', () => {
  const part = fc.oneof(
    fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
    fc.constantFrom('\u001b[', '\u001b]', '\u009d', '\r', '\u202e', 'x', '7'),
  );
  const left = /(?![\n\t])\p{Cc}|\p{Default_Ignorable_Code_Point}|[\u2028\u2029]/u;
  fc.assert(
    fc.property(fc.array(part), (parts) => !left.test(plainText(parts.join('')))),
    { numRuns: 300 },
  );
});
