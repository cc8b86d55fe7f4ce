import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { versionProblem } from '../../../../src/runtime/io/tmux/program.ts';
import { sure, world } from './world.ts';

test('without tmux there is one refusal, and when it is installed everything goes on', async () => {
  const { dir, port: make } = await world();
  const program = join(dir, 'bin', 'tmux');
  const port = make({ program });
  expect(await port.sweep()).toMatchObject({ code: 'not_configured', message: expect.stringContaining('not found') });
  expect(await port.create({ name: 'a', cwd: dir, facts: {} })).toMatchObject({ code: 'not_configured' });
  await mkdir(join(dir, 'bin'));
  await writeFile(program, '#!/bin/sh\nexec tmux "$@"\n');
  await chmod(program, 0o755);
  sure(await port.create({ name: 'a', cwd: dir, facts: {} }));
});

test('a client that is killed before it could say what happened leaves it unconfirmed', async () => {
  const { dir, port: make } = await world();
  const program = join(dir, 'tmux');
  await writeFile(program, '#!/bin/sh\ntmux "$@" >/dev/null\ncase "$*" in *source-file*) kill -9 $$;; esac\n');
  await chmod(program, 0o755);
  const port = make({ program });
  expect(await port.create({ name: 'a', cwd: dir, facts: {} })).toMatchObject({ unconfirmed: true });
});

test('a short PATH does not hide tmux', async () => {
  const { dir, env, port: make } = await world();
  const port = make({ env: { ...env, PATH: join(dir, 'empty') } });
  sure(await port.create({ name: 'a', cwd: dir, facts: {} }));
});

test('an old tmux is named, an unknown one is tried', () => {
  expect(versionProblem('tmux 3.1c')).toMatchObject({ code: 'not_configured' });
  expect(versionProblem('tmux 2.9')).toMatchObject({ code: 'not_configured' });
  for (const version of ['tmux 3.2', 'tmux 3.3a', 'tmux next-3.8', 'tmux 4.0', 'tmux master', '']) {
    expect(versionProblem(version)).toBeUndefined();
  }
});
