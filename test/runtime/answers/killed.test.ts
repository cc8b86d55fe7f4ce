import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import type { Checked } from '../../../src/runtime/work.ts';
import { FILE, Killed, newFile, patchTo, saying, World } from './world.ts';

/* A kill behind each command of git and each file in the home, from the answer to its end: what follows ends the same. */

vi.setConfig({ testTimeout: 600_000 }); // dozens of judgements, each with dozens of commands of git

let world: World;
afterEach(() => world.end());

const ANSWER = saying(patchTo('zwei') + newFile('new.txt', 'new'));
/** It tells each of its runs. */
const verify = () => `sh -c 'echo run >> ${join(world.root, 'runs')}-$YARDMASTER_TASK; grep -q zwei src/a.txt'`;
const runs = (id: string) =>
  readFileSync(join(world.root, `runs-${id}`), 'utf8')
    .split('\n')
    .filter(Boolean);

async function killed(judging: Promise<Checked>): Promise<void> {
  await judging.catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error;
  });
  await world.restart();
}

function isWhole(id: string): void {
  expect(world.commits(id)).toEqual([`Do ${id}`]);
  expect(world.git('show', `yardmaster/${id}:src/a.txt`)).toBe('one\nzwei\nthree');
  expect(world.gitIn(world.path(id), 'status', '--porcelain')).toBe('');
  expect(runs(id)).toEqual(['run']);
}

it('makes one commit and one check of an answer', async () => {
  world = await new World().begin();
  const measured = await world.task('measured', { verify: verify() });
  await world.worktrees.open(measured.task); // how that survives a kill is shown beside it
  const began = world.steps;
  expect(await world.judge(measured, ANSWER)).toMatchObject({ kind: 'done', outcome: { verified: 'passed' } });
  const steps = world.steps - began;
  isWhole('measured');
  expect(steps).toBeGreaterThan(20);
  for (let step = 1; step <= steps; step++) {
    const at = await world.task(`t${step}`, { verify: verify() });
    await world.worktrees.open(at.task);
    world.killBehind(step);
    await killed(world.judge(at, ANSWER));
    expect(await world.judge(at, ANSWER), `step ${step}`).toMatchObject({
      kind: 'done',
      outcome: { verified: 'passed', patch: { files: 2 }, workspace: { commits: 1 } },
    });
    isWhole(`t${step}`);
    await world.store.end(at.lease, { kind: 'finished', outcome: { state: 'done', result: '' } });
  }
  expect(world.git('for-each-ref', 'refs/yardmaster/aside')).toBe('');
  expect(world.git('status', '--porcelain')).toBe('');
});

it('what a killed git has left half done is made whole; its lock holds up nobody', async () => {
  world = await new World().begin();
  const at = await world.task('a', { verify: verify() });
  world.killBefore('reset --hard --quiet');
  await killed(world.judge(at, ANSWER));
  world.write('new.txt', 'ne', world.path('a'));
  world.write('src/a.txt', 'one\nzw', world.path('a'));
  world.write(`.git/worktrees/a/index.lock`, '');
  expect(await world.judge(at, ANSWER)).toMatchObject({ kind: 'done', outcome: { verified: 'passed' } });
  isWhole('a');
  expect(world.git('for-each-ref', 'refs/yardmaster/aside').split('\n')).toHaveLength(2); // it might have been a person's
});

it('an answer that goes back leaves its worktree as it was, killed behind each step of that', async () => {
  world = await new World().begin();
  const failing = () => verify().replace('grep -q zwei', 'grep -q drei');
  const measured = await world.task('measured', { verify: failing() });
  await world.worktrees.open(measured.task);
  const began = world.steps;
  expect(await world.judge(measured, ANSWER)).toMatchObject({ kind: 'failed', failure: { class: 'verify' } });
  const steps = world.steps - began;
  for (let step = steps - 12; step <= steps; step++) {
    const at = await world.task(`t${step}`, { verify: failing() });
    await world.worktrees.open(at.task);
    world.killBehind(step);
    await killed(world.judge(at, ANSWER));
    expect(await world.judge(at, ANSWER)).toMatchObject({ kind: 'failed', failure: { class: 'verify' } });
    expect(runs(`t${step}`)).toEqual(['run']);
    expect(world.commits(`t${step}`)).toEqual([]);
    expect(world.read(join(world.path(`t${step}`), 'src/a.txt'))).toBe(FILE);
    await world.store.end(at.lease, { kind: 'finished', outcome: { state: 'cancelled', reason: 'enough' } });
  }
});
