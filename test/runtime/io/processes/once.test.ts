import { type ChildProcess, spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { prepare } from '../../../../src/runtime/io/processes/order.ts';
import { procTable } from '../../../../src/runtime/io/processes/proc.ts';
import { wrapperArguments, wrapperEnvironment } from '../../../../src/runtime/io/processes/spawn.ts';
import { another, orderIn, ready, world } from './world.ts';

it('of two wrappers that race for one run directory exactly one starts the agent, fifty times', async () => {
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
    const due = performance.now() + (round % 20) * 0.3; // from before the wrapper is there to after it has begun
    while (performance.now() < due) await new Promise(setImmediate);
    const [started, recovered] = await Promise.all([starting, rival.recover(dir)]);
    expect(started.kind === 'started').toBe(recovered.kind !== 'never_started');
    if (started.kind === 'started') expect(await rival.ended(dir)).toMatchObject({ code: 0 });
    else await expect(stat(mark)).rejects.toThrow('ENOENT');
  }
});

it('a runtime killed with SIGKILL does not take its runs along', async () => {
  const { root, dir, runner } = await world();
  const order = orderIn(root, dir, ['waits.sh', join(root, 'go'), '6']);
  const runtime = await runtimeThatStarts(order);
  await ready(dir);
  const gone = new Promise((resolve) => runtime.once('exit', resolve));
  runtime.kill('SIGKILL');
  await gone;
  expect(await runner.recover(dir)).toEqual({ kind: 'running' });
  const ended = runner.ended(dir);
  spawn('touch', [join(root, 'go')]);
  expect(await ended).toMatchObject({ kind: 'exited', code: 6 });
});

/** A process of its own that starts the wrapper in the same way and then does nothing. */
async function runtimeThatStarts(order: ReturnType<typeof orderIn>): Promise<ChildProcess> {
  const prepared = await prepare(order);
  if ('refused' in prepared) throw new Error(prepared.refused);
  const program = `
    const { args, order, env } = JSON.parse(process.argv[1]);
    require('node:fs').mkdirSync(order.dir);
    require('node:child_process').spawn('/bin/sh', args,
      { cwd: order.cwd, env, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
    setInterval(() => {}, 1000);`;
  const run = 'run-of-the-dead';
  const args = wrapperArguments(order, prepared, 'proc', await procTable.boot(), run);
  const env = wrapperEnvironment(order, run);
  return spawn(process.execPath, ['-e', program, JSON.stringify({ args, order, env })], { stdio: 'ignore' });
}
