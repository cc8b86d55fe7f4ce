import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { type CommandAttempt, namesOutput, prepareRun } from '../../../src/runtime/runs/order.ts';
import { localFiles } from './local-files.ts';
import { attemptAt, chance, tempDir } from './world.ts';

async function prepared(attempt: CommandAttempt) {
  const order = await prepareRun({ files: localFiles, chance }, attempt);
  if (isRefusal(order)) throw new Error(order.message);
  return order;
}

describe('preparing a run', () => {
  it('writes the prompt into the directory of the attempt', async () => {
    const home = await tempDir();
    const order = await prepared(attemptAt(home, { command: ['bot'], spec: { constraints: ['quick'] } }));
    expect(order.dir).toBe(join(home, 'runs/p_0123456789ab/fix-login/2'));
    expect(await readFile(join(order.dir, 'prompt.md'), 'utf8')).toBe(
      `[fix-login.md] Do it.\n\nConstraints:\n- quick\n\nAttempt: ${order.env.YARDMASTER_RUN}\n\nGo.\n`,
    );
    expect(order).toMatchObject({ argv: ['bot'], cwd: home });
  });

  it.each([
    [['bot'], undefined, true],
    [['bot', '{prompt_file}'], undefined, false],
    [['bot', '{prompt_file}'], 'prompt', true],
    [['bot'], 'none', false],
  ])('of %j with stdin %s: the prompt on standard input is %s', async (command, stdin, expected) => {
    const order = await prepared(attemptAt(await tempDir(), { command, agent: { stdin } }));
    expect(order.stdin).toBe(expected ? join(order.dir, 'prompt.md') : undefined);
  });

  it('writes nothing for a command that can not be filled in', async () => {
    const home = await tempDir();
    const refusal = await prepareRun({ files: localFiles, chance }, attemptAt(home, { command: ['bot', '{wat}'] }));
    expect(refusal).toMatchObject({ refused: true, message: expect.stringContaining('{wat}') });
    await expect(stat(join(home, 'runs'))).rejects.toThrow('ENOENT');
  });

  it('leaves learnings out after a prompt that was too long', async () => {
    const attempt = attemptAt(await tempDir(), { command: ['bot'], spec: { learnings: ['long'] } });
    const text = async (one: CommandAttempt) => readFile(join((await prepared(one)).dir, 'prompt.md'), 'utf8');
    expect(await text(attempt)).toContain('long');
    const last_error = { class: 'context_overflow' as const, reason: 'too long', attempt: 1 };
    expect(await text({ ...attempt, task: { ...attempt.task, last_error } })).not.toContain('long');
  });

  it('knows whether the result is a file', () => {
    expect(namesOutput(attemptAt('/h', { command: ['bot', '--out={output_file}'] }).agent)).toBe(true);
    expect(namesOutput(attemptAt('/h', { command: ['bot'] }).agent)).toBe(false);
  });
});

describe("the agent's environment", () => {
  it('has what is on the list or named by the configuration, and what we say of the attempt', async () => {
    const env = {
      PATH: '/bin',
      HOME: '/h',
      LC_ALL: 'C',
      XDG_RUNTIME_DIR: '/r',
      AWS_SECRET: 'x',
      API_KEY: 'k',
      GONE: undefined,
    };
    const agent = { env: { MODE: 'fast', HOME: '/other', YARDMASTER_TASK: 'forged' }, pass_env: ['API_KEY', 'ABSENT'] };
    const order = await prepared(attemptAt(await tempDir(), { command: ['bot'], agent, env }));
    expect(order.env).toEqual({
      PATH: '/bin',
      HOME: '/other',
      LC_ALL: 'C',
      XDG_RUNTIME_DIR: '/r',
      API_KEY: 'k',
      MODE: 'fast',
      YARDMASTER_TASK: 'fix-login',
      YARDMASTER_PROJECT: 'p_0123456789ab',
      YARDMASTER_ATTEMPT: '2',
      YARDMASTER_RUN: 'run-abababababababababababab',
      YARDMASTER_RUN_DIR: order.dir,
      YARDMASTER_ATTEMPT_TOKEN: 'secret-token',
    });
  });

  it('has the id of a dispatched task under its old name too', async () => {
    const order = await prepared(attemptAt(await tempDir(), { id: 'dispatch-7', command: ['bot'] }));
    expect(order.env.GSTACK_DISPATCH_ID).toBe('dispatch-7');
  });
});
