import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { exited, until } from '../support/world.ts';
import { type Accepted, type Client, type Settings, type Status, shell, World } from './world.ts';

let world: World | undefined;

function build(settings: Settings): World {
  world = new World(settings);
  return world;
}

afterEach(async () => {
  await world?.end();
  world = undefined;
}, 30_000);

const LATER = '2099-01-01T00:00:00Z';

async function all(client: Client, project: string): Promise<Status['tasks'][number][]> {
  const tasks: Status['tasks'][number][] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.ask<Status & { next_cursor?: string }>('list_tasks', { project, limit: 100, cursor });
    tasks.push(...page.tasks);
    cursor = page.next_cursor;
    if (cursor === undefined) return tasks;
  }
}

test('a client keeps working while the runtime is killed under it, twenty times', async () => {
  const here = build({});
  const runs = join(here.root, 'runs');
  here.configure({
    agents: { count: { command: ['sh', '-c', `echo "$YARDMASTER_TASK" >> ${runs}`], max: 2 } },
    projects: [{ name: 'busy', path: here.project('busy'), shared_checkout: true }],
  });
  const client = await here.connect('new');
  const older = await here.connect('old');
  const acknowledged: Accepted[] = [];
  const cancelled = new Map<string, string>();
  let working = true;
  let longest = 0;

  const timed = async <T>(call: Promise<T>): Promise<T> => {
    const begun = Date.now();
    const answer = await call;
    longest = Math.max(longest, Date.now() - begun);
    return answer;
  };
  const work = async (talk: Client, name: string) => {
    for (let n = 0; working; n++) {
      const title = `${name} ${n}`; // without an id: a mutation that is carried out twice makes `<id>-2`
      const task = await timed(talk.enqueue('busy', 'x', { title }));
      acknowledged.push(task);
      if (n % 5 === 0) {
        const held = await timed(talk.enqueue('busy', 'x', { title: `${title} held`, not_before: LATER }));
        acknowledged.push(held);
        const { state } = await timed(talk.ask<Accepted>('cancel_task', { project: 'busy', id: held.id }));
        cancelled.set(held.id, state);
      }
    }
  };
  const workers = [work(client, 'alpha'), work(older, 'beta')];
  for (let kill = 0; kill < 20; kill++) {
    const pid = here.runtime;
    const before = acknowledged.length;
    await here.endRuntime('SIGKILL');
    expect(pid).toBeDefined();
    await until(() => here.runtime !== undefined && acknowledged.length > before);
  }
  working = false;
  await Promise.all(workers);

  expect(longest).toBeLessThan(10_000);
  const ids = acknowledged.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.filter((id) => /-\d+-2$|held-2$/.test(id))).toEqual([]); // nothing was made twice
  await until(async () => (await all(client, 'busy')).every(({ state }) => ['done', 'cancelled'].includes(state)));
  const tasks = await all(client, 'busy');
  expect(tasks.map(({ id }) => id).sort()).toEqual([...ids].sort());
  const ran = here.read(runs).trim().split('\n');
  expect(ran.sort()).toEqual(ids.filter((id) => !cancelled.has(id)).sort()); // each once
  for (const [id, state] of cancelled) expect({ id, state }).toEqual({ id, state: 'cancelled' });
}, 240_000); // twenty starts, beside whatever else the machine does

test('a hundred simultaneous starts leave one runtime', async () => {
  const here = build({});
  const starts = Array.from({ length: 100 }, () => here.spawn(['serve', '--background']));
  const ended = Promise.all(starts.map((start) => exited(start)));
  const owner = () => starts.filter((start) => start.exitCode === null);
  await until(() => owner().length === 1, 60_000);
  expect(here.runtime).toBe(owner()[0]?.pid);
  expect((await here.cli(['status'])).code).toBe(0);
  await here.endRuntime('SIGTERM');
  expect((await ended).sort()).toEqual([0, ...Array.from({ length: 99 }, () => 75)]);
}, 90_000);

test('two homes on one project: one owns it, the other is told, and takes over when the first is gone', async () => {
  const settings = { agents: { echo: { command: shell('cat "$1"') } }, dispatcher: { scan: '1s' } };
  const here = build(settings);
  const project = here.project('shared');
  here.configure({ ...settings, projects: [{ name: 'shared', path: project }] });
  const first = await here.connect();
  await first.enqueue(project, 'mine');
  const [home, other] = [here.home, join(here.root, 'other')];
  here.home = other;
  const second = await here.connect();
  expect(await second.refused('enqueue_task', { project, body: 'theirs' })).toMatch(/belongs to another running home/);
  expect((await here.cli(['status'])).stdout).toMatch(/queue of \S*shared\s+belongs\s+to another/);
  here.home = home;
  await first.ended(project, 'mine');
  await first.close();
  await here.endRuntime('SIGTERM');
  here.home = other;
  writeFileSync(here.queue(project, 'inbox', 'dropped.md'), 'whoever has the queue');
  await until(() => here.listed(project, 'done').join() === 'dropped.md,mine.md');
  const task = await second.enqueue(project, 'theirs');
  expect(await second.ended(project, task.id)).toMatchObject({ state: 'done' });
  expect((await all(second, project)).map(({ id }) => id).sort()).toEqual(['dropped', 'mine', 'theirs']);
});

test('a runtime that is stopped leaves its agents at work, and the next one adopts them', async () => {
  const here = build({
    agents: { gate: { command: shell('echo begun; until [ -e open ]; do sleep 0.05; done; echo through') } },
  });
  const project = here.project('adopted');
  const client = await here.connect();
  const { id } = await client.enqueue(project, 'stay');
  await client.state(project, id, 'running');
  expect((await here.cli(['stop'])).code).toBe(0);
  expect(here.runtime).toBeUndefined();
  expect(here.processes().some(({ command }) => command.includes('until [ -e open ]'))).toBe(true);
  expect(await client.one(project, id)).toMatchObject({ state: 'running', attempts: 1 });
  await here.endRuntime('SIGKILL');
  expect(await client.one(project, id)).toMatchObject({ state: 'running', attempts: 1 });
  writeFileSync(join(project, 'open'), '');
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', attempts: 1 });
  expect((await client.one(project, id, { detail: 'log' })).log?.text).toBe('begun\nthrough\n');
});

test('an agent that ends while no runtime runs has ended all the same', async () => {
  const here = build({ agents: { brief: { command: shell('until [ -e open ]; do sleep 0.05; done; echo over') } } });
  const project = here.project('brief');
  const client = await here.connect();
  const { id } = await client.enqueue(project, 'go');
  await client.state(project, id, 'running');
  await here.endRuntime('SIGKILL');
  writeFileSync(join(project, 'open'), '');
  await until(() => !here.processes().some(({ command }) => command.includes('until [ -e open ]')));
  expect((await client.ended(project, id)).result?.text).toContain('over');
});

test('a task whose agent is not installed stays queued, is shown, and runs when the agent appears', async () => {
  const here = build({ agents: { later: { command: ['comes-later'] } }, dispatcher: { scan: '1s' } });
  const project = here.project('patient');
  const client = await here.connect();
  const { id } = await client.enqueue(project, 'wait for it');
  await until(async () => /agent later can't be started.*comes-later/s.test((await here.cli(['status'])).stdout));
  expect(await client.one(project, id)).toMatchObject({ state: 'queued' });
  writeFileSync(join(here.bin, 'comes-later'), '#!/bin/sh\necho here I am\n');
  chmodSync(join(here.bin, 'comes-later'), 0o755);
  expect((await client.ended(project, id)).result?.text).toContain('here I am');
  await until(async () => (await here.cli(['status'])).stdout.includes('nothing needs you'));
});

test('a task that can never be started fails alone; its agent goes on with the others', async () => {
  const here = build({ agents: { modelled: { command: ['echo', '{model}'] } } });
  const project = here.project('poison');
  const client = await here.connect();
  const bad = await client.enqueue(project, 'x', { model: '--evil option' });
  const good = await client.enqueue(project, 'y', { model: 'sonnet' });
  expect(await client.ended(project, good.id)).toMatchObject({ state: 'done' });
  expect(await client.ended(project, bad.id)).toMatchObject({ state: 'failed', error_class: 'invalid' });
});

test('a file that is spoilt before it runs fails with its reason; one that breaks the rules for drops does too', async () => {
  const here = build({
    agents: { gate: { command: shell('until [ -e open ]; do sleep 0.05; done; cat "$1"') } },
    dispatcher: { settle: '100ms' },
  });
  const project = here.project('spoilt');
  const client = await here.connect();
  const first = await client.enqueue(project, 'hold');
  await client.state(project, first.id, 'running');
  const inbox = (id: string) => here.queue(project, 'inbox', `${id}.md`);
  const ids = ['broken', 'commanding', 'late', 'sooner'];
  for (const id of ids) writeFileSync(inbox(id), id === 'sooner' ? `---\nnot_before: ${LATER}\n---\nfine` : 'fine');
  for (const id of ids) await client.state(project, id, 'queued');
  writeFileSync(inbox('broken'), '---\npriority: urgent\n---\nx');
  writeFileSync(inbox('commanding'), '---\ncallback_url: http://10.0.0.1/\n---\nx');
  writeFileSync(inbox('sooner'), 'now');
  writeFileSync(inbox('late'), `---\ndepends_on: [${first.id}]\n---\nlate`);
  writeFileSync(join(project, 'open'), '');
  expect(await client.ended(project, 'broken')).toMatchObject({ state: 'failed', error_class: 'invalid' });
  expect(await client.ended(project, 'commanding')).toMatchObject({ state: 'failed', error_class: 'invalid' });
  expect(await client.ended(project, 'late')).toMatchObject({ state: 'done' });
  expect(await client.ended(project, 'sooner')).toMatchObject({ state: 'done' });
});
