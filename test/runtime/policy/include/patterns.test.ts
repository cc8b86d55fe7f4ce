import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileGlob, folderOf } from '../../../../src/runtime/policy/include/glob.ts';
import { includePatterns } from '../../../../src/runtime/policy/include/patterns.ts';

const effort = () => ({ left: Number.MAX_SAFE_INTEGER });
const matches = (pattern: string, path: string) => compileGlob(pattern)(path, effort());

describe('a glob', () => {
  it.each([
    ['src/*.ts', ['src/a.ts', 'src/.a.ts'], ['src/a/b.ts', 'src/a.tsx', 'a.ts', 'SRC/a.ts']],
    ['**/*.ts', ['a.ts', 'src/a.ts', 'src/x/y/a.ts'], ['a.js']],
    ['src/**', ['src/a', 'src/a/b'], ['src', 'srcs/a']],
    ['src/**/x.ts', ['src/x.ts', 'src/a/b/x.ts'], ['srcx.ts', 'src/a/ax.ts']],
    ['a**b', ['ab', 'axxb'], ['a/b']],
    ['?.md', ['a.md', 'é.md', '😀.md'], ['ab.md', '/.md']],
    ['[a-c]x', ['ax', 'cx'], ['dx', '-x']],
    ['[!a-c]x', ['dx', '-x'], ['ax', '/x']],
    ['[^a]x', ['bx'], ['ax']],
    ['[]]x', [']x'], ['x', '[]]x']],
    ['[a-]x', ['ax', '-x'], ['bx']],
    ['a[', ['a['], ['a']],
    ['{a,b/c}.ts', ['a.ts', 'b/c.ts'], ['b.ts', '{a,b/c}.ts']],
    ['{src,test}/**/*.{ts,js}', ['src/a.ts', 'test/x/b.js'], ['lib/a.ts', 'src/a.md']],
    ['{a,{b,c}d}', ['a', 'bd', 'cd'], ['b', 'ad']],
    ['{src/**,x}', ['src/a/b', 'x'], ['src']],
    ['{,a}b', ['b', 'ab'], ['a']],
    ['a{b', ['a{b'], ['ab']],
  ])('%s', (pattern, those, others) => {
    expect(those.filter((path) => !matches(pattern, path))).toEqual([]);
    expect(others.filter((path) => matches(pattern, path))).toEqual([]);
  });

  it('takes time in proportion, whatever it asks for', () => {
    const spent = (pattern: string, path: string) => {
      const left = effort();
      compileGlob(pattern)(path, left);
      return Number.MAX_SAFE_INTEGER - left.left;
    };
    for (const pattern of [
      '*a'.repeat(100),
      '**/'.repeat(90),
      '{a,a}'.repeat(55),
      '{a*,'.repeat(60) + '}'.repeat(60),
    ]) {
      const [short, long] = [spent(pattern, 'a'.repeat(500)), spent(pattern, 'a'.repeat(1_000))];
      expect(long).toBeLessThanOrEqual(short * 3);
      expect(long).toBeLessThan(1_000 * pattern.length * 6);
    }
  });

  it('never matches what lies outside its folder', () => {
    const part = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?', '[', ']', '{', '}', ','), maxLength: 12 });
    const path = fc.string({ unit: fc.constantFrom('a', 'b', '/'), minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(part, path, (pattern, given) => {
        if (matches(pattern, given)) expect(given.startsWith(folderOf(pattern))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('without anything special is the path that it says', () => {
    const path = fc.string({
      unit: fc.constantFrom('a', 'é', '.', '-', '/', '(', '+', '$', '^', '|', ']', '}'),
      minLength: 1,
    });
    fc.assert(fc.property(path, path, (a, b) => matches(a, b) === (a === b)));
  });
});

describe('the patterns of include', () => {
  const names = (given: readonly string[], paths: readonly string[]) => {
    const patterns = includePatterns(given);
    return paths.filter((path) => patterns.match(path, effort())?.left_out === false);
  };
  const paths = ['a.ts', 'src/a.ts', 'src/old/b.ts', 'src/old/deep/c.ts', 'app/[id]/page.tsx', 'app/i/page.tsx'];

  it('a folder is all below it, with or without a slash, from here or not', () => {
    for (const folder of ['src', 'src/', './src', 'src//']) expect(names([folder], paths)).toEqual(paths.slice(1, 4));
  });

  it('! leaves out, wherever it stands, and a folder with all below it', () => {
    expect(names(['src', '!src/old'], paths)).toEqual(['src/a.ts']);
    expect(names(['!src/*d', 'src/**'], paths)).toEqual(['src/a.ts']);
    expect(names(['src/old/b.ts', '!**/*.ts'], paths)).toEqual([]);
  });

  it('what is a path as it stands is that path, and a glob beside', () => {
    expect(names(['app/[id]/page.tsx'], paths)).toEqual(paths.slice(4));
    expect(names(['app/[id]'], paths)).toEqual(['app/[id]/page.tsx']);
    expect(includePatterns(['app/[id]/page.tsx']).roots).toEqual(['app']);
  });

  it('say under which folders to look, as long as none looks everywhere', () => {
    expect(includePatterns(['src/*/x', 'docs', '!lib']).roots).toEqual(['src', 'docs']);
    expect(includePatterns(['src', '**/x']).roots).toBeUndefined();
    expect(includePatterns(['./']).roots).toBeUndefined();
  });
});
