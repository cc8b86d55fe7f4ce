import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { procTable } from '../../../../src/runtime/io/processes/proc.ts';
import { agentOf, another, dies, pidIn, ready, recorded, runs, stranger, supervisorOf, world } from './world.ts';

const LOST = { kind: 'lost', reason: 'its supervisor died without leaving an exit record' };

describe('after a restart of the runtime', () => {
  it('a run goes on and is adopted until its end', async () => {
    const { runner, root, dir, order } = await world();
    const go = join(root, 'go');
    await runner.start(order('waits.sh', go, '4'));
    await ready(dir);
    await runner.close();
    const next = another({ pollMs: 60_000 }); // only the hint can be this quick
    expect(await next.recover(dir)).toEqual({ kind: 'running' });
    const ended = next.ended(dir);
    await writeFile(go, '');
    expect(await ended).toMatchObject({ kind: 'exited', code: 4 });
  });

  it('a claim that crashed before its start is fenced and never starts', async () => {
    const { runner, dir, order } = await world();
    await mkdir(dir);
    expect(await runner.recover(dir)).toEqual({ kind: 'never_started' });
    expect(await runner.recover(dir)).toEqual({ kind: 'never_started' });
    expect(await runner.start(order('finishes.sh'))).toMatchObject({ kind: 'refused' });
    await expect(stat(join(dir, 'agent'))).rejects.toThrow('ENOENT');
  });

  it('a runtime that was closed says nothing about runs that go on', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('hangs.sh'));
    await ready(dir);
    let said = false;
    void runner.ended(dir).then(() => (said = true));
    await runner.close();
    await another().stop(dir, 5_000);
    expect(said).toBe(false);
  });
});

describe('proof of death', () => {
  it('of a killed supervisor ends its agent and all that the agent started', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('leaves-children.sh', 'hang'));
    await ready(dir);
    const children = [await pidIn(join(root, 'group.pid')), await pidIn(join(root, 'session.pid'))];
    const agent = await agentOf(dir);
    process.kill((await supervisorOf(dir)).pid, 'SIGKILL');
    expect(await runner.ended(dir)).toEqual(LOST);
    for (const pid of [agent.pid, ...children]) expect(await runs(pid)).toBe(false);
    expect(await another().recover(dir)).toEqual(LOST);
  });

  it('is found for an adopted run too', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('ignores-term.sh'));
    await ready(dir);
    await runner.close();
    const ended = another().ended(dir);
    process.kill((await supervisorOf(dir)).pid, 'SIGKILL');
    expect(await ended).toEqual(LOST);
    expect(await runs((await agentOf(dir)).pid)).toBe(false);
  });

  it('of a killed agent is its exit record', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('hangs.sh'));
    await ready(dir);
    process.kill((await agentOf(dir)).pid, 'SIGKILL');
    expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 137, signal: 'SIGKILL' });
  });

  it('covers a supervisor that was killed before its agent had a record', async () => {
    const { runner, dir } = await world();
    const orphan = stranger({ YARDMASTER_RUN: 'run-1' });
    const other = stranger({ YARDMASTER_RUN: 'run-11' });
    const unborn = stranger({ YARDMASTER_SUPERVISOR: 'supervisor-1' }); // forked, and not the agent yet
    await owned(dir, { pid: await deadPid(), start: '1', boot: await procTable.boot(), run: 'run-1' });
    expect(await runner.recover(dir)).toEqual(LOST);
    await dies(orphan);
    await dies(unborn);
    expect(await runs(other)).toBe(true);
  });

  it('is not a live process that got the same pid later', async () => {
    const { runner, dir } = await world();
    const boot = await procTable.boot();
    const [owner, agent] = [stranger(), stranger()];
    await owned(dir, { pid: owner, start: '1', boot, run: 'run-2' });
    await writeFile(join(dir, 'agent'), JSON.stringify({ pid: agent, start: '1', boot }));
    expect(await runner.recover(dir)).toEqual(LOST);
    expect([await runs(owner), await runs(agent)]).toEqual([true, true]);
  });

  it('is another boot of the machine, and nothing of this boot is touched', async () => {
    const { runner, dir } = await world();
    const pid = stranger({ YARDMASTER_RUN: 'run-3' });
    const start = (await procTable.look(pid))?.start ?? '';
    await owned(dir, { pid, start, boot: 'another-boot', run: 'run-3' });
    await writeFile(join(dir, 'agent'), JSON.stringify({ pid, start, boot: 'another-boot' }));
    expect(await runner.recover(dir)).toEqual({ kind: 'lost', reason: 'the machine was restarted' });
    expect(await runs(pid)).toBe(true);
  });

  it('is a torn or missing owner record of what was started', async () => {
    const torn = await world();
    await mkdir(torn.dir);
    await writeFile(join(torn.dir, 'owner'), '');
    expect(await torn.runner.recover(torn.dir)).toMatchObject({ kind: 'lost' });
    const missing = await world();
    await missing.runner.start(missing.order('ignores-term.sh'));
    await ready(missing.dir);
    await rm(join(missing.dir, 'owner'));
    expect(await missing.runner.recover(missing.dir)).toMatchObject({ kind: 'lost' });
    await dies((await agentOf(missing.dir)).pid);
  });

  it('is not a look that failed', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('waits.sh', join(root, 'go'), '2'));
    await ready(dir);
    let failures = 0;
    const look = async (pid: number) => {
      if (failures++ < 5) throw new Error('too many open files');
      return procTable.look(pid);
    };
    const blind = another({ table: { ...procTable, look }, pollMs: 10 });
    await expect(blind.recover(dir)).rejects.toThrow('too many open files');
    const ended = blind.ended(dir);
    await expect.poll(() => failures).toBeGreaterThan(5);
    await writeFile(join(root, 'go'), '');
    expect(await ended).toMatchObject({ kind: 'exited', code: 2 });
  });

  it('never beats an exit record', async () => {
    const { runner, dir } = await world();
    await owned(dir, { pid: await deadPid(), start: '1', boot: 'another-boot', run: 'run-4' });
    await writeFile(join(dir, 'exit'), '{"code":0,"started_at":1,"ended_at":2}\n');
    expect(await runner.recover(dir)).toMatchObject({ kind: 'exited', code: 0 });
  });

  it('is not an exit record that a power cut has torn', async () => {
    const { runner, dir } = await world();
    await owned(dir, { pid: await deadPid(), start: '1', boot: 'another-boot', run: 'run-5' });
    await writeFile(join(dir, 'exit'), '');
    expect(await runner.recover(dir)).toEqual({ kind: 'lost', reason: 'the machine was restarted' });
  });

  it('is not given by a supervisor that still works on its record', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('waits.sh', join(root, 'go'), '9'));
    await ready(dir);
    const { pid } = await supervisorOf(dir);
    process.kill(pid, 'SIGSTOP');
    await writeFile(join(root, 'go'), '');
    await dies((await agentOf(dir)).pid);
    expect(await another().recover(dir)).toEqual({ kind: 'running' });
    process.kill(pid, 'SIGCONT');
    expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 9 });
    await recorded(dir);
    expect(JSON.parse(await readFile(join(dir, 'exit'), 'utf8'))).toMatchObject({ code: 9 });
  });
});

async function owned(dir: string, owner: object): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'owner'), JSON.stringify({ supervisor: 'supervisor-1', ...owner }));
}

async function deadPid(): Promise<number> {
  const pid = stranger();
  process.kill(pid, 'SIGKILL');
  await dies(pid);
  return pid;
}
