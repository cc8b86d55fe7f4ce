import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { workingIn } from '../../../src/runtime/io/processes/working-in.ts';
import { until } from '../../support/world.ts';
import { Trees } from './world.ts';

vi.setConfig({ testTimeout: 60_000 });

let trees: Trees;
afterEach(() => trees.end());

const noted = () => until(() => trees.worktrees.needs().length > 0);

it('goes when its task has ended and all is committed; its branch stays', async () => {
  trees = await new Trees().begin();
  trees.write('.gitignore', 'node_modules\n');
  trees.commit('ignore');
  const { cwd, lease, task } = await trees.opened('a');
  trees.write('a.txt', 'one\ntwo\n', cwd);
  trees.write('README.md', '', cwd);
  trees.write('node_modules/x', 'ignored', cwd);
  const tip = trees.commit('by a', cwd);
  expect(await trees.worktrees.describe(task)).toEqual({
    ...{ branch: 'yardmaster/a', base: 'main', commits: 1, files_changed: 2, insertions: 2, deletions: 1 },
  });
  await trees.done(lease);
  await trees.gone('a');
  expect(trees.git('rev-parse', 'yardmaster/a')).toBe(tip);
  expect(trees.store.notes).toEqual([]);
  await until(async () => (await trees.worktrees.list()).length === 0);
});

it('takes a branch along that has nothing of its own, however its task ended', async () => {
  trees = await new Trees().begin();
  const { lease } = await trees.opened('a');
  const reason = 'it could not';
  await trees.store.end(lease, {
    kind: 'finished',
    outcome: { state: 'failed', error_class: 'tool_failure', reason },
  });
  await trees.gone('a');
  const other = await trees.opened('b');
  await trees.store.end(other.lease, { kind: 'finished', outcome: { state: 'cancelled', reason } });
  await trees.gone('b');
  expect(trees.branches()).toEqual(['main']);
});

it.each<[string, (cwd: string) => void, string]>([
  ['a changed file', (cwd) => trees.write('README.md', 'changed', cwd), '1 file is not committed'],
  [
    'new files, a staged one, a folder',
    (cwd) => {
      for (const name of ['a', 'b', 'c/d']) trees.write(name, name, cwd);
      trees.gitIn(cwd, 'add', 'a');
    },
    '2 files and 1 folder are not committed',
  ],
  [
    'commits on no branch',
    (cwd) => {
      trees.gitIn(cwd, 'checkout', '-q', '--detach');
      trees.write('a', 'a', cwd);
      trees.commit('adrift', cwd);
    },
    'its newest commits are on no branch',
  ],
  [
    'a merge under way',
    (cwd) => {
      trees.gitIn(cwd, 'checkout', '-q', '-b', 'other');
      trees.write('a', 'a', cwd);
      trees.commit('other', cwd);
      trees.gitIn(cwd, 'checkout', '-q', 'yardmaster/a');
      trees.gitIn(cwd, 'merge', '-q', '--no-ff', '--no-commit', '-s', 'ours', 'other');
    },
    'a merge is under way',
  ],
])('stays with %s, and a person is told once', async (_, leave, why) => {
  trees = await new Trees().begin();
  const { cwd, lease, task } = await trees.opened('a');
  leave(cwd);
  expect(await trees.worktrees.describe(task)).toMatchObject({ kept: why });
  await trees.done(lease);
  await noted();
  expect(trees.store.notes[0]).toMatch(
    `worktree_kept: the worktree of shop/a stays: ${why}; branch yardmaster/a, in ${cwd}`,
  );
  expect(trees.worktrees.needs()).toMatchObject([{ where: cwd, next: expect.stringContaining('clean shop/a') }]);
  await trees.restart();
  await until(async () => (await trees.worktrees.list())[0]?.kept === why);
  expect(await trees.worktrees.clean(undefined, { discard: false })).toMatchObject([{ what: 'kept', detail: why }]);
  expect(trees.store.notes).toHaveLength(1);
});

it('goes later, when a person has committed what was left', async () => {
  trees = await new Trees().begin();
  const { cwd, lease } = await trees.opened('a');
  trees.write('a.txt', 'a', cwd);
  await trees.done(lease);
  await noted();
  trees.commit('saved', cwd);
  await trees.restart(); // looks at what is there
  await trees.gone('a');
  await until(() => trees.worktrees.needs().length === 0);
});

it('names the branch that its agent has chosen, and goes on there', async () => {
  trees = await new Trees().begin();
  const { cwd, lease, task } = await trees.opened('a');
  trees.gitIn(cwd, 'checkout', '-q', '-b', 'feature/login');
  trees.write('a.txt', 'a', cwd);
  const tip = trees.commit('by a', cwd);
  expect(await trees.worktrees.describe(task)).toMatchObject({ branch: 'feature/login', commits: 1 });
  await trees.done(lease);
  await trees.gone('a');
  expect(trees.branches()).toEqual(['feature/login', 'main']);
  const { cwd: based } = await trees.opened('b', { base: 'a' });
  expect(trees.gitIn(based, 'rev-parse', 'HEAD')).toBe(tip);
  const { cwd: on } = await trees.opened('c', { continues: 'a' as never });
  expect(trees.gitIn(on, 'symbolic-ref', '--short', 'HEAD')).toBe('feature/login');
});

it('stays while its task has attempts to come, and while a process works in it', async () => {
  trees = await new Trees().begin();
  const { cwd, lease } = await trees.opened('a');
  await trees.again(lease);
  await trees.restart();
  expect(await trees.worktrees.clean(undefined, { discard: true })).toMatchObject([
    { what: 'in_use', detail: 'task a is queued' },
  ]);
  const { lease: second } = await trees.opened('a');
  const shell = spawn('sleep', ['60'], { cwd, detached: true });
  shell.unref();
  const running = trees.worktrees.clean(undefined, { discard: true });
  expect(await running).toMatchObject([{ what: 'in_use', detail: 'task a is running' }]);
  process.kill(Number(shell.pid), 0);
  const orphan = spawn('sh', ['-c', `cd '${cwd}' && (setsid sleep 60 & echo $!)`]);
  const pid = await new Promise<number>((resolve) => orphan.stdout.once('data', (line) => resolve(Number(line))));
  await trees.done(second);
  const [kept] = await trees.worktrees.clean(undefined, { discard: true });
  expect(kept).toMatchObject({ what: 'kept', detail: expect.stringContaining(`pid ${pid}`) });
  expect(trees.has(cwd)).toBe(true);
  for (const one of [pid, Number(shell.pid)]) process.kill(one, 'SIGKILL');
  await until(async () => (await workingIn(cwd)).length === 0);
  await trees.restart();
  await trees.gone('a');
});

it('is given up with what is in it when a person says so; commits stay', async () => {
  trees = await new Trees().begin();
  const { cwd, lease } = await trees.opened('a');
  trees.write('a.txt', 'a', cwd);
  const tip = trees.commit('by a', cwd);
  trees.write('b.txt', 'b', cwd);
  await trees.done(lease);
  await noted();
  const [view] = await trees.worktrees.list();
  expect(view).toMatchObject({ changes: ['?? b.txt'], state: 'done', commits: 1, in_use: false, path: cwd });
  const ref = { project: trees.project.id, id: 'a' as never };
  expect(await trees.worktrees.clean([ref], { discard: true })).toMatchObject([{ what: 'removed' }]);
  expect(trees.has(cwd)).toBe(false);
  expect(trees.git('rev-parse', 'yardmaster/a')).toBe(tip);
});

it('is kept when what git knows of it is gone, and nothing around it is looked at instead', async () => {
  trees = await new Trees().begin();
  trees.git('init', '-q', trees.home); // a repository around all worktrees
  const { cwd, lease, task } = await trees.opened('a');
  trees.write('a.txt', 'a', cwd);
  rmSync(join(trees.top, '.git/worktrees/a'), { recursive: true });
  rmSync(join(cwd, '.git'));
  expect(await trees.worktrees.describe(task)).toMatchObject({
    kept: expect.stringContaining('could not be looked at'),
  });
  await trees.done(lease);
  await noted();
  expect(trees.read(join(cwd, 'a.txt'))).toBe('a');
});

it('forgets what it knew when neither branch nor run directory is left', async () => {
  trees = await new Trees().begin();
  const { lease } = await trees.opened('a');
  await trees.done(lease);
  await trees.gone('a');
  await trees.restart();
  await until(() => !trees.has(trees.record('a')));
});

it('counts for the dispatcher: those that are there, those to come, the kept ones by name', async () => {
  trees = await new Trees().begin();
  const { cwd, lease, task } = await trees.opened('a');
  trees.write('a.txt', 'a', cwd);
  const { project } = task;
  const atWork = [task, { project, id: 'new' as never }].map((one) => ({ ...one, worktree: true }));
  expect(trees.worktrees.forFleet(atWork)).toMatchObject({ max: 20, count: 2, kept: [] });
  await trees.done(lease);
  await noted();
  expect(trees.worktrees.forFleet([])).toMatchObject({ count: 1, kept: ['shop/a'] });
});
