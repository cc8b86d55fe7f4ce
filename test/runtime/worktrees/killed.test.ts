import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { Killed, Trees } from './world.ts';

/* A kill at any moment: before each step of git and each record, behind it, and in the middle of a long one. */

vi.setConfig({ testTimeout: 180_000 }); // dozens of worktrees, each with a dozen commands of git

let trees: Trees;
afterEach(() => trees.end());

const MOST = 30;

async function stepsOf(act: () => Promise<unknown>): Promise<number> {
  const before = trees.steps;
  await act();
  return trees.steps - before;
}

async function killedAt(step: number, after: boolean, act: () => Promise<unknown>): Promise<void> {
  trees.killAt(step, after);
  await act().catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error;
  });
  await trees.restart();
}

it.each([
  ['before', false],
  ['behind', true],
])('a worktree is made once, killed %s each step of it', async (_, after) => {
  trees = await new Trees().begin();
  const { task: measured } = await trees.task('measured');
  const steps = await stepsOf(() => trees.worktrees.open(measured));
  expect(steps).toBeGreaterThan(8);
  expect(steps).toBeLessThan(MOST);
  for (let step = 1; step <= steps; step++) {
    const { task } = await trees.task(`t${step}`);
    await killedAt(step, after, () => trees.worktrees.open(task));
    expect(await trees.worktrees.open(task)).toEqual({ kind: 'ready', cwd: trees.path(task.id) });
    expect(trees.gitIn(trees.path(task.id), 'symbolic-ref', '--short', 'HEAD')).toBe(`yardmaster/t${step}`);
    expect(trees.gitIn(trees.path(task.id), 'status', '--porcelain')).toBe('');
  }
  expect(trees.branches()).toHaveLength(1 + 1 + steps); // main, the measured one, one each
  expect(trees.git('worktree', 'list').split('\n')).toHaveLength(1 + 1 + steps);
});

it.each([
  ['before', false],
  ['behind', true],
])('a worktree goes whole, killed %s each step of it; its commits stay', async (_, after) => {
  trees = await new Trees().begin();
  const worked = async (id: string) => {
    const { cwd, lease } = await trees.opened(id);
    trees.write(`${id}.txt`, id, cwd);
    return { lease, tip: trees.commit(id, cwd) };
  };
  const measured = await worked('measured');
  const steps = await stepsOf(async () => {
    await trees.done(measured.lease);
    await trees.gone('measured');
  });
  expect(steps).toBeGreaterThan(8);
  expect(steps).toBeLessThan(MOST);
  for (let step = 1; step <= steps; step++) {
    const { lease, tip } = await worked(`t${step}`);
    trees.killAt(step, after);
    await trees.done(lease);
    await trees.restart(); // when all has come to its end that was under way
    await trees.gone(`t${step}`);
    expect(trees.git('rev-parse', `yardmaster/t${step}`)).toBe(tip);
  }
  expect(trees.store.notes).toEqual([]);
});

it('what was killed in the middle of a checkout is made again', async () => {
  trees = await new Trees().begin();
  trees.write('big/file.txt', 'big');
  trees.commit('big');
  const { task } = await trees.task('a');
  trees.killBefore('worktree add');
  await expect(trees.worktrees.open(task)).rejects.toThrow(Killed);
  const path = trees.path('a');
  trees.git('worktree', 'add', '-q', '--lock', '--reason', 'initializing', path, 'yardmaster/a');
  rmSync(join(path, 'big'), { recursive: true });
  await trees.restart();
  expect(await trees.worktrees.open(task)).toEqual({ kind: 'ready', cwd: path });
  expect(trees.read(join(path, 'big/file.txt'))).toBe('big');
});

async function halfRemoved(): Promise<string> {
  trees.write('more/file.txt', 'more');
  trees.commit('more');
  const { cwd, lease } = await trees.opened('a');
  trees.write('a.txt', 'a', cwd);
  trees.commit('by a', cwd);
  await trees.worktrees.stop();
  await trees.done(lease);
  const record = JSON.parse(trees.read(trees.record('a')));
  trees.write(trees.record('a'), JSON.stringify({ ...record, phase: 'removing' }), '/');
  rmSync(join(cwd, '.git'));
  rmSync(join(cwd, 'more'), { recursive: true });
  return cwd;
}

it('what was killed in the middle of a removal is removed', async () => {
  trees = await new Trees().begin();
  await halfRemoved();
  await trees.restart();
  await trees.gone('a');
  expect(trees.store.notes).toEqual([]);
});

it('what was killed in the middle of a removal is whole again for a task that goes on in it, with what a person has put there', async () => {
  trees = await new Trees().begin();
  const cwd = await halfRemoved();
  trees.write('README.md', 'changed by a person', cwd);
  await trees.restart();
  const { task } = await trees.task('b', { continues: 'a' as never });
  expect(await trees.worktrees.open(task)).toEqual({ kind: 'ready', cwd });
  expect(trees.read(join(cwd, 'README.md'))).toBe('changed by a person');
});
