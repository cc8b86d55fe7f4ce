import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isAlive, procTable, psTable } from '../../../../src/runtime/io/processes/proc.ts';
import { readOwner } from '../../../../src/runtime/io/processes/records.ts';
import type { Runner } from '../../../../src/runtime/ports.ts';
import { agentsDir, another, dies, pidIn, runs, world } from './world.ts';

/** Starts it as a terminal does: in a session of its own, and nobody of ours waits for it. */
function started(runner: Runner, dir: string, run: string, argv: [string, ...string[]], cwd: string): ChildProcess {
  const [program, ...args] = runner.enclose(dir, run, argv);
  const env = { PATH: `${agentsDir}:${process.env.PATH}`, YARDMASTER_RUN: run };
  const child = spawn(program, args, { cwd, env, detached: true, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function begun(dir: string) {
  await expect.poll(() => existsSync(join(dir, 'owner')), { timeout: 15_000 }).toBe(true);
  const owned = await readOwner(dir);
  if (owned.kind !== 'itself') throw new Error(`owned by ${owned.kind}`);
  return owned.owner;
}

describe('a program that a terminal starts', () => {
  it.each([
    ['/proc', procTable],
    ['ps', psTable],
  ])('is the owner of its run, as %s sees it', async (_, table) => {
    const { root, dir, runner } = await world({ table });
    await mkdir(dir);
    const child = started(runner, dir, 'run-a1', ['hangs.sh'], root);
    const owner = await begun(dir);
    expect(owner).toMatchObject({ pid: child.pid, run: 'run-a1', boot: await table.boot() });
    expect(await isAlive(table, owner)).toBe(true);
    expect((await stat(join(dir, 'owner'))).mode & 0o777).toBe(0o600);
    expect(await another({ table }).recover(dir)).toEqual({ kind: 'running', pid: child.pid });
    expect(await readdir(dir)).toEqual(['owner']);
  });

  it('keeps its arguments and its environment as they are', async () => {
    const { root, dir, runner } = await world();
    await mkdir(dir);
    const odd = ['a b', '$(touch no)', "it's", '', '-n', '#{pane_id}', 'two\nlines'];
    const child = started(runner, dir, 'run-a1', ['sh', '-c', 'printf "%s|" "$@" >seen; env >env', 'sh', ...odd], root);
    await once(child, 'exit');
    expect(await readFile(join(root, 'seen'), 'utf8')).toBe(`${odd.join('|')}|`);
    const env = await readFile(join(root, 'env'), 'utf8');
    expect(env).toContain(`PATH=${agentsDir}:${process.env.PATH}\n`);
    expect(env).not.toContain('_ym_');
  });

  it('does not begin where its run is fenced', async () => {
    const { root, dir, runner } = await world();
    expect(await runner.recover(dir)).toEqual({ kind: 'never_started' });
    const child = started(runner, dir, 'run-a1', ['counts.sh', join(root, 'mark')], root);
    expect(await once(child, 'exit')).toEqual([125, null]);
    expect(existsSync(join(root, 'mark'))).toBe(false);
    expect(await runner.recover(dir)).toEqual({ kind: 'never_started' });
  });

  it('does not begin where its run directory is gone', async () => {
    const { root, dir, runner } = await world();
    const child = started(runner, dir, 'run-a1', ['counts.sh', join(root, 'mark')], root);
    expect(await once(child, 'exit')).toEqual([125, null]);
    expect(existsSync(join(root, 'mark'))).toBe(false);
  });

  it('that is no program at all has ended', async () => {
    const { root, dir, runner } = await world();
    await mkdir(dir);
    const child = started(runner, dir, 'run-a1', ['there-is-no-such-program'], root);
    expect(await once(child, 'exit')).toEqual([127, null]);
    expect(await runner.look(dir)).toEqual({ kind: 'lost', reason: 'its process has ended' });
  });
});

describe('of starts and recoveries that race', () => {
  it('one decides, a hundred times', async () => {
    const { root, runner } = await world();
    const rival = another();
    const outcomes = new Set<string>();
    for (let round = 0; round < 100; round++) {
      const dir = join(root, `run-${round}`);
      const mark = join(root, `mark-${round}`);
      await mkdir(dir);
      const child = started(runner, dir, `run-${round}`, ['counts.sh', mark], root);
      const exit = once(child, 'exit');
      const due = performance.now() + (round % 25) * 0.5; // from before the shell runs to after the program has begun
      while (performance.now() < due) await new Promise(setImmediate);
      const { kind } = await rival.recover(dir);
      const [code] = await exit;
      outcomes.add(kind);
      expect(code).toBe(kind === 'never_started' ? 125 : 0);
      expect(existsSync(mark)).toBe(kind !== 'never_started');
      if (kind !== 'never_started') expect(await readFile(mark, 'utf8')).toBe('started\n');
    }
    expect(outcomes).toContain('never_started'); // the race was one
    expect(outcomes.size).toBeGreaterThan(1);
  });

  it('of four starts with two recoveries among them the program begins once or never, thirty times', async () => {
    const { root, runner } = await world();
    for (let round = 0; round < 30; round++) {
      const dir = join(root, `run-${round}`);
      const mark = join(root, `mark-${round}`);
      await mkdir(dir);
      const start = () => once(started(runner, dir, `run-${round}`, ['counts.sh', mark], root), 'exit');
      const starts = [start(), start(), start(), start()];
      const due = performance.now() + (round % 15) * 0.8;
      while (performance.now() < due) await new Promise(setImmediate);
      const found = await Promise.all([another().recover(dir), another().recover(dir)]);
      const codes = (await Promise.all(starts)).map(([code]) => code as number | null);
      const fenced = found.some(({ kind }) => kind === 'never_started');
      // A late start may also have been killed, as something that was left of the run.
      expect(codes.filter((code) => code !== 125 && code !== null)).toEqual(fenced ? [] : [0]);
      expect(existsSync(mark) ? await readFile(mark, 'utf8') : '').toBe(fenced ? '' : 'started\n');
    }
  });
});

describe('a run that nobody supervises', () => {
  it('is looked at without being decided about', async () => {
    const { root, dir, runner } = await world();
    await mkdir(dir);
    expect(await runner.look(dir)).toEqual({ kind: 'not_begun' });
    const child = started(runner, dir, 'run-a1', ['hangs.sh'], root);
    await begun(dir);
    expect(await runner.look(dir)).toEqual({ kind: 'running', pid: child.pid });
  });

  it('has ended as soon as somebody looks', async () => {
    const { root, dir, runner } = await world({ pollMs: 3_600_000 });
    await mkdir(dir);
    const child = started(runner, dir, 'run-a1', ['hangs.sh'], root);
    await begun(dir);
    const ended = runner.ended(dir);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lost = { kind: 'lost', reason: 'its process has ended' };
    expect(await runner.look(dir)).toEqual(lost);
    expect(await ended).toEqual(lost);
  });

  it('is stopped at once when it obeys, and killed when it does not', async () => {
    const { root, runner, dir } = await world();
    await mkdir(dir);
    await mkdir(join(root, 'second'));
    const child = started(runner, dir, 'run-a1', ['hangs.sh'], root);
    await begun(dir);
    const asked = performance.now();
    expect(await runner.stop(dir, 60_000)).toEqual({ kind: 'lost', reason: 'it was stopped' });
    expect(performance.now() - asked).toBeLessThan(20_000);
    expect(await runs(child.pid ?? 0)).toBe(false);
    const stubborn = started(runner, join(root, 'second'), 'run-a2', ['ignores-term.sh'], root);
    await begun(join(root, 'second'));
    await runner.stop(join(root, 'second'), 200);
    expect(await runs(stubborn.pid ?? 0)).toBe(false);
  });

  it('takes all that it has started along', async () => {
    const { root, runner, dir } = await world();
    await mkdir(dir);
    const child = started(runner, dir, 'run-a1', ['leaves-children.sh', 'hang'], root);
    const children = [await pidIn(join(root, 'group.pid')), await pidIn(join(root, 'session.pid'))];
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await Promise.all(children.map(runs))).toEqual([true, true]);
    expect(await runner.recover(dir)).toMatchObject({ kind: 'lost' });
    for (const one of children) await dies(one);
  });

  it('that is done is dismissed alone: what it has started for good stays', async () => {
    const { root, runner, dir } = await world();
    await mkdir(dir);
    const child = started(runner, dir, 'run-a1', ['leaves-children.sh', 'hang'], root);
    const server = await pidIn(join(root, 'session.pid'));
    await runner.dismiss(dir, 10_000);
    expect(await runs(child.pid ?? 0)).toBe(false);
    expect(await runs(server)).toBe(true);
    await runner.stop(dir, 0);
    await dies(server);
  });

  it('did not survive a restart of the machine, whatever has its number now', async () => {
    const { root, dir, runner } = await world();
    await mkdir(dir);
    const child = started(runner, dir, 'run-a1', ['hangs.sh'], root);
    const owner = await begun(dir);
    await writeFile(join(dir, 'owner'), JSON.stringify({ ...owner, boot: 'another' }));
    expect(await runner.recover(dir)).toEqual({ kind: 'lost', reason: 'the machine was restarted' });
    expect(await runs(child.pid ?? 0)).toBe(true);
  });
});
