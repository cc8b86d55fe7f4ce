import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { until } from '../support/world.ts';
import { SessionWorld } from './sessions/world.ts';
import { alive, shell, World } from './world.ts';

/* What is left of an agent that was killed, and what is left of an attempt that is over. */

let world: World | undefined;
afterEach(async () => {
  await world?.end();
  world = undefined;
}, 60_000);

interface Listed {
  readonly seen: boolean;
  readonly orphans: readonly {
    pid: number;
    task: string;
    project: string;
    attempt: number;
    why: string;
    kept: boolean;
  }[];
}

/** In a session of its own, where no signal to its agent's group reaches it. */
const CHILD = 'setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >>child.pid';
const LOOK = `case "$(ps -o stat= -p "$(head -n 1 child.pid)")" in ''|Z*) echo dead;; *) echo alive;; esac >>seen.txt`;

const AGENT = /\bsh -c if /;

function kill(pid: number | undefined): void {
  if (!pid) throw new Error('there is nobody to kill');
  process.kill(pid, 'SIGKILL');
}

function pidIn(project: string): number {
  return Number(world?.read(project, 'child.pid').split('\n')[0]);
}

async function wrote(project: string, file: string): Promise<void> {
  await until(() => existsSync(join(project, file)) && world?.read(project, file).trim() !== '');
}

/** Started by nobody of ours, but it says that it belongs to this attempt. */
function stray(run_dir: string): number {
  const env = { PATH: process.env.PATH, YARDMASTER_RUN: 'x', YARDMASTER_RUN_DIR: run_dir };
  const child = spawn('sleep', ['1000'], { stdio: 'ignore', detached: true, env });
  onTestFinished(() => void child.kill('SIGKILL'));
  if (child.pid === undefined) throw new Error('sleep was not started');
  return child.pid;
}

test('what a killed agent has started has ended when its next attempt begins', async () => {
  const command = shell(`if [ -e child.pid ]; then ${LOOK}; else ${CHILD}; sleep 1000; fi`);
  world = new World({ agents: { bot: { command } }, retry: { backoff: '100ms' } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, 'go');
  await wrote(project, 'child.pid');
  kill(world.processes().find(({ command: line }) => AGENT.test(line))?.pid);
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
  expect(world.read(project, 'seen.txt')).toBe('dead\n');
});

test('so it is with an agent that is killed in its session', async () => {
  const here = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } } });
  world = here;
  const project = here.project('shop');
  const client = await here.connect();
  const body = `[[bash:${CHILD}]][[sleep:4000]][[bash:${LOOK}]][[say:over]]`;
  const { id } = await client.enqueue(project, body, { agent: 'claude' });
  await wrote(project, 'child.pid');
  await until(() => here.begun.length === 1);
  kill(here.begun[0]?.pid);
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
  expect(here.read(project, 'seen.txt')).toBe('dead\n');
  const second = Number(here.read(project, 'child.pid').trim().split('\n').at(-1)); // its command was run again
  if (alive(second)) kill(second); // a task that is done may leave one open
}, 60_000);

test('a runtime, its supervisor and the agent are killed at once: nothing of the attempt is left for the next', async () => {
  const command = shell(`if [ -e child.pid ]; then ${LOOK}; else ${CHILD}; sleep 1000; fi`);
  world = new World({ agents: { bot: { command } }, retry: { backoff: '100ms' } });
  const here = world;
  const project = here.project('shop');
  const client = await here.connect();
  const { id } = await client.enqueue(project, 'go');
  await wrote(project, 'child.pid');
  const both = () => here.processes().filter(({ command: line }) => /supervisor\.js/.test(line) || AGENT.test(line));
  await until(() => both().length === 2); // a shell that has just forked is there twice
  const killed = both();
  await client.close();
  await here.endRuntime('SIGKILL');
  for (const { pid } of killed) kill(pid);
  expect(alive(pidIn(project))).toBe(true);
  const again = await here.connect();
  expect(await again.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
  expect(here.read(project, 'seen.txt')).toBe('dead\n');
});

test('what goes on of attempts that are over is listed, needs somebody, and ends when a person says so', async () => {
  const command = shell(
    'case "$(cat "$1")" in *keep*) setsid sleep 1000 & until [ "$(ps -o sid= -p $! | tr -d " ")" = $! ]; do :; done;; *) exit 1;; esac',
  );
  world = new World({ agents: { bot: { command, max: 3 } }, retry: { max_attempts: 1 }, headless: { grace: '1s' } });
  const here = world;
  const project = here.project('shop');
  const client = await here.connect();
  const kept = await client.enqueue(project, 'keep');
  await client.ended(project, kept.id);
  const failed = await client.enqueue(project, 'fail');
  expect(await client.ended(project, failed.id)).toMatchObject({ state: 'failed' });
  const [folder = ''] = readdirSync(join(here.home, 'runs'));
  const runDir = (id: string) => join(here.home, 'runs', folder, id, '1');
  const pid = stray(runDir(failed.id));
  const other = stray(join(here.root, 'elsewhere', 'runs', folder, failed.id, '1'));

  const { orphans } = await here.json<Listed>('orphans');
  expect(orphans).toMatchObject([
    { pid, project: 'shop', task: failed.id, attempt: 1, kept: false, why: 'the task is failed' },
  ]);
  expect((await here.cli(['orphans'])).stdout).toMatch(new RegExp(`${pid} .* shop/${failed.id} .* sleep 1000 `));
  expect((await here.cli(['status'])).stdout).toMatch(
    `a process of attempts that are over goes on: sleep 1000 (pid ${pid}`,
  );
  expect((await here.cli(['doctor'])).stdout).toMatch(/orphans +a process of an attempt that is over goes on/);
  const all = await here.json<Listed>('orphans', 'list', '--all');
  const left = all.orphans.find(({ task }) => task === kept.id);
  expect(left).toMatchObject({ kept: true, why: 'left open by a task that is done' });

  expect(await here.cli(['orphans', 'end'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing was ended'),
  });
  expect(await here.cli(['orphans', 'end', String(other), '--yes'])).toMatchObject({ code: 1 });
  expect(await here.cli(['orphans', 'end', '--yes'])).toMatchObject({ code: 0, stdout: `ended ${pid}  sleep 1000\n` });
  expect([pid, other, left?.pid ?? -1].map(alive)).toEqual([false, true, true]); // only what was an orphan
  expect((await here.cli(['status'])).stdout).toMatch(/nothing needs you|failed/);
  expect(await here.cli(['orphans', 'end', String(left?.pid), '--yes'])).toMatchObject({ code: 0 });
  expect(alive(left?.pid ?? -1)).toBe(false);
  kill(other);
});

test('what belongs to a live attempt is no orphan, also when another runtime has adopted it', async () => {
  world = new World({ agents: { gate: { command: shell(`${CHILD}; until [ -e open ]; do sleep 0.05; done`) } } });
  const here = world;
  const project = here.project('shop');
  const client = await here.connect();
  const { id } = await client.enqueue(project, 'stay');
  await wrote(project, 'child.pid');
  await client.close();
  await here.endRuntime('SIGKILL');
  expect((await here.json<Listed>('orphans', 'list', '--all')).orphans).toEqual([]);
  expect(await here.cli(['orphans', 'end', String(pidIn(project)), '--yes'])).toMatchObject({ code: 1 });
  const again = await here.connect();
  await again.ask('cancel_task', { project, id });
  expect(await again.ended(project, id)).toMatchObject({ state: 'cancelled' });
  expect(alive(pidIn(project))).toBe(false);
});
