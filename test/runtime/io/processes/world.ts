import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { procTable } from '../../../../src/runtime/io/processes/proc.ts';
import { readAgent, readOwner } from '../../../../src/runtime/io/processes/records.ts';
import { createRunner, type RunnerOptions } from '../../../../src/runtime/io/processes/runner.ts';
import type { Runner, RunOrder } from '../../../../src/runtime/ports.ts';

export const agentsDir = join(import.meta.dirname, '../../../fixtures/agents');

/** It runs as a process of its own, so it has to be plain JavaScript. */
export const supervisor = fileURLToPath(
  new URL('../../../../dist/for-tests/src/runtime/io/processes/supervisor.js', import.meta.url),
);

/** A folder for one test, with a working directory and a run directory in it; whatever runs there ends with the test. */
export async function world(options: RunnerOptions = {}) {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'yard-runner-')));
  const runner = createRunner({ pollMs: 200, supervisor, ...options });
  const dir = join(root, 'run');
  onTestFinished(async () => {
    await runner.stop(dir, 0);
    await runner.close();
    await rm(root, { recursive: true, force: true });
  });
  return { root, dir, runner, order: (...argv: [string, ...string[]]) => orderIn(root, dir, argv) };
}

export function orderIn(cwd: string, dir: string, argv: RunOrder['argv']): RunOrder {
  return { dir, argv, cwd, env: { PATH: `${agentsDir}:${process.env.PATH}` } };
}

/** A runtime after a restart: knows nothing but the directory. */
export function another(options: RunnerOptions = {}): Runner {
  const runner = createRunner({ pollMs: 200, supervisor, ...options });
  onTestFinished(() => runner.close());
  return runner;
}

export async function ready(dir: string): Promise<void> {
  await expect
    .poll(() => readFile(join(dir, 'stdout'), 'utf8').catch(() => ''), { timeout: 15_000 })
    .toContain('ready');
}

/** The end is told before its record is on disk. */
export async function recorded(dir: string): Promise<void> {
  await expect.poll(() => existsSync(join(dir, 'exit')), { timeout: 15_000 }).toBe(true);
}

export async function supervisorOf(dir: string) {
  const owned = await readOwner(dir);
  if (owned.kind !== 'supervisor') throw new Error(`owned by ${owned.kind}`);
  return owned.owner;
}

export async function agentOf(dir: string) {
  const agent = await readAgent(dir);
  if (!agent) throw new Error('no agent record');
  return agent;
}

export async function pidIn(file: string): Promise<number> {
  await expect.poll(() => existsSync(file)).toBe(true);
  return Number(await readFile(file, 'utf8'));
}

export async function runs(pid: number): Promise<boolean> {
  const seen = await procTable.look(pid);
  return seen !== undefined && !seen.zombie;
}

export async function dies(pid: number): Promise<void> {
  await expect.poll(() => runs(pid), { timeout: 15_000 }).toBe(false);
}

/** A process that has nothing to do with any run, unless its environment says so. */
export function stranger(env: Record<string, string> = {}): number {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true, env: { PATH: process.env.PATH, ...env } });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.pid === undefined) throw new Error('sleep was not started');
  return child.pid;
}
