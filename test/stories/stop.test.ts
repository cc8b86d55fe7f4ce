import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Settings, shell, World } from './world.ts';

let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
}, 60_000);

/** Each run waits for a file `open` in its project; `stubborn` does not mind SIGTERM. */
const GATE = 'echo begun; until [ -e open ]; do sleep 0.05; done; echo through';
const AGENTS = {
  gate: { command: shell(GATE), max: 4 },
  stubborn: { command: shell(`trap '' TERM; ${GATE}`) },
};

function build(wait: string, more: Settings = {}): World {
  world = new World({ agents: AGENTS, shutdown: { wait }, headless: { max_running: 4, grace: '1s' }, ...more });
  return world;
}

async function atWork(here: World, agent = 'gate'): Promise<{ client: Client; project: string; id: string }> {
  const project = here.project(`at-work-${agent}`);
  const client = await here.connect();
  const { id } = await client.enqueue(project, 'stay', { agent });
  await client.state(project, id, 'running');
  await begun(client, project, id);
  return { client, project, id };
}

async function begun(client: Client, project: string, id: string): Promise<void> {
  await until(async () => (await client.one(project, id, { detail: 'log' })).log?.text.includes('begun') === true);
}

/** What it prints, as it comes. */
function heard(child: ChildProcess) {
  const said = { text: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    said.text += chunk;
  });
  const says = (what: string | RegExp) => until(() => said.text.match(what) !== null);
  return { said, says, ended: once(child, 'close') };
}

async function stopping(here: World): Promise<void> {
  await until(async () => (await here.cli(['status'])).stdout.startsWith('stopping'));
}

test('a stop waits for what is at work, says so, takes what comes, and ends with the last run', async () => {
  const here = build('5m', { dispatcher: { settle: '100ms', scan: '300ms' } });
  const { client, project, id } = await atWork(here);
  const pid = here.runtime;
  const stop = heard(here.spawn(['stop']));
  await stop.says(
    /waits for up to [45]\w+ for one run; what has not ended then is left to the next runtime\n.*at-work/,
  );
  const { stdout } = await here.cli(['status']);
  expect(stdout).toMatch(
    new RegExp(`^stopping: waits up to \\w+ for at-work-gate/${id}; .* left to the next runtime\n`),
  );
  const late = await client.enqueue(project, 'late', { agent: 'gate' });
  expect(late).toMatchObject({ state: 'queued', hint: expect.stringMatching(/^the runtime is being stopped/) });
  writeFileSync(here.queue(project, 'inbox', 'dropped.md'), '---\nagent: gate\n---\nlater\n');
  const file = { id: 'dispatch-late', dispatched_by: 'a story', task: 'x', project: 'late', project_dir: project };
  writeFileSync(join(here.root, 'late.json'), JSON.stringify({ ...file, target_agent: 'gate' }));
  renameSync(join(here.root, 'late.json'), join(here.home, 'dispatch', 'dispatch-late.json'));
  await setTimeout(1_500); // in which it would be taken
  expect(here.runtime).toBe(pid);
  writeFileSync(join(project, 'open'), '');
  await stop.ended;
  expect(readdirSync(join(here.home, 'dispatch')).filter((name) => name.endsWith('.json'))).toEqual([
    'dispatch-late.json',
  ]);
  expect(stop.said.text).toMatch(/the runtime has stopped; what ran goes on/);
  expect(here.listed(project, 'done')).toEqual([`${id}.md`]); // it was recorded by the one that waited
  expect(here.listed(project, 'inbox')).toEqual(['dropped.md', `${late.id}.md`].sort());
  expect(await client.ended(project, late.id)).toMatchObject({ state: 'done' }); // by the next one
  await until(() => here.listed(project, 'done').length === 3);
});

test('what has not ended in time is named, goes on, and is adopted', async () => {
  const here = build('1s');
  const { client, project, id } = await atWork(here);
  const { code, stdout } = await here.cli(['stop']);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(`the runtime has stopped; at-work-gate/${id} goes on, and is found again`),
  });
  expect(here.runtime).toBeUndefined();
  writeFileSync(join(project, 'open'), '');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
});

test('stop --kill ends what is left, and its attempts go back to the queue unspent', async () => {
  const here = build('1s');
  const { client, project, id } = await atWork(here, 'stubborn');
  const { code } = await here.cli(['stop', '--kill']);
  expect(code).toBe(0);
  expect(here.runtime).toBeUndefined();
  expect(here.processes().filter(({ command }) => command.includes('until [ -e open ]'))).toEqual([]);
  expect(here.listed(project, 'inbox')).toEqual([`${id}.md`]); // waiting again
  writeFileSync(join(project, 'open'), '');
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 2 });
  expect(await here.events('task_requeued')).toMatchObject([
    { id, attempt: 1, error_class: 'stopped', spent: false, reason: expect.stringMatching(/a person ended it/) },
  ]);
});

test('stop --now leaves at once what a stop before it waits for', async () => {
  const here = build('5m');
  const { project, id } = await atWork(here);
  const first = heard(here.spawn(['stop']));
  await first.says('waits for up to');
  const second = await here.cli(['stop', '--now']);
  await first.ended;
  for (const said of [first.said.text, second.stdout])
    expect(said).toMatch(`at-work-gate/${id} goes on, and is found again`);
  expect(here.runtime).toBeUndefined();
  writeFileSync(join(project, 'open'), '');
});

test('in the foreground the first signal waits and says for what, the second leaves', async () => {
  const here = build('5m');
  const foreground = here.spawn(['serve']);
  const serve = heard(foreground);
  await serve.says('socket');
  const { client, project, id } = await atWork(here);
  foreground.kill('SIGINT');
  await serve.says(`waits for up to .*\n.*at-work-gate/${id}.*\n.*interrupt again to leave at once`);
  await stopping(here);
  expect(await client.one(project, id)).toMatchObject({ state: 'running' }); // calls are answered meanwhile
  foreground.kill('SIGINT');
  expect(await serve.ended).toEqual([0, null]);
  expect(serve.said.text).toMatch(`at-work-gate/${id} goes on`);
  writeFileSync(join(project, 'open'), '');
});

test('a runtime that is killed while it ends a run has the next one carry it through', async () => {
  const here = build('1s', { headless: { max_running: 4, grace: '5m' } });
  const { client, project, id } = await atWork(here, 'stubborn');
  here.spawn(['stop', '--kill', '--now']);
  await until(() => stopFile(here));
  await here.endRuntime('SIGKILL');
  here.configure({ agents: AGENTS, headless: { max_running: 4, grace: '1s' } });
  writeFileSync(join(project, 'open'), '');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 2 });
});

function stopFile(here: World): boolean {
  const runs = join(here.home, 'runs');
  return readdirSync(runs, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('/stopped'));
}
