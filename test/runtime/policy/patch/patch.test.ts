import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPatch, patchIn } from '../../../../src/runtime/policy/patch/patch.ts';

const EDIT = ['--- a/src/a.ts', '+++ b/src/a.ts', '@@ -1,3 +1,3 @@', ' one', '-two', '+zwei', ' three'].join('\n');
const fenced = (text: string, language = 'diff', fence = '```') => `${fence}${language}\n${text}\n${fence}`;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ym-patch-'));
  execFileSync('git', ['init', '-q', root]);
  put('src/a.ts', 'one\ntwo\nthree\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** What git makes of the patch in an answer. */
function applied(answer: string, path = 'src/a.ts'): string | undefined {
  const patch = patchIn(answer);
  if (!patch) throw new Error('there is no patch in it');
  execFileSync('git', ['-C', root, 'apply', '-'], { input: patch.text, stdio: ['pipe', 'pipe', 'pipe'] });
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined;
}

describe('where a patch stands', () => {
  it.each([
    ['in a fenced block, with words around it', `Here it is:\n\n${fenced(EDIT)}\n\nHave fun!`],
    ['in a block called patch', fenced(EDIT, 'patch')],
    ['in a block without a name that begins like one', fenced(EDIT, '')],
    ['in a block of tildes', fenced(EDIT, 'diff', '~~~')],
    ['in a block that is part of a list', `1. This:\n\n   ${fenced(EDIT).replaceAll('\n', '\n   ')}\n`],
    ['as the whole answer', EDIT],
    ['as the whole answer, as git prints it', `diff --git a/src/a.ts b/src/a.ts\nindex 1..2 100644\n${EDIT}\n`],
    ['in the open, with words around it', `I changed this:\n\n${EDIT}\n\n- one point\n- another\n`],
    ['beside a block of something else', `${fenced('--- a/x\n+++ b/x\n@@ -1 +1 @@', 'ts')}\n${fenced(EDIT)}`],
    ['with CRLF at every line', `Here:\n${fenced(EDIT)}\n`.replaceAll('\n', '\r\n')],
    [
      'as what git format-patch writes',
      `From 1234 Mon Sep 17 00:00:00 2001\nSubject: x\n---\n a.ts | 2 +-\n\ndiff --git a/src/a.ts b/src/a.ts\n${EDIT}\n-- \n2.39.5\n`,
    ],
  ])('%s', (_, answer) => {
    expect(patchIn(answer)).toMatchObject({ files: 1, insertions: 1, deletions: 1, paths: ['src/a.ts'] });
    expect(applied(answer)).toBe('one\nzwei\nthree\n');
  });

  it('of several blocks all are taken, in their order', () => {
    const more = ['--- a/src/a.ts', '+++ b/src/a.ts', '@@ -2 +2 @@', '-zwei', '+deux'].join('\n');
    const other = ['--- /dev/null', '+++ b/new/file.txt', '@@ -0,0 +1 @@', '+hello'].join('\n');
    const answer = `${fenced(EDIT)}\nthen\n${fenced(more)}\nand\n${fenced(other)}`;
    expect(patchIn(answer)).toMatchObject({ files: 2, insertions: 3, deletions: 2 });
    expect(patchIn(answer)?.paths).toEqual(['src/a.ts', 'new/file.txt']);
  });

  it('a fence in a line of the file does not end the block', () => {
    put('README.md', 'Run:\n```sh\nnpm test\n```\nbye\n');
    const diff = ['--- a/README.md', '+++ b/README.md', '@@ -1,5 +1,5 @@', ' Run:', '-```sh', '+```bash', ' npm test'];
    const answer = fenced([...diff, ' ```', '-bye', '+bye!'].join('\n'));
    expect(applied(answer, 'README.md')).toBe('Run:\n```bash\nnpm test\n```\nbye!\n');
  });

  it.each([
    ['words', 'No changes are necessary.'],
    ['nothing', ''],
    ['a rule and a list', '---\n+++\n- a\n- b'],
    ['another language', fenced('const a = 1;', 'ts')],
    ['an empty block', fenced('', 'diff')],
    ['a hunk that changes nothing', fenced('--- a/x\n+++ b/x\n@@ -1 +1 @@\n same')],
  ])('%s is no patch', (_, answer) => expect(findPatch(answer)).toEqual({ kind: 'none' }));
});

describe('what is mended', () => {
  it.each([
    ['counts that are wrong', EDIT.replace('-1,3 +1,3', '-1,9 +1,2')],
    ['counts that are left out', EDIT.replace('-1,3 +1,3', '-1 +1')],
    ['names without prefixes', EDIT.replace('a/src', 'src').replace('b/src', 'src')],
    ['times behind the names', EDIT.replace('.ts\n+', '.ts\t2026-01-01 10:00:00.0 +0100\n+')],
    ['quoted names', EDIT.replace('a/src/a.ts', '"a/src/\\141.ts"').replace('b/src/a.ts', '"b/src/a.ts"')],
  ])('%s', (_, diff) => expect(applied(fenced(diff))).toBe('one\nzwei\nthree\n'));

  it('empty lines of the file whose blank was lost', () => {
    put('src/a.ts', 'one\n\ntwo\n\n');
    const diff = ['--- a/src/a.ts', '+++ b/src/a.ts', '@@ -1,4 +1,4 @@', ' one', '', '-two', '+zwei', '', ''].join(
      '\n',
    );
    expect(applied(fenced(diff))).toBe('one\n\nzwei\n\n');
  });

  it('a block that nobody has closed, where its last hunk is whole', () => {
    expect(applied(`\`\`\`diff\n${EDIT}`)).toBe('one\nzwei\nthree\n');
    expect(findPatch(`\`\`\`diff\n${EDIT.slice(0, -7)}`)).toEqual({
      kind: 'broken',
      why: 'it ends in the middle of a hunk',
    });
  });

  it('CRLF stays where only lines of the file have it', () => {
    put('src/a.ts', 'one\r\ntwo\r\nthree\r\n');
    const diff = EDIT.replace(/^([ +-][a-z]+)$/gm, '$1\r');
    expect(applied(fenced(diff))).toBe('one\r\nzwei\r\nthree\r\n');
  });

  it('an end without a newline stays as it is said to be', () => {
    put('src/a.ts', 'one\ntwo');
    const diff = [
      '--- a/src/a.ts',
      '+++ b/src/a.ts',
      '@@ -1,2 +1,2 @@',
      ' one',
      '-two',
      '\\ No newline at end of file',
    ];
    expect(applied(fenced([...diff, '+zwei', '\\ No newline at end of file'].join('\n')))).toBe('one\nzwei');
  });
});

describe('what is not mended', () => {
  it.each([
    ['a line without a sign', EDIT.replace(' three', '...')],
    ['a hunk without numbers', EDIT.replace('@@ -1,3 +1,3 @@', '@@ ... @@')],
    ['a hunk without a file', EDIT.split('\n').slice(2).join('\n')],
  ])('%s is told', (_, diff) => {
    expect(findPatch(fenced(diff))).toMatchObject({ kind: 'broken', why: expect.stringMatching(/hunk/) });
    expect(patchIn(fenced(diff))).toBeUndefined();
  });
});

describe('files that come, go and move', () => {
  it('a new one, with the bit that makes it a program', () => {
    const diff = [
      'diff --git a/run.sh b/run.sh',
      'new file mode 100755',
      '--- /dev/null',
      '+++ b/run.sh',
      '@@ -0,0 +1 @@',
      '+true',
    ];
    expect(applied(fenced(diff.join('\n')), 'run.sh')).toBe('true\n');
  });

  it('one that goes', () => {
    const diff = ['--- a/src/a.ts', '+++ /dev/null', '@@ -1,3 +0,0 @@', '-one', '-two', '-three'].join('\n');
    expect(applied(fenced(diff))).toBeUndefined();
  });

  it('one that gets another name, with a blank in it', () => {
    const diff = [
      'diff --git a/src/a.ts b/src/b c.ts',
      'similarity index 90%',
      'rename from src/a.ts',
      'rename to src/b c.ts',
    ];
    const answer = fenced(
      [...diff, '--- a/src/a.ts', '+++ b/src/b c.ts', '@@ -1,2 +1,2 @@', '-one', '+eins', ' two'].join('\n'),
    );
    expect(patchIn(answer)?.paths).toEqual(['src/a.ts', 'src/b c.ts']);
    expect(applied(answer, 'src/b c.ts')).toBe('eins\ntwo\nthree\n');
    expect(existsSync(join(root, 'src/a.ts'))).toBe(false);
  });

  it('an empty one, and one that only changes its mode', () => {
    const diff = [
      'diff --git a/e.txt b/e.txt',
      'new file mode 100644',
      'diff --git a/src/a.ts b/src/a.ts',
      'old mode 100644',
      'new mode 100755',
    ];
    expect(patchIn(fenced(diff.join('\n')))).toMatchObject({ files: 2, insertions: 0, deletions: 0 });
    expect(applied(fenced(diff.join('\n')), 'e.txt')).toBe('');
  });
});

describe('whatever an answer holds', () => {
  const PARTS = [
    ...'\n\r`~+-@\\ "',
    '```diff\n',
    '--- a/x\n',
    '+++ b/x\n',
    '@@ -1,2 +1 @@\n',
    'diff --git a/x b/x\n',
    '/dev/null',
    ' line\n',
    '+x\n',
    '-y\n',
    '\n```\n',
  ];
  const random = (seed: number) => () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };

  it('it never throws, and what it finds it finds again in its own words', () => {
    let found = 0;
    for (let seed = 1; seed <= 3_000; seed++) {
      const next = random(seed);
      const text = Array.from({ length: 1 + next() * 40 }, () => PARTS[Math.floor(next() * PARTS.length)]).join('');
      const patch = patchIn(text);
      if (!patch) continue;
      found += 1;
      expect(patchIn(patch.text)?.text, JSON.stringify(text)).toBe(patch.text);
    }
    expect(found).toBeGreaterThan(20);
  });

  it('cut off anywhere it is read or refused', () => {
    const answer = `Words\n${fenced(`${EDIT}\n${EDIT.replaceAll('a.ts', 'b.ts')}`)}\nmore`;
    for (let at = 0; at <= answer.length; at++) expect(() => findPatch(answer.slice(0, at))).not.toThrow();
  });

  it.each([
    ['empty lines', '\n'],
    ['fences', '```diff\n'],
    ['heads', '--- a/x\n+++ b/x\n@@ -1 +1 @@\n'],
    ['heads of git', 'diff --git a b c d\n'],
    ['removed lines', '-- \n'],
    ['one long line', '-'],
    ['quotes', '--- "\\'],
    ['blanks', ' '],
    ['times', `--- a/x${' '.repeat(8_000)}2026-01-01 10:00:00 \n`],
    ['ticks', `\`\`\`${'a'.repeat(900)}\`\n`],
  ])(
    '8 MiB of %s take seconds at most',
    (_, part) => {
      const text = `\`\`\`diff\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\n${part.repeat(8_388_608 / part.length)}`;
      const began = performance.now();
      findPatch(text);
      findPatch(text.slice(8));
      expect(performance.now() - began).toBeLessThan(20_000);
    },
    60_000,
  );
});
