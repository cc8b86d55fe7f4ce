import { expect, test } from 'vitest';
import { idInEnds, Lines } from '../src/lines.ts';

function collect(limit?: number): { lines: Lines; seen: string[]; overlong: string[] } {
  const seen: string[] = [];
  const overlong: string[] = [];
  const sink = { line: (text: string) => seen.push(text), overlong: (ends: string) => overlong.push(ends) };
  return { lines: new Lines(sink, limit), seen, overlong };
}

test('lines come out whole, however the bytes are cut, characters of several bytes included', () => {
  const bytes = Buffer.from('{"a":"é€😀"}\n\n{"b":2}\r\n{"c"');
  for (let size = 1; size < 8; size++) {
    const { lines, seen } = collect();
    for (let at = 0; at < bytes.length; at += size) lines.push(bytes.subarray(at, at + size));
    expect(seen).toEqual(['{"a":"é€😀"}', '{"b":2}\r']);
  }
});

test('what has no newline is a line only when the stream ends', () => {
  const { lines, seen } = collect();
  lines.push(Buffer.from('{"a":1}'));
  expect(seen).toEqual([]);
  lines.end();
  expect(seen).toEqual(['{"a":1}']);
});

test('a line over the limit is not kept, and the next one is fine', () => {
  const { lines, seen, overlong } = collect(1_000);
  lines.push(Buffer.from(`{"method":"x","params":{"text":"`));
  for (let i = 0; i < 100; i++) lines.push(Buffer.alloc(100, 'a'));
  lines.push(Buffer.from(`"},"jsonrpc":"2.0","id":"r-7"}\n{"b":2}\n`));
  expect(seen).toEqual(['{"b":2}']);
  expect(overlong).toHaveLength(1);
  expect(overlong[0]?.length).toBeLessThan(3_000);
  expect(idInEnds(overlong[0] ?? '')).toBe('r-7');
});

test('the id is found at either end', () => {
  expect(idInEnds('{"jsonrpc":"2.0","id":12,"method":"x","params":{"te')).toBe(12);
  expect(idInEnds('aaa"},"id":"a\\"b"}')).toBe('a"b');
  expect(idInEnds('{"method":"x"')).toBeUndefined();
});
