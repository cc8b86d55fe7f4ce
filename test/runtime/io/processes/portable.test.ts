import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAlive, procTable, psTable } from '../../../../src/runtime/io/processes/proc.ts';
import { agentOf, another, ready, stranger, supervisorOf, world } from './world.ts';

describe('without /proc', () => {
  it('ps tells the same of a process to us and to the supervisor', async () => {
    const { runner, dir, order } = await world({ table: psTable });
    await runner.start(order('hangs.sh'));
    await ready(dir);
    expect((await agentOf(dir)).start).toMatch(/^\w{3} \w{3} \d+ [\d:]{8} \d{4}$/);
    expect(await isAlive(psTable, await supervisorOf(dir))).toBe(true);
    expect(await isAlive(psTable, await agentOf(dir))).toBe(true);
    expect(await another({ table: psTable }).recover(dir)).toEqual({ kind: 'running' });
    expect(await runner.stop(dir, 5_000)).toMatchObject({ code: 143 });
    expect(await isAlive(psTable, await agentOf(dir))).toBe(false);
  });

  it('a killed supervisor is still proven dead and its agent ended', async () => {
    const { runner, dir, order } = await world({ table: psTable });
    await runner.start(order('ignores-term.sh'));
    await ready(dir);
    const agent = await agentOf(dir);
    process.kill((await supervisorOf(dir)).pid, 'SIGKILL');
    expect(await runner.ended(dir)).toMatchObject({ kind: 'lost' });
    expect(await isAlive(psTable, agent)).toBe(false);
  });
});

it('a process that is dead but not collected counts as dead', async () => {
  const boot = await procTable.boot();
  const parent = stranger();
  const seen = await procTable.look(parent);
  expect(await isAlive(procTable, { pid: parent, start: seen?.start ?? '', boot })).toBe(true);
  const zombie = await zombieOf();
  const left = await procTable.look(zombie);
  expect(left?.zombie).toBe(true);
  expect(await isAlive(procTable, { pid: zombie, start: left?.start ?? '', boot })).toBe(false);
});

/** A child whose parent has stopped caring for children. */
async function zombieOf(): Promise<number> {
  const { runner, root, dir, order } = await world();
  await runner.start(order('sh', '-c', 'sleep 0.3 & echo $! >zombie.pid; echo ready; exec sleep 1000'));
  await ready(dir);
  const pid = Number(await readFile(join(root, 'zombie.pid'), 'utf8'));
  await expect.poll(async () => (await procTable.look(pid))?.zombie).toBe(true);
  return pid;
}
