import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fileLocks } from '../../../src/runtime/io/locks.ts';
import { exited } from '../../support/world.ts';

const taker = fileURLToPath(new URL('../../../dist/for-tests/test/support/lock-taker.js', import.meta.url));
let dir: string;
let path: string;
let children: ChildProcess[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ym-lock-'));
  path = join(dir, 'lock');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map(exited));
  children = [];
  rmSync(dir, { recursive: true });
});

function take(env = process.env): { child: ChildProcess; said: Promise<string> } {
  const child = spawn(process.execPath, [taker, path], { stdio: ['ignore', 'pipe', 'inherit'], env });
  children.push(child);
  return { child, said: new Promise((resolve) => child.stdout?.once('data', (data) => resolve(String(data).trim()))) };
}

test('of a hundred processes that want it at once, one gets it', { timeout: 120_000 }, async () => {
  const said = await Promise.all(Array.from({ length: 100 }, () => take().said));
  expect(said.filter((word) => word === 'mine')).toHaveLength(1);
  expect(said.filter((word) => word === 'held')).toHaveLength(99);
});

test('a holder that is killed frees it at once, and the file stays', async () => {
  const holder = take();
  expect(await holder.said).toBe('mine');
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ pid: holder.child.pid, version: 'test' });
  expect(await fileLocks().acquire(path)).toBeUndefined();

  holder.child.kill('SIGKILL');
  await exited(holder.child);
  const lock = await fileLocks().acquire(path);
  expect(lock).toBeDefined();
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ pid: process.pid });
  await lock?.release();
});

test('it is held against ourselves too, and released once', async () => {
  const lock = await fileLocks().acquire(path);
  expect(await fileLocks().acquire(path)).toBeUndefined();
  await lock?.release();
  await lock?.release();
  const again = await fileLocks().acquire(path);
  expect(again).toBeDefined();
  await again?.release();
});

test('what the holder starts does not inherit it', async () => {
  const holder = await fileLocks().acquire(path);
  const child = spawn('sleep', ['30'], { stdio: 'ignore' });
  children.push(child);
  await holder?.release();
  const lock = await fileLocks().acquire(path);
  expect(lock).toBeDefined();
  await lock?.release();
});

test('without flock(1), perl takes the same lock', async () => {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  symlinkSync(execFileSync('sh', ['-c', 'command -v perl'], { encoding: 'utf8' }).trim(), join(bin, 'perl'));
  const env = { ...process.env, PATH: bin };
  const byPerl = take(env);
  expect(await byPerl.said).toBe('mine');
  expect(await fileLocks().acquire(path)).toBeUndefined(); // flock(1) sees it
  expect(await take(env).said).toBe('held');
});

test('a link where the lock should be empties nothing', async () => {
  const precious = join(dir, 'precious');
  writeFileSync(precious, 'kept');
  symlinkSync(precious, path);
  await expect(fileLocks().acquire(path)).rejects.toThrow();
  linkSync(precious, join(dir, 'second'));
  await expect(fileLocks().acquire(join(dir, 'second'))).rejects.toThrow(/plain file/);
  expect(readFileSync(precious, 'utf8')).toBe('kept');
});
