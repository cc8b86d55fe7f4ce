import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { exited, until } from '../support/world.ts';
import { type Ear, listen, type Step } from './ear.ts';
import { alive, shell, World } from './world.ts';

// Many processes on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

let world: World | undefined;
afterEach(async () => {
  await world?.end();
  world = undefined;
});

function here(): World {
  world = new World({ http: { port: 0 }, agents: { quick: { command: shell('echo done'), max: 2 } } });
  return world;
}

/** Everything below a folder, by its path within it. */
const files = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .sort();

const OF_A_HOME = [
  /^runtime\.lock$/, // never unlinked: who holds it is what counts
  /^token$/,
  /^(?:snapshot|projects)\.json$/,
  /^heartbeat\.json$/, // it says that the runtime has stopped
  /^(?:journal|finished)\/[\w-]+\.jsonl$/,
  /^logs\/runtime\.log$/,
  /^runs\/[^/]+\/[^/]+\/\d+\/\w+(?:\.\w+)?$/,
];
const OF_A_QUEUE = [/^\.owner$/, /^\.project\.json$/, /^\.gitignore$/, /^(?:inbox|done|failed)\/[^/.][^/]*\.md$/];

function strangers(dir: string, known: readonly RegExp[]): string[] {
  return files(dir).filter((path) => !known.some((pattern) => pattern.test(path)));
}

/** A queue with a finished task, one for next year, a folder that is watched, a client that waits and one that listens. */
async function busy(at: World, ear: Ear): Promise<{ project: string; steps: Step[] }> {
  const project = at.project('shop');
  await ear.call('enqueue_task', { project, id: 'first', body: 'Work.' });
  await ear.call('enqueue_task', { project, id: 'later', body: 'Work.', not_before: '2099-01-01T00:00:00Z' });
  await ear.call('job_status', { id: 'first', wait_seconds: 45 });
  await ear.subscribe('queue://inbox');
  const steps: Step[] = [];
  void ear.call('job_status', { id: 'later', wait_seconds: 45 }, steps).catch(() => undefined);
  await until(() => steps.length > 0);
  return { project, steps };
}

function watchesOf(pid: number): number {
  const infos = readdirSync(`/proc/${pid}/fdinfo`).map((fd) => readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'));
  return infos.join('').match(/^inotify wd:/gm)?.length ?? 0;
}

/** By itself, within seconds. */
async function ends(child: ChildProcess): Promise<number | null> {
  const slow = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('it does not end by itself')), 15_000).unref();
  });
  return Promise.race([exited(child), slow]);
}

test.each(['SIGTERM', 'stop'] as const)('a runtime that is ended by %s leaves only what it keeps', async (how) => {
  const at = here();
  const runtime = at.spawn(['serve']);
  await until(() => at.runtime === runtime.pid);
  const ear = await listen(at, 'old');
  const { project } = await busy(at, ear);
  expect(at.processes().map(({ pid }) => pid)).toEqual(expect.arrayContaining([runtime.pid, ear.pid]));
  expect(at.processes().length).toBeLessThanOrEqual(3); // the third supervises runs; no helper of a start stays
  expect(watchesOf(runtime.pid ?? 0)).toBeGreaterThan(0);
  await ear.close(); // its waiting call would start a runtime again
  await until(() => !alive(ear.pid));

  if (how === 'SIGTERM') runtime.kill('SIGTERM');
  else expect((await at.cli(['stop'])).code).toBe(0);
  expect(await ends(runtime)).toBe(0);
  expect(at.processes()).toEqual([]);
  expect(strangers(at.home, OF_A_HOME)).toEqual([]);
  expect(strangers(join(project, '.agent-queue'), OF_A_QUEUE)).toEqual([]);
  expect(at.listed(project, 'inbox')).toEqual(['later.md']);
});

test('a bridge ends with its client, though a call of it waits; the runtime stays', async () => {
  const at = here();
  await at.start();
  const ear = await listen(at, 'new');
  await busy(at, ear);
  const pid = at.runtime;
  await ear.close();
  await until(() => !alive(ear.pid), 10_000);
  expect(at.runtime).toBe(pid);
  expect(at.processes().filter(({ command }) => / mcp\b/.test(command))).toEqual([]);
});

test('a bridge whose client was killed ends too', async () => {
  const at = here();
  await at.start();
  const bridge = at.spawn(['mcp']);
  bridge.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`);
  await new Promise((resolve) => bridge.stdout?.once('data', resolve));
  bridge.stdin?.destroy(); // what the kernel does for the dead
  bridge.stdout?.destroy();
  expect(await ends(bridge)).toBe(0);
});

test.each(['its client', 'SIGTERM'] as const)('a runtime inside a client’s process ends with %s', async (how) => {
  const at = here();
  const ear = await listen(at, 'new', { args: ['mcp', '--embedded'] });
  const { project } = await busy(at, ear);
  expect(at.runtime).toBe(ear.pid);
  if (how === 'SIGTERM') process.kill(ear.pid, 'SIGTERM');
  else await ear.close();
  await until(() => !alive(ear.pid), 15_000);
  await ear.close();
  expect(at.processes()).toEqual([]);
  expect(strangers(at.home, OF_A_HOME)).toEqual([]);
  expect(strangers(join(project, '.agent-queue'), OF_A_QUEUE)).toEqual([]);
});
