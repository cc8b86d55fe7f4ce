import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commands } from '../../../src/runtime/io/commands.ts';
import type { CommandOrder } from '../../../src/runtime/ports.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'yardmaster-commands-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const PATH = process.env.PATH ?? '';

function run(script: string, more: Partial<CommandOrder> = {}, signal = new AbortController().signal) {
  const order = { argv: ['sh', '-c', script] as const, input: '', cwd: dir, env: { PATH }, timeoutMs: 30_000 };
  return commands.run({ ...order, ...more }, signal);
}

/** Settles when no process of this id is left. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
    if (stat === undefined || / [ZX] /.test(stat.slice(stat.lastIndexOf(')')))) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('a command', () => {
  it('reads its input, and has the environment and the folder that it was given, and no other', async () => {
    process.env.OF_THE_RUNTIME = 'secret';
    const end = await run('cat > got; env > env; pwd -P > pwd', { input: 'the news\n', env: { PATH, ONLY: 'this' } });
    delete process.env.OF_THE_RUNTIME;
    expect(end).toEqual({ kind: 'exited', code: 0, stderr: '' });
    expect(await readFile(join(dir, 'got'), 'utf8')).toBe('the news\n');
    expect(await readFile(join(dir, 'env'), 'utf8')).toMatch(/^ONLY=this$/m);
    expect(await readFile(join(dir, 'env'), 'utf8')).not.toContain('secret');
  });

  it('is given its arguments as they are', async () => {
    const nasty = '$(touch pwned) `id` "; rm -rf ~ #{pane_id}\n';
    expect(await run('', { argv: ['sh', '-c', 'printf %s "$1" > said', 'sh', nasty] })).toMatchObject({ code: 0 });
    expect(await readFile(join(dir, 'said'), 'utf8')).toBe(nasty);
  });

  it('need not read what it is given', async () => {
    expect(await run('exit 0', { input: 'x'.repeat(1_000_000) })).toMatchObject({ code: 0 });
  });

  it('says how it failed, with the end of its complaint', async () => {
    expect(await run('head -c 5000 /dev/zero | tr "\\0" x >&2; echo no route >&2; exit 3')).toMatchObject({
      ...{ kind: 'exited', code: 3, stderr: expect.stringMatching(/^x{2036,2040}no route\n$/) },
    });
    expect(await run('kill -TERM $$')).toMatchObject({ kind: 'exited', signal: 'SIGTERM' });
  });

  it.each([
    ['a program that is not there', { argv: ['no-such-program'] as const }],
    ['a folder that is not there', { cwd: '/no/such/folder' }],
    ['an argument that none can have', { argv: ['sh', 'a\0b'] as const }],
  ])('with %s is not started', async (_, more) => {
    expect(await run('exit 0', more)).toMatchObject({ kind: 'not_started', reason: expect.stringMatching(/./) });
  });

  it('that takes too long is killed with what it started', async () => {
    const end = await run('sleep 600 & echo $! > pid; echo waiting >&2; wait', { timeoutMs: 1_000 });
    expect(end).toEqual({ kind: 'timed_out', stderr: 'waiting\n' });
    await gone(Number(await readFile(join(dir, 'pid'), 'utf8')));
  });

  it('is not waited for because of what it leaves running', async () => {
    const end = await run('sleep 600 & echo $! > left');
    expect(end).toMatchObject({ kind: 'exited', code: 0 });
    process.kill(Number(await readFile(join(dir, 'left'), 'utf8')), 'SIGKILL');
  });

  it('is killed when it is not wanted any more', async () => {
    const abort = new AbortController();
    const end = run('exec sleep 600', {}, abort.signal);
    abort.abort();
    expect(await end).toEqual({ kind: 'aborted' });
    expect(await run('exit 0', {}, abort.signal)).toEqual({ kind: 'aborted' });
  });
});
