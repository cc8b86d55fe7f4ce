import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { agentOf, dies, orderIn, ready, recorded, runs, supervisor, supervisorOf, world } from './world.ts';

const LOST = { kind: 'lost', reason: 'its supervisor died without leaving an exit record' };

describe('a supervisor', () => {
  it('cares for many runs at once, and no descriptor stays behind', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('hangs.sh'));
    await ready(dir);
    const { pid } = await supervisorOf(dir);
    const before = readdirSync(`/proc/${pid}/fd`).length;
    const dirs = Array.from({ length: 60 }, (_, n) => join(root, `run-${n}`));
    const ends = await Promise.all(
      dirs.map(async (one, n) => {
        await runner.start(orderIn(root, one, ['crashes.sh', String(n)]));
        return runner.ended(one);
      }),
    );
    expect(ends).toMatchObject(dirs.map((_, code) => ({ kind: 'exited', code })));
    for (const one of dirs) await recorded(one);
    for (const one of dirs) expect((await supervisorOf(one)).pid).toBe(pid);
    await expect.poll(() => readdirSync(`/proc/${pid}/fd`).length).toBe(before);
  });

  it('ends when its runtime is gone and its last run is over', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('waits.sh', join(root, 'go'), '3'));
    await ready(dir);
    const { pid } = await supervisorOf(dir);
    await runner.close();
    expect(await runs(pid)).toBe(true);
    await once(spawn('touch', [join(root, 'go')]), 'exit');
    await recorded(dir);
    await dies(pid);
  });

  it('is let go when nothing runs, and another comes with the next run', async () => {
    const { runner, root, dir, order } = await world({ idleMs: 100 });
    await runner.start(order('finishes.sh'));
    await runner.ended(dir);
    const { pid } = await supervisorOf(dir);
    await dies(pid);
    const next = join(root, 'next');
    expect(await runner.start(orderIn(root, next, ['finishes.sh']))).toEqual({ kind: 'started' });
    expect(await runner.ended(next)).toMatchObject({ code: 0 });
    expect((await supervisorOf(next)).pid).not.toBe(pid);
  });

  it('that speaks another version starts nothing', async () => {
    const { root, dir } = await world();
    const other = spawn(process.execPath, [supervisor, 'proc'], { stdio: ['pipe', 'pipe', 'ignore'] });
    const [input, output] = [other.stdin as Writable, other.stdout as Readable];
    input.end(`${JSON.stringify({ talk: 0, id: 7, dir, program: '/bin/touch', args: [join(root, 'started')] })}\n`);
    const [answer] = await once(output, 'data');
    expect(JSON.parse(String(answer))).toMatchObject({
      id: 7,
      kind: 'refused',
      reason: expect.stringContaining('restart'),
    });
    await expect(stat(join(root, 'started'))).rejects.toThrow('ENOENT');
  });
});

describe('a supervisor that is killed', () => {
  it('ends all its runs, and another one takes the next', async () => {
    const { runner, root, dir, order } = await world();
    const second = join(root, 'second');
    await runner.start(order('ignores-term.sh'));
    await runner.start(orderIn(root, second, ['ignores-term.sh']));
    await Promise.all([ready(dir), ready(second)]);
    const agents = [await agentOf(dir), await agentOf(second)];
    process.kill((await supervisorOf(dir)).pid, 'SIGKILL');
    expect(await Promise.all([runner.ended(dir), runner.ended(second)])).toEqual([LOST, LOST]);
    for (const { pid } of agents) expect(await runs(pid)).toBe(false);
    const next = join(root, 'next');
    expect(await runner.start(orderIn(root, next, ['finishes.sh']))).toEqual({ kind: 'started' });
    expect(await runner.ended(next)).toMatchObject({ code: 0 });
  });

  it('at any moment of a start, leaves no agent behind and nothing undecided, twenty times', {
    timeout: 120_000,
  }, async () => {
    const { runner, root } = await world();
    for (let round = 0; round < 20; round++) {
      const first = join(root, `first-${round}`);
      await runner.start(orderIn(root, first, ['finishes.sh'])); // so that it is there
      const one = join(root, `run-${round}`);
      const mark = join(root, `mark-${round}`);
      const starting = runner.start(orderIn(root, one, ['sh', '-c', `echo $$ >>${mark}; exec sleep 1000`]));
      const due = performance.now() + round * 0.25;
      while (performance.now() < due) await new Promise(setImmediate);
      process.kill((await supervisorOf(first)).pid, 'SIGKILL');
      const started = await starting;
      if (started.kind === 'started') expect(await runner.ended(one)).toEqual(LOST);
      else expect(await runner.recover(one)).toEqual({ kind: 'never_started' });
      const pids = (await readFile(mark, 'utf8').catch(() => '')).split('\n').filter(Boolean);
      expect(pids.length).toBeLessThan(2);
      for (const pid of pids) expect(await runs(Number(pid))).toBe(false);
    }
  });
});

it('a supervisor that does not answer loses the run, and starts it never', { timeout: 60_000 }, async () => {
  const { runner, root, dir, order } = await world({ answerMs: 4_000 });
  await runner.start(order('hangs.sh'));
  await ready(dir);
  const { pid } = await supervisorOf(dir);
  process.kill(pid, 'SIGSTOP');
  const asked = join(root, 'asked');
  const mark = join(root, 'mark');
  expect(await runner.start(orderIn(root, asked, ['counts.sh', mark]))).toMatchObject({ kind: 'refused' });
  expect(await runner.recover(asked)).toEqual({ kind: 'never_started' });
  const next = join(root, 'next');
  expect(await runner.start(orderIn(root, next, ['finishes.sh']))).toEqual({ kind: 'started' });
  expect((await supervisorOf(next)).pid).not.toBe(pid);
  process.kill(pid, 'SIGCONT'); // it finds the order, and a fence
  expect(await runner.stop(dir, 5_000)).toMatchObject({ kind: 'exited', code: 143 });
  await dies(pid); // nobody asks it any more
  await expect(stat(mark)).rejects.toThrow('ENOENT');
});
