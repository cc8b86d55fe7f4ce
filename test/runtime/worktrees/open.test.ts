import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { Trees } from './world.ts';

vi.setConfig({ testTimeout: 60_000 });

let trees: Trees;
afterEach(() => trees.end());

it('gives a task a worktree of its own on a branch of its own, the same for each attempt', async () => {
  trees = await new Trees().begin();
  const first = await trees.opened('fix');
  expect(first.cwd).toBe(trees.path('fix'));
  expect(trees.gitIn(first.cwd, 'symbolic-ref', '--short', 'HEAD')).toBe('yardmaster/fix');
  trees.write('half.txt', 'half done', first.cwd);
  await trees.again(first.lease);
  await trees.restart();
  const second = await trees.opened('fix');
  expect(second.cwd).toBe(first.cwd);
  expect(trees.read(join(second.cwd, 'half.txt'))).toBe('half done');
  expect(trees.git('status', '--porcelain')).toBe('');
});

it('leaves a task that asks for none in the folder of its project', async () => {
  trees = await new Trees().begin();
  expect((await trees.opened('plain', { workspace: 'project' })).cwd).toBe(trees.project.path);
  expect(await trees.worktrees.describe((await trees.task('other', { workspace: 'project' })).task)).toBeUndefined();
});

it('works in the same part of the repository as the project', async () => {
  trees = await new Trees().begin({ folder: 'packages/web' });
  const { cwd } = await trees.opened('fix');
  expect(cwd).toBe(join(trees.path('fix'), 'packages/web'));
  expect(trees.read(join(cwd, 'README.md'))).toBe('one\n');
});

it('begins at what is named: a ref, a commit, the branch of a task, also when its worktree is gone', async () => {
  trees = await new Trees().begin();
  const first = trees.git('rev-parse', 'HEAD');
  trees.write('two.txt', 'two');
  trees.commit('second');
  const at = async (id: string, base: string) =>
    trees.gitIn((await trees.opened(id, { base })).cwd, 'rev-parse', 'HEAD');
  expect(await at('a', 'HEAD~1')).toBe(first);
  expect(await at('b', first.slice(0, 10))).toBe(first);
  const other = await trees.opened('c');
  trees.write('three.txt', 'three', other.cwd);
  const third = trees.commit('third', other.cwd);
  await trees.done(other.lease);
  await trees.gone('c');
  expect(await at('d', 'c')).toBe(third);
  expect(await at('e', 'yardmaster/c')).toBe(third);
});

it.each([
  ['--upload-pack=touch /tmp/x', /is an option/],
  ['-x', /is an option/],
  ['nothing-of-it', /"nothing-of-it" is neither a task with a branch nor a commit/],
  ['HEAD^{tree}', /is neither a task/],
  ['later', /that task has not begun its work yet; depends_on: \[later\]/],
])('refuses to begin at %s', async (base, why) => {
  trees = await new Trees().begin();
  await trees.task('later');
  const { task } = await trees.task('fix', { base });
  const opened = await trees.worktrees.open(task);
  expect(opened).toMatchObject({ kind: 'unfit', reason: expect.stringMatching(why) });
  expect(trees.branches()).toEqual(['main']);
});

it('says what is missing: no repository, no commit, the project folder in the base', async () => {
  trees = await new Trees().begin({ repository: false });
  const { task } = await trees.task('fix');
  expect(await trees.worktrees.open(task)).toMatchObject({
    reason: expect.stringContaining('is in no git repository'),
  });
  trees.git('init', '-q', '-b', 'main');
  expect(await trees.worktrees.open(task)).toMatchObject({
    kind: 'unfit',
    reason: expect.stringMatching(/no commit yet/),
  });
  trees.write('README.md', 'one');
  trees.commit('first');
  mkdirSync(join(trees.top, 'web'));
  const web = await trees.store.adoptProject(join(trees.top, 'web'), 'web');
  expect(await trees.worktrees.open({ ...task, project: web.id })).toMatchObject({
    kind: 'unfit',
    reason: expect.stringContaining('has no folder web'),
  });
});

it("leaves a person's branch of the same name alone, and takes another name", async () => {
  trees = await new Trees().begin();
  trees.git('branch', 'yardmaster/fix');
  trees.write('mine.txt', 'mine');
  trees.commit('second');
  const before = trees.git('rev-parse', 'yardmaster/fix');
  const { cwd, task } = await trees.opened('fix');
  expect(trees.gitIn(cwd, 'symbolic-ref', '--short', 'HEAD')).toBe('yardmaster/fix-2');
  expect(trees.git('rev-parse', 'yardmaster/fix')).toBe(before);
  expect(await trees.worktrees.describe(task)).toMatchObject({ branch: 'yardmaster/fix-2', base: 'main' });
});

it('names branches as git allows them, and tells tasks apart whose names become the same', async () => {
  trees = await new Trees().begin();
  const names = [];
  for (const id of ['a b', 'a~b', 'a-b', 'x.lock', 'größe (2)'])
    names.push(trees.gitIn((await trees.opened(id)).cwd, 'symbolic-ref', '--short', 'HEAD'));
  expect(names).toEqual(['a-b', 'a-b-2', 'a-b-3', 'x-lock', 'größe-(2)'].map((name) => `yardmaster/${name}`));
});

it('does not touch a folder or a branch in its way that nothing explains', async () => {
  trees = await new Trees().begin();
  trees.write('notes.txt', 'mine', trees.path('fix'));
  const { task } = await trees.task('fix');
  expect(await trees.worktrees.open(task)).toMatchObject({
    kind: 'unfit',
    reason: expect.stringMatching(/no record of ours/),
  });
  expect(trees.read(join(trees.path('fix'), 'notes.txt'))).toBe('mine');
  trees.git('branch', 'yardmaster');
  const { task: other } = await trees.task('other');
  expect(await trees.worktrees.open(other)).toMatchObject({
    kind: 'unfit',
    reason: expect.stringMatching(/git branch -m/),
  });
});

it('runs no hook of the repository', async () => {
  trees = await new Trees().begin();
  const hook = (name: string) => {
    trees.write(`.git/hooks/${name}`, `#!/bin/sh\ntouch ${trees.root}/ran-${name}\n`);
    chmodSync(join(trees.top, '.git/hooks', name), 0o755);
  };
  for (const name of ['post-checkout', 'reference-transaction', 'post-index-change']) hook(name);
  trees.git('config', 'core.fsmonitor', `${trees.root}/ran-fsmonitor`);
  const { lease, task } = await trees.opened('fix');
  await trees.worktrees.describe(task);
  await trees.done(lease);
  await trees.gone('fix');
  for (const name of ['post-checkout', 'reference-transaction', 'post-index-change'])
    expect(trees.has(join(trees.root, `ran-${name}`))).toBe(false);
});

it('makes ten at once', async () => {
  trees = await new Trees().begin();
  const opened = await Promise.all(Array.from({ length: 10 }, (_, n) => trees.opened(`t${n}`)));
  expect(new Set(opened.map(({ cwd }) => cwd)).size).toBe(10);
  expect(trees.branches()).toHaveLength(11);
});

it('waits for the locks of others', async () => {
  trees = await new Trees().begin();
  const lock = join(trees.top, '.git/refs/heads/yardmaster/fix.lock');
  trees.write('.git/refs/heads/yardmaster/fix.lock', '');
  const { task } = await trees.task('fix');
  const opening = trees.worktrees.open(task);
  setTimeout(() => rmSync(lock), 200);
  expect(await opening).toMatchObject({ kind: 'ready' });
});

it('goes on in the worktree of the task that it continues, one after the other, also when that was removed', async () => {
  trees = await new Trees().begin();
  const first = await trees.opened('a');
  const { task, lease } = await trees.task('b', { continues: 'a' as never, workspace: 'project' });
  expect(await trees.worktrees.open(task)).toEqual({ kind: 'wait', reason: 'task a works in the same worktree' });
  trees.write('a.txt', 'a', first.cwd);
  trees.commit('by a', first.cwd);
  await trees.done(first.lease);
  await trees.gone('a');
  expect(await trees.worktrees.open(task)).toEqual({ kind: 'ready', cwd: first.cwd });
  expect(trees.read(join(first.cwd, 'a.txt'))).toBe('a');
  await trees.store.started(lease);
  trees.write('b.txt', 'b', first.cwd);
  trees.commit('by b', first.cwd);
  expect(await trees.worktrees.describe(task)).toMatchObject({ branch: 'yardmaster/a', commits: 2, files_changed: 2 });
  await trees.done(lease);
  await trees.gone('a');
  const { cwd } = await trees.opened('c', { continues: 'b' as never });
  expect(cwd).toBe(first.cwd);
});

it('goes on where nothing was done: the branch that went with the worktree is made again', async () => {
  trees = await new Trees().begin();
  const { cwd, lease } = await trees.opened('a');
  await trees.done(lease);
  await trees.gone('a');
  expect(trees.branches()).toEqual(['main']);
  expect((await trees.opened('b', { continues: 'a' as never })).cwd).toBe(cwd);
  expect(trees.branches()).toEqual(['main', 'yardmaster/a']);
});

it('opens again what a person has deleted, and says so when the branch is gone as well', async () => {
  trees = await new Trees().begin();
  const { cwd, lease, task } = await trees.opened('a');
  rmSync(cwd, { recursive: true });
  expect(await trees.worktrees.open(task)).toEqual({ kind: 'ready', cwd });
  await trees.again(lease);
  rmSync(cwd, { recursive: true });
  trees.git('worktree', 'prune');
  trees.git('branch', '-D', 'yardmaster/a');
  const { task: later } = await trees.task('a');
  expect(await trees.worktrees.open(later)).toMatchObject({
    kind: 'unfit',
    reason: expect.stringMatching(/branch yardmaster\/a is gone/),
  });
});

it('mends what ties it to a repository that was moved', async () => {
  trees = await new Trees().begin();
  const { cwd, task } = await trees.opened('a');
  trees.write('a.txt', 'a', cwd);
  trees.write('.git', 'gitdir: /nowhere\n', cwd);
  expect(await trees.worktrees.open(task)).toEqual({ kind: 'ready', cwd });
  expect(trees.gitIn(cwd, 'status', '--porcelain')).toBe('?? a.txt');
});

it('waits while its branch is checked out elsewhere', async () => {
  trees = await new Trees().begin();
  const { cwd, lease } = await trees.opened('a');
  trees.write('a.txt', 'a', cwd);
  trees.commit('by a', cwd);
  await trees.done(lease);
  await trees.gone('a');
  trees.git('checkout', '-q', 'yardmaster/a');
  const { task } = await trees.task('b', { continues: 'a' as never });
  expect(await trees.worktrees.open(task)).toEqual({
    kind: 'wait',
    reason: `its branch yardmaster/a is checked out at ${trees.top}`,
  });
});

it('waits for a git that outlived the runtime and still makes it', async () => {
  trees = await new Trees().begin();
  const { task } = await trees.task('a');
  trees.killBefore('worktree add');
  await expect(trees.worktrees.open(task)).rejects.toThrow('killed');
  await trees.restart();
  mkdirSync(trees.path('a'), { recursive: true });
  const other = spawn('sleep', ['60'], { cwd: trees.path('a'), detached: true });
  other.unref();
  const opening = trees.worktrees.open(task);
  setTimeout(() => process.kill(Number(other.pid), 'SIGKILL'), 300);
  expect(await opening).toEqual({ kind: 'ready', cwd: trees.path('a') });
});

it('tells two projects of one repository apart', async () => {
  trees = await new Trees().begin({ folder: 'web' });
  const top = await trees.store.adoptProject(trees.top, 'all');
  const one = await trees.task('fix');
  const other = { ...one.task, project: top.id };
  const [first, second] = await Promise.all([trees.worktrees.open(one.task), trees.worktrees.open(other)]);
  expect([first.kind, second.kind]).toEqual(['ready', 'ready']);
  expect(trees.branches()).toEqual(['main', 'yardmaster/fix', 'yardmaster/fix-2']);
});

it('makes a branch again that a power cut has taken before anybody worked on it', async () => {
  trees = await new Trees().begin();
  const { task } = await trees.task('a');
  trees.killBefore('worktree add');
  await expect(trees.worktrees.open(task)).rejects.toThrow('killed');
  trees.git('branch', '-D', 'yardmaster/a');
  await trees.restart();
  expect(await trees.worktrees.open(task)).toEqual({ kind: 'ready', cwd: trees.path('a') });
});

it('says what a worktree is without', async () => {
  trees = await new Trees().begin();
  trees.write('.gitmodules', '[submodule "x"]\n\tpath = x\n\turl = ../x\n');
  trees.write('.gitattributes', '*.png filter=lfs diff=lfs merge=lfs -text\n');
  trees.commit('with parts elsewhere');
  const { lease } = await trees.opened('a');
  await trees.again(lease);
  await trees.opened('a');
  expect(trees.store.notes).toEqual([
    'worktree_without: the worktree of task a is without its submodules (git submodule update --init) and the contents of its LFS files (git lfs pull)',
  ]);
});

it('waits where git can not be run, and fails nobody', async () => {
  trees = await new Trees().begin();
  const { task } = await trees.task('a');
  trees.unavailable = 'spawn git ENOENT';
  expect(await trees.worktrees.open(task)).toEqual({
    kind: 'wait',
    reason: "its worktree can't be had now: spawn git ENOENT",
  });
});
