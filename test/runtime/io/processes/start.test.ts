import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, readlink, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentOf, another, dies, ready, recorded, supervisorOf, world } from './world.ts';

describe('a run from start to end', () => {
  it('leaves its output and its exit record', async () => {
    const { runner, dir, order } = await world();
    const before = Date.now();
    expect(await runner.start(order('finishes.sh'))).toEqual({ kind: 'started' });
    const end = await runner.ended(dir);
    expect(end).toMatchObject({ kind: 'exited', code: 0 });
    if (end.kind !== 'exited') return;
    expect(end.started_at).toBeGreaterThanOrEqual(before - 50); // the file system's clock is coarser
    expect(end.ended_at).toBeGreaterThanOrEqual(end.started_at);
    expect(await readFile(join(dir, 'stdout'), 'utf8')).toBe('the work is done\n');
    expect(await readFile(join(dir, 'stderr'), 'utf8')).toBe('a note\n');
    expect(await runner.ended(dir)).toEqual(end);
    await recorded(dir);
    expect(await another().recover(dir)).toEqual(end);
  });

  it('records how an agent failed', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('crashes.sh', '7'));
    expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 7 });
  });

  it('gives the agent its arguments, its input and its environment as they are', async () => {
    const { runner, root, dir, order } = await world();
    const stdin = join(root, 'prompt.md');
    await writeFile(stdin, 'do this\n');
    const args = ['a b', '', '$HOME', '"quoted"', '*', '; touch hacked', '-x', 'two\nlines', 'é'] as const;
    const asked = order('shows-itself.mjs', ...args);
    const env = { ...asked.env, dir: '/not/ours', code: '3', QUOTED: 'a "b" $c' };
    await runner.start({ ...asked, env, stdin });
    await runner.ended(dir);
    const shown = JSON.parse(await readFile(join(dir, 'stdout'), 'utf8'));
    expect(shown).toMatchObject({ args, cwd: root, stdin: 'do this\n' });
    const marks = { YARDMASTER_RUN: expect.stringMatching(/^[0-9a-f-]{36}$/), YARDMASTER_RUN_DIR: dir };
    expect(shown.env).toEqual({ ...env, PWD: root, ...marks });
  });

  it('a pipe as its input whose writer has died is at its end, and nobody waits for another one', async () => {
    const { runner, root, dir, order } = await world();
    const stdin = join(root, 'input');
    execFileSync('mkfifo', [stdin]);
    await runner.start({ ...order('shows-itself.mjs'), stdin });
    expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 0 });
    expect(JSON.parse(await readFile(join(dir, 'stdout'), 'utf8'))).toMatchObject({ stdin: '' });
  });

  it('starts the agent in a session of its own, apart from its supervisor, with no signal ignored', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('hangs.sh'));
    await ready(dir);
    const [agent, owner] = [await agentOf(dir), await supervisorOf(dir)];
    expect(await sessionOf(agent.pid)).toBe(agent.pid);
    expect(await sessionOf(owner.pid)).toBe(owner.pid);
    const status = await readFile(`/proc/${agent.pid}/status`, 'utf8');
    expect(status).toMatch(/SigIgn:\s+0{16}/);
    expect(await readlink(`/proc/${agent.pid}/fd/0`)).toBe('/dev/null');
  });

  it('keeps megabytes of output on disk', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('prints-megabytes.mjs', '5'));
    expect(await runner.ended(dir)).toMatchObject({ code: 0 });
    expect((await stat(join(dir, 'stdout'))).size).toBe(5 * 1024 * 1024 + 'first line\nlast line\n'.length);
  });

  it('loses no record to signals at the supervisor', async () => {
    const { runner, root, dir, order } = await world();
    const go = join(root, 'go');
    await runner.start(order('waits.sh', go, '7'));
    await ready(dir);
    const { pid } = await supervisorOf(dir);
    for (const name of ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const) process.kill(pid, name);
    process.kill(-pid, 'SIGTERM');
    await writeFile(go, '');
    expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 7 });
  });

  it('waits for room for the record rather than losing it', async () => {
    const { runner, root, dir, order } = await world();
    const obstacle = join(dir, 'exit.new');
    await mkdir(obstacle, { recursive: true }); // stands for a full disk: the record can't be written
    await runner.start(order('waits.sh', join(root, 'go'), '7'));
    await ready(dir);
    await writeFile(join(root, 'go'), '');
    await dies((await agentOf(dir)).pid);
    expect(await runner.recover(dir)).toEqual({ kind: 'running' });
    await rmdir(obstacle);
    expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 7 });
  });

  it('leaves its records and its output, and no temporary file', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('finishes.sh'));
    await runner.ended(dir);
    await recorded(dir);
    expect((await readdir(dir)).sort()).toEqual(['agent', 'exit', 'owner', 'stderr', 'stdout']);
  });
});

describe('a start is refused, and nothing happens,', () => {
  it('when the command is not on the PATH of the order', async () => {
    const { runner, dir, order } = await world();
    const missing = await runner.start(order('no-such-agent'));
    expect(missing).toMatchObject({ kind: 'refused', reason: expect.stringContaining('no-such-agent') });
    const elsewhere = await runner.start({ ...order('finishes.sh'), env: { PATH: '/usr/bin' } });
    expect(elsewhere).toMatchObject({ kind: 'refused', reason: expect.stringContaining('PATH (/usr/bin)') });
    await expect(stat(dir)).rejects.toThrow('ENOENT');
  });

  it('when the working directory, the input or the name of a variable can not be', async () => {
    const { runner, root, order } = await world();
    const good = order('finishes.sh');
    const reasons = [
      await runner.start({ ...good, cwd: join(root, 'gone') }),
      await runner.start({ ...good, stdin: join(root, 'gone.md') }),
      await runner.start({ ...good, env: { ...good.env, 'not.a.name': '1' } }),
    ];
    expect(reasons).toEqual([
      { kind: 'refused', reason: `the working directory ${root}/gone does not exist` },
      { kind: 'refused', reason: `standard input ${root}/gone.md can't be read` },
      { kind: 'refused', reason: `the environment variable "not.a.name" can't be passed on` },
    ]);
  });

  it('when the arguments are too long for the system', async () => {
    const { runner, order } = await world();
    expect(await runner.start(order('finishes.sh', 'x'.repeat(200_000)))).toMatchObject({
      kind: 'refused',
      reason: expect.stringContaining('E2BIG'),
    });
  });

  it('when the run directory has been used', async () => {
    const { runner, dir, order } = await world();
    await runner.start(order('crashes.sh', '3'));
    expect(await another().start(order('finishes.sh'))).toMatchObject({ kind: 'refused' });
    expect(await runner.ended(dir)).toMatchObject({ code: 3 });
    expect(await runner.start(order('finishes.sh'))).toMatchObject({ kind: 'refused' });
    expect(await runner.recover(dir)).toMatchObject({ code: 3 });
  });
});

it('a program that can not be executed after all ends the run with 127', async () => {
  const { runner, root, dir, order } = await world();
  const script = join(root, 'broken');
  await writeFile(script, '#!/no/such/interpreter\n', { mode: 0o755 });
  expect(await runner.start(order(script))).toEqual({ kind: 'started' });
  expect(await runner.ended(dir)).toMatchObject({ kind: 'exited', code: 127 });
  expect(await readFile(join(dir, 'stderr'), 'utf8')).toContain('broken');
});

async function sessionOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[3]);
}
