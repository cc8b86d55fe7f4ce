import { expect, it } from 'vitest';
import { against, againstPath } from '../../../../src/runtime/policy/patch/against.ts';
import { patchIn } from '../../../../src/runtime/policy/patch/patch.ts';

it.each([
  ['../out.txt', /leads out/],
  ['src/../../out.txt', /leads out/],
  ['src//x', /leads out/],
  ['./x', /leads out/],
  ['/etc/passwd', /absolute/],
  ['C:/x', /absolute/],
  ['src\\..\\x', /backslash/],
  ['.git/hooks/pre-commit', /git’s own/],
  ['.GIT/config', /git’s own/],
  ['sub/.git', /git’s own/],
  ['.git. /config', /git’s own/],
  ['.git::$INDEX_ALLOCATION/config', /git’s own/],
  ['GIT~1/config', /git’s own/],
  ['.g\u200cit/config', /git’s own/],
  ['.ｇit/config', /git’s own/],
  ['.agent-queue/inbox/x.md', /queue/],
  ['.Agent-Queue/inbox/x.md', /queue/],
  ['.gitattributes', /which programs/],
  ['src/.GitAttributes', /which programs/],
  ['.gitmodules', /which programs/],
  ['GITATT~1', /which programs/],
  ['a\nb', /control/],
  ['a\u0007', /control/],
  ['', /no name/],
  ['x'.repeat(5_000), /no name/],
])('%j is never written', (path, why) => expect(againstPath(path)).toMatch(why));

it.each(['src/a.ts', '.gitignore', '.github/workflows/ci.yml', 'ü/é.txt', 'a b.txt', 'git', 'agent-queue/x', 'x..y'])(
  '%j is an ordinary file',
  (path) => expect(againstPath(path)).toBeUndefined(),
);

const diff = (head: string) => `diff --git a/x b/x\n${head}\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc/passwd`;

it.each([
  ['a symbolic link', diff('new file mode 120000'), /symbolic link/],
  ['a submodule', diff('new file mode 160000'), /submodule/],
  ['another mode', diff('new file mode 104755'), /only 100644 and 100755/],
  ['a mode that becomes a link', 'diff --git a/x b/x\nold mode 100644\nnew mode 120000', /symbolic link/],
  ['a binary patch', 'diff --git a/x b/x\nBinary files a/x and b/x differ', /binary/],
  ['a binary patch of git', 'diff --git a/x b/x\nindex 1..2\nGIT binary patch\nliteral 3\nKcmZ', /binary/],
  ['the old name of a rename', 'diff --git a/.git/x b/x\nrename from .git/x\nrename to x', /git’s own/],
  ['a quoted name', '--- /dev/null\n+++ "b/\\056git/x"\n@@ -0,0 +1 @@\n+x', /git’s own/],
])('%s is refused', (_, text, why) => {
  const patch = patchIn(text);
  expect(patch && against(patch)).toMatch(why);
});

it('a program is an ordinary file', () => {
  const patch = patchIn(diff('new file mode 100755'));
  expect(patch && against(patch)).toBeUndefined();
});
