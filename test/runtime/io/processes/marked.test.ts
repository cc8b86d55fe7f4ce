import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { markedProcesses } from '../../../../src/runtime/io/processes/marked.ts';
import { procTable, psTable } from '../../../../src/runtime/io/processes/proc.ts';
import { dies, pidIn, ready, runs, stranger, supervisorOf, world } from './world.ts';

async function folder(): Promise<string> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'yard-märked-')));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

it('finds what says that it belongs to a run in this folder, and nothing else', async () => {
  const home = await folder();
  const pid = stranger({ YARDMASTER_RUN_DIR: `${home}/p/a/1` });
  stranger({ YARDMASTER_RUN_DIR: `${home}-other/p/a/1` });
  await expect
    .poll(() => markedProcesses(procTable).within(home))
    .toMatchObject([
      { pid, command: 'sleep 1000', run_dir: `${home}/p/a/1`, start: (await procTable.look(pid))?.start },
    ]);
  const [found] = (await markedProcesses(procTable).within(home)) ?? [];
  expect(Math.abs((found?.begun_at ?? 0) - Date.now())).toBeLessThan(60_000);
});

it('ends just the process that was seen', async () => {
  const home = await folder();
  const pid = stranger({ YARDMASTER_RUN_DIR: `${home}/p/a/1` });
  const processes = markedProcesses(procTable);
  await expect.poll(() => processes.within(home)).toHaveLength(1);
  const [found] = (await processes.within(home)) ?? [];
  if (!found) throw new Error('it was not found');
  expect(await processes.end([{ ...found, start: '1' }], 0)).toHaveLength(1); // that one is gone long since
  expect(await runs(pid)).toBe(true);
  expect(await processes.end([found], 1_000)).toEqual([found]);
  expect(await runs(pid)).toBe(false);
});

it('is not asked where the environment of others can not be read', async () => {
  expect(await markedProcesses(psTable).within('/')).toBeUndefined();
});

it('a run that said all was well is cleared of what it left, when it turns out that it was not', async () => {
  const { runner, root, dir, order } = await world();
  await runner.start(order('leaves-children.sh', '0'));
  expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 0 });
  const child = await pidIn(join(root, 'session.pid'));
  expect(await runs(child)).toBe(true);
  await runner.clear(dir);
  expect(await runs(child)).toBe(false);
});

it('a torn owner record does not hide what has left the agent’s group', async () => {
  const { runner, root, dir, order } = await world();
  await runner.start(order('leaves-children.sh', 'hang'));
  await ready(dir);
  const child = await pidIn(join(root, 'session.pid'));
  const owner = await supervisorOf(dir);
  await writeFile(join(dir, 'owner'), (await readFile(join(dir, 'owner'), 'utf8')).slice(0, 10));
  process.kill(owner.pid, 'SIGKILL');
  expect(await runner.recover(dir)).toMatchObject({ kind: 'lost' });
  await dies(child);
});
