import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { RunOrder } from '../../../../src/runtime/ports.ts';
import { another, orderIn, ready, supervisor, world } from './world.ts';

const runnerModule = new URL('./runner.js', `file://${supervisor}`).href;

it('of two supervisors that race for one run directory exactly one starts the agent, fifty times', async () => {
  const { root, runner } = await world();
  const rival = another();
  for (let round = 0; round < 50; round++) {
    const dir = join(root, `run-${round}`);
    const mark = join(root, `mark-${round}`);
    const order = orderIn(root, dir, ['counts.sh', mark]);
    const kinds = (await Promise.all([runner.start(order), rival.start(order)])).map((started) => started.kind);
    expect(kinds.sort()).toEqual(['refused', 'started']);
    expect(await runner.ended(dir)).toMatchObject({ code: 0 });
    expect(await readFile(mark, 'utf8')).toBe('started\n');
  }
});

it('of a start and a recovery that race exactly one decides, sixty times', async () => {
  const { root, runner } = await world();
  const rival = another();
  for (let round = 0; round < 60; round++) {
    const dir = join(root, `run-${round}`);
    const mark = join(root, `mark-${round}`);
    const starting = runner.start(orderIn(root, dir, ['counts.sh', mark]));
    const due = performance.now() + (round % 20) * 0.3; // from before it is claimed to after it has begun
    while (performance.now() < due) await new Promise(setImmediate);
    const [started, recovered] = await Promise.all([starting, rival.recover(dir)]);
    expect(started.kind === 'started').toBe(recovered.kind !== 'never_started');
    if (started.kind === 'started') expect(await rival.ended(dir)).toMatchObject({ code: 0 });
    else await expect(stat(mark)).rejects.toThrow('ENOENT');
  }
});

it('a runtime killed with SIGKILL does not take its runs along', async () => {
  const { root, dir, runner } = await world();
  const runtime = runtimeThatStarts(orderIn(root, dir, ['waits.sh', join(root, 'go'), '6']));
  await ready(dir);
  await killed(runtime);
  expect(await runner.recover(dir)).toEqual({ kind: 'running' });
  const ended = runner.ended(dir);
  spawn('touch', [join(root, 'go')]);
  expect(await ended).toMatchObject({ kind: 'exited', code: 6 });
});

it('a runtime killed at any moment of a start leaves a run that is decided once, twenty times', {
  timeout: 120_000,
}, async () => {
  const { root, runner } = await world();
  for (let round = 0; round < 20; round++) {
    const dir = join(root, `run-${round}`);
    const mark = join(root, `mark-${round}`);
    const runtime = runtimeThatStarts(orderIn(root, dir, ['counts.sh', mark]));
    await once(runtime.stdout as Readable, 'data'); // it asks now, and its supervisor takes some time to be there
    if (round % 4 === 3) await expect.poll(() => existsSync(join(dir, 'owner')), { timeout: 15_000 }).toBe(true);
    else await wait(round * 8);
    await killed(runtime);
    const { kind } = await runner.recover(dir);
    if (kind === 'never_started') await expect(stat(mark)).rejects.toThrow('ENOENT');
    else {
      expect(await runner.ended(dir)).toMatchObject({ code: 0 });
      expect(await readFile(mark, 'utf8')).toBe('started\n');
    }
  }
});

/** A process of its own that starts the run and then does nothing. */
function runtimeThatStarts(order: RunOrder): ChildProcess {
  const program = `
    const { createRunner } = await import(${JSON.stringify(runnerModule)});
    const { supervisor, order } = JSON.parse(process.argv[1]);
    const started = createRunner({ supervisor }).start(order);
    process.stdout.write('asked');
    await started;
    setInterval(() => {}, 1000);`;
  const args = ['--input-type=module', '-e', program, JSON.stringify({ supervisor, order })];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
}

async function killed(process: ChildProcess): Promise<void> {
  const gone = once(process, 'exit');
  process.kill('SIGKILL');
  await gone;
}
