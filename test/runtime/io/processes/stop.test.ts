import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentOf, another, dies, pidIn, ready, runs, supervisorOf, world } from './world.ts';

describe('stopping a run', () => {
  it('asks the agent with SIGTERM, and the record says so', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('hangs.sh'));
    await ready(dir);
    expect(await runner.stop(dir, 10_000)).toMatchObject({ kind: 'exited', code: 143, signal: 'SIGTERM' });
  });

  it('kills an agent that ignores SIGTERM after the grace', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('ignores-term.sh'));
    await ready(dir);
    const asked = Date.now();
    expect(await runner.stop(dir, 300)).toMatchObject({ kind: 'exited', code: 137, signal: 'SIGKILL' });
    expect(Date.now() - asked).toBeGreaterThanOrEqual(300);
  });

  it('is the same when asked twice, and afterwards', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('hangs.sh'));
    await ready(dir);
    const [first, second, end] = await Promise.all([
      runner.stop(dir, 5_000),
      runner.stop(dir, 5_000),
      runner.ended(dir),
    ]);
    expect(second).toEqual(first);
    expect(end).toEqual(first);
    expect(await runner.stop(dir, 0)).toEqual(first);
  });

  it('works on a run that another runtime started', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('hangs.sh'));
    await ready(dir);
    await runner.close();
    expect(await another().stop(dir, 5_000)).toMatchObject({ code: 143 });
  });

  it('works right after the start, however far the start has come', async () => {
    for (let round = 0; round < 10; round++) {
      const { runner, dir, order } = await world();
      await runner.start(order('hangs.sh'));
      expect(await runner.stop(dir, 5_000)).toMatchObject({ kind: 'exited', code: 143 });
    }
  });

  it('ends what the agent started, in its group or in a session of its own', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('leaves-children.sh', 'hang'));
    await ready(dir);
    const children = [await pidIn(join(root, 'group.pid')), await pidIn(join(root, 'session.pid'))];
    expect(await Promise.all(children.map(runs))).toEqual([true, true]);
    await runner.stop(dir, 5_000);
    for (const child of children) await dies(child);
  });

  it('of what never started makes sure that it never will', async () => {
    const { runner, dir, order } = await world();
    expect(await runner.stop(dir, 100)).toEqual({ kind: 'lost', reason: 'it was never started' });
    expect(await runner.start(order('finishes.sh'))).toMatchObject({ kind: 'refused' });
  });

  it('does not wait for ever for a supervisor that was stopped', async () => {
    const { runner, dir, order } = await world({ patienceMs: 300 });
    await runner.start(order('hangs.sh'));
    await ready(dir);
    const [agent, owner] = [await agentOf(dir), await supervisorOf(dir)];
    process.kill(owner.pid, 'SIGSTOP');
    const ended = runner.ended(dir);
    expect(await runner.stop(dir, 100)).toMatchObject({ kind: 'lost' });
    expect(await runs(agent.pid)).toBe(false);
    expect(await ended).toMatchObject({ kind: 'lost' });
    process.kill(owner.pid, 'SIGKILL');
  });
});

describe('what an agent leaves behind when it ends', () => {
  it('ends with it, when it is in its group', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('leaves-children.sh', '0'));
    const [inGroup, daemon] = [await pidIn(join(root, 'group.pid')), await pidIn(join(root, 'session.pid'))];
    expect(await runner.ended(dir)).toMatchObject({ code: 0 });
    expect(await runs(inGroup)).toBe(false);
    expect(await runs(daemon)).toBe(true); // it made itself a session of its own, and the work was done
    process.kill(daemon, 'SIGKILL');
  });

  it('ends altogether after a failure, so that the next attempt is alone', async () => {
    const { runner, root, dir, order } = await world();
    await runner.start(order('leaves-children.sh', '5'));
    const children = [await pidIn(join(root, 'group.pid')), await pidIn(join(root, 'session.pid'))];
    expect(await runner.ended(dir)).toMatchObject({ code: 5 });
    for (const child of children) expect(await runs(child)).toBe(false);
  });
});
