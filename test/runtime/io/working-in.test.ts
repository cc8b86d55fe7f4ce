import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { workingIn } from '../../../src/runtime/io/processes/working-in.ts';
import { until } from '../../support/world.ts';

let root: string;
const others: number[] = [];

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'ym-working-')));
  for (const name of ['tree/src', 'tree-2']) mkdirSync(join(root, name), { recursive: true });
});
afterEach(() => {
  for (const pid of others.splice(0)) process.kill(-pid, 'SIGKILL');
  rmSync(root, { recursive: true, force: true });
});

/** Somebody else's process: its parent has ended. */
async function orphan(cwd: string, ...argv: string[]): Promise<number> {
  const parent = spawn('sh', ['-c', 'setsid "$@" >/dev/null 2>&1 & echo $!', 'sh', ...argv], { cwd });
  const pid = await new Promise<number>((resolve) => said(parent, resolve));
  others.push(pid);
  return pid;
}

function said(child: ChildProcess, hear: (pid: number) => void): void {
  child.stdout?.once('data', (line) => hear(Number(line)));
}

it('finds who is in a folder, and below it', async () => {
  const pids = [await orphan(join(root, 'tree'), 'sleep', '60'), await orphan(join(root, 'tree/src'), 'sleep', '60')];
  await orphan(join(root, 'tree-2'), 'sleep', '60');
  await until(async () => (await workingIn(join(root, 'tree'))).length === 2);
  expect(await workingIn(join(root, 'tree'))).toEqual(pids.sort((a, b) => a - b));
});

it('finds a git that was told of it, and nobody else who only names it', async () => {
  const tree = join(root, 'tree');
  await orphan(root, 'sh', '-c', 'sleep 60; :', tree);
  await orphan(root, 'sh', '-c', 'sleep 60 | git hash-object --stdin --path "$0"', tree);
  await until(async () => (await workingIn(tree)).length === 1);
});

it('does not find what we have started ourselves', async () => {
  const child = spawn('sleep', ['60'], { cwd: join(root, 'tree') });
  await orphan(join(root, 'tree'), 'sleep', '60');
  await until(async () => (await workingIn(join(root, 'tree'))).length > 0);
  expect(await workingIn(join(root, 'tree'))).toEqual([others[0]]);
  child.kill('SIGKILL');
});
