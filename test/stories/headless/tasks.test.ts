import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { allEnded, sessionsOf } from '../sessions/world.ts';
import { HeadlessWorld, whenRun } from './world.ts';

/* The way of tasks through coding agents without a terminal, as clients and people see it. */

let world: HeadlessWorld;
afterEach(() => world.end());

test('a task runs without a terminal, and its result names conversation, model, account and cost', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const body = '[[say:I look first.]][[bash:echo one >> log]][[say:It is built.]]';
  const { id } = await client.enqueue(project, body);
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 1, runs_on: 'claude' });
  expect(ended.result?.text).toContain('It is built.');
  expect(world.lines(project, 'log')).toEqual(['one']);
  const file = world.read(project, '.agent-queue/done', `${id}.md`);
  expect(file).toMatch(/session_id: "?[0-9a-f-]{36}/);
  expect(file).toMatch(/tokens: \d+/);
  expect(file).toMatch(/cost_usd: [\d.]+/);
  expect(world.begun).toHaveLength(1);
  expect(await sessionsOf(client)).toEqual([]);
  // What it did is told in words, during and after.
  const logs = await world.cli(['logs', `shop/${id}`]);
  expect(logs.stdout).toContain('[agent] I look first.\n');
  expect(logs.stdout).toContain('[tool] Bash echo one >> log\n');
  expect(logs.stdout).not.toContain('{"type"');
  const { log } = await client.one(project, id, { detail: 'log' });
  expect(log?.text).toContain('[agent] It is built.');
  const read = await client.ask<{ text: string }>('read_session', { id, project });
  expect(read.text).toContain('[agent] It is built.');
});

test('people see what a run does while it works, and are told that there is nothing to attach to', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[say:I begin.]][[bash:sleep 60]]');
  const name = `shop/${id}`;
  await whenRun(client, name, ({ state, detail }) => state === 'working' && detail?.includes('sleep 60') === true);
  expect(await client.ask('read_session', { name })).toMatchObject({
    source: 'stream',
    text: expect.stringContaining('[agent] I begin.\n[tool] Bash sleep 60'),
  });
  expect((await world.cli(['sessions'])).stdout).toMatch(new RegExp(`${name}\\s+headless\\s+working`));
  expect((await world.cli(['read', name])).stdout).toContain('[agent] I begin.');
  const attach = await world.cli(['attach', name, '--print']);
  expect(attach.code).not.toBe(0);
  expect(attach.stderr).toContain('works without a terminal');
  expect(attach.stderr).toContain(`yardmaster logs -f ${name}`);
  const status = await client.ask<{ agents: object[]; sessions: object }>('fleet_status');
  expect(status.agents).toMatchObject([{ id: 'claude', kind: 'headless', status: 'busy', load: 1 }]);
  expect(status.sessions).toEqual({ working: 1 });
  await client.ask('cancel_task', { project, id });
  expect(await client.ended(project, id)).toMatchObject({ state: 'cancelled' });
  expect(world.processes().filter(({ command }) => /claude\.mjs|sleep 60/.test(command))).toEqual([]);
});

test('a long prompt of many lines arrives byte for byte', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const line = 'He said: "it\'s `$(touch pwned)` #{pane_id} \\n %d 😀👩‍👩‍👧"';
  const body = `${Array.from({ length: 4_000 }, (_, n) => `${n} ${line}`).join('\n')}\n[[prompt]]`;
  const { id } = await client.enqueue(project, body, { title: 'Long' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  const done = world.read(project, '.agent-queue/done', `${id}.md`);
  expect(done).toContain(`0 ${line}`);
  expect(done).toContain(`3999 ${line}`);
});

test('a message reaches a run that works, and is part of what it answers', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[write:a.txt:begun]][[bash:sleep 2]][[say:First.]]');
  await until(() => world.lines(project, 'a.txt').length === 1);
  const sent = await world.cli(['send', `shop/${id}`, 'Please say more: [[say:And the second.]]']);
  expect(sent.stdout).toContain('delivered');
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 1 });
  expect(ended.result?.text).toContain('And the second.');
});

test('a run that takes too long is ended, with what it has started', async () => {
  world = new HeadlessWorld({ agents: { claude: { ttl: '2s' } }, retry: { max_attempts: 1 } } as object);
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[stubborn]][[bash:sleep 60]]');
  expect(await client.ended(project, id)).toMatchObject({ state: 'failed', error_class: 'timeout' });
  expect(world.processes().filter(({ command }) => /claude\.mjs|sleep 60/.test(command))).toEqual([]);
});

test('what its service refuses is told by its class; a prompt that is too long is told once more without learnings', async () => {
  world = new HeadlessWorld({ retry: { max_attempts: 2, backoff: '50ms', backoff_max: '100ms' } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[error:toolong]]', { learnings: ['a lesson'] });
  await client.ended(project, id);
  expect(world.begun).toHaveLength(2);
  expect(new Set(world.conversations).size).toBe(2);
  expect(world.conversations.every((one) => one.startsWith('--session-id='))).toBe(true);
});

test('a result with a shape is handed on as data', async () => {
  world = new HeadlessWorld();
  const project = world.project('shop');
  const client = await world.connect();
  const result_schema = { type: 'object', properties: { count: { type: 'number' } }, required: ['count'] };
  const { id } = await client.enqueue(project, '[[json:{"count": 3}]]', { result_schema });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  const [done] = await world.events<{ type: string; outcome: object }>('task_finished');
  expect(done?.outcome).toMatchObject({ structured: { count: 3 } });
});

test('twenty tasks, four at a time: each exactly once', async () => {
  const headless = { max_running: 4 };
  world = new HeadlessWorld({ headless });
  const project = world.project('shop');
  world.agents({ headless, projects: [{ name: 'shop', path: project, shared_checkout: true }] });
  const client = await world.connect();
  const tasks = Array.from({ length: 20 }, (_, n) => ({
    ...{ body: `[[write:log.txt:task ${n}]][[say:done ${n}]]`, title: `Task ${n}`, group: 'all' },
  }));
  await client.ask('enqueue_task', { project: 'shop', tasks });
  const status = await allEnded(client, 'shop', 'all');
  expect(status.counts).toMatchObject({ done: 20 });
  expect(world.lines(project, 'log.txt').sort()).toEqual(tasks.map((_, n) => `task ${n}`).sort());
  expect(world.begun).toHaveLength(20);
});
