import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { until } from '../../support/world.ts';
import { allEnded, SessionWorld, session, sessionsOf, when } from './world.ts';

/* The way of tasks through sessions, as a client and a person at a terminal see it. */

let world: SessionWorld;
afterEach(() => world.end());

test('a task runs in a session of the pool, and its result names the conversation', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 2 } } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[write:done.txt:built]][[say:It is built.]]', { agent: 'claude' });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 1, runs_on: 'auto-0' });
  expect(ended.result?.text).toContain('It is built.');
  expect(world.lines(project, 'done.txt')).toEqual(['built']);
  const file = world.read(project, '.agent-queue/done', `${id}.md`);
  expect(file).toMatch(/session_id: "?[0-9a-f-]{36}/);
  expect(file).toMatch(/tokens: \d+/);
  expect(world.begun).toHaveLength(1);
  // The agent is left open for a while, and is ours as long as it is.
  await until(async () => (await world.person('list-panes', '-a', '-F', '#{pane_current_command}')).includes('node'));
  expect((await sessionsOf(client, { all: true })).map(({ name }) => name)).toEqual(['auto-0', 'auto-1']);
});

test('twenty tasks over three sessions: each exactly once', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 3 } } });
  const project = world.project('shop');
  world.sessions({
    pool: { autonomous: { prefix: 'auto-', min: 1, max: 3 } },
    projects: [{ name: 'shop', path: project, shared_checkout: true }],
  });
  const client = await world.connect();
  const tasks = Array.from({ length: 20 }, (_, n) => ({
    body: `[[write:log.txt:task ${n}]][[say:done ${n}]]`,
    title: `Task ${n}`,
    group: 'all',
    agent: 'claude',
  }));
  await client.ask('enqueue_task', { project: 'shop', tasks });
  const status = await allEnded(client, 'shop', 'all');
  expect(status.counts).toMatchObject({ done: 20 });
  expect(world.lines(project, 'log.txt').sort()).toEqual(tasks.map((_, n) => `task ${n}`).sort());
  expect(new Set(status.tasks.map(({ runs_on }) => runs_on)).size).toBeGreaterThan(1);
  expect(world.begun).toHaveLength(20);
});

test('a dedicated session takes its project’s tasks and nobody else’s', async () => {
  world = new SessionWorld();
  const shop = world.project('shop');
  const other = world.project('other');
  world.sessions({ pool: { dedicated: [{ name: 'shop-main', project: shop }] } });
  const client = await world.connect();
  const mine = await client.enqueue(shop, '[[say:here]]', { mode: 'session' });
  expect(await client.ended(shop, mine.id)).toMatchObject({ state: 'done', runs_on: 'shop-main' });
  const foreign = await client.enqueue(other, '[[say:never]]', { mode: 'session' });
  expect(await client.one(other, foreign.id)).toMatchObject({
    state: 'queued',
    waiting: { reason: 'no_eligible_agent' },
  });
});

test('a prompt of many lines, quotes and emoji arrives byte for byte', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', max: 1 } } });
  const project = world.project('shop');
  const client = await world.connect();
  const line = 'He said: "it\'s `$(touch pwned)` #{pane_id} \\n %d 😀👩‍👩‍👧"';
  const body = `${Array.from({ length: 600 }, (_, n) => `${n} ${line}`).join('\n')}\n[[write:seen.txt:yes]][[prompt]]`;
  const { id } = await client.enqueue(project, body, { title: 'Long', agent: 'claude' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  const done = world.read(project, '.agent-queue/done', `${id}.md`);
  expect(done).toContain(`599 ${line}`);
  expect(() => readFileSync(join(project, 'pwned'))).toThrow();
});

test('background work does not end the attempt early', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', max: 1 } } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[background:1500:The server was built.]][[say:Started.]]', {
    agent: 'claude',
  });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done' });
  expect(ended.result?.text).toContain('The server was built.');
});

test('a hook of the person’s own that keeps a turn from ending does so: the result is what came after it', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', max: 1 } } });
  const project = world.project('shop');
  const block = JSON.stringify({ decision: 'block', reason: '[[sleep:700]][[write:a.txt:checked]][[say:Checked.]]' });
  const command = `grep -q '"stop_hook_active":true' || printf '%s' '${block}'`;
  mkdirSync(join(world.user, '.claude'), { recursive: true });
  const hooks = { Stop: [{ hooks: [{ type: 'command', command }] }] };
  writeFileSync(join(world.user, '.claude', 'settings.json'), JSON.stringify({ hooks }));
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[write:a.txt:built]][[say:Built.]]', { agent: 'claude' });
  const next = await client.enqueue(project, '[[write:a.txt:next]]', { agent: 'claude' });
  const ended = await client.ended(project, id);
  expect(ended.result?.text).toContain('Checked.');
  await client.ended(project, next.id);
  expect(world.lines(project, 'a.txt').slice(0, 2)).toEqual(['built', 'checked']);
});

test('an agent that is done and minds no hang-up does not outlive its place', async () => {
  const pool = { autonomous: { prefix: 'auto-', min: 1, max: 1 }, linger: '1s' };
  world = new SessionWorld({ pool, lifecycle: { interval: '1s' } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[stubborn]][[say:done]]', { agent: 'claude' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  await until(() => world.processes().every(({ command }) => !command.includes('claude.mjs')), 20_000);
  await when(client, 'auto-0', ({ state }) => state === 'idle');
});

test('a cancelled task’s agent is ended, and its session is free again', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } } });
  const project = world.project('shop');
  const client = await world.connect();
  const { id } = await client.enqueue(project, '[[write:a.txt:1]][[hang]]', { agent: 'claude' });
  await until(() => world.lines(project, 'a.txt').length === 1);
  expect(await client.ask('cancel_task', { project, id })).toMatchObject({ state: 'running' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'cancelled' });
  await when(client, 'auto-0', ({ state }) => state === 'idle');
  expect(world.processes().filter(({ command }) => command.includes('claude.mjs'))).toEqual([]);
});

test('an agent that dies at work is followed by one that goes on with its conversation', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } } });
  const project = world.project('shop');
  const client = await world.connect();
  const body = '[[write:a.txt:first]][[sleep:4000]][[write:a.txt:second]][[say:both]]';
  const { id } = await client.enqueue(project, body, { agent: 'claude' });
  await until(() => world.lines(project, 'a.txt').length === 1);
  const [first] = world.begun;
  process.kill(first?.pid ?? 0, 'SIGKILL');
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done', attempts: 2 });
  expect(world.lines(project, 'a.txt')).toEqual(['first', 'second']);
  const conversation = first?.argv.find((one) => one.startsWith('--session-id='))?.slice('--session-id='.length);
  expect(world.begun[1]?.argv.find((one) => one.startsWith('--resume'))).toContain(conversation);
});

test('a runtime that is killed finds its sessions again, and what ended meanwhile', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 2, max: 2 } } });
  const [shop, depot] = [world.project('shop'), world.project('depot')];
  const client = await world.connect();
  const short = await client.enqueue(shop, '[[write:a.txt:1]][[sleep:500]][[say:short]]', { agent: 'claude' });
  const long = await client.enqueue(depot, '[[write:b.txt:1]][[sleep:4000]][[say:long]]', { agent: 'claude' });
  await until(() => world.lines(shop, 'a.txt').length + world.lines(depot, 'b.txt').length === 2);
  await client.close();
  await world.endRuntime('SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 1_500)); // one of them ends while nobody watches
  const again = await world.connect();
  expect(await again.ended(shop, short.id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(await again.ended(depot, long.id)).toMatchObject({ state: 'done', attempts: 1 });
  expect(world.begun).toHaveLength(2);
});

test('without tmux sessions say so, and everything else works', async () => {
  world = new SessionWorld();
  const project = world.project('shop');
  world.configure({
    allowed_roots: [world.user],
    tmux: { program: 'no-such-tmux' },
    pool: { autonomous: { prefix: 'auto-', min: 1, max: 1 } },
    agents: { echo: { command: ['/bin/cat', '{prompt_file}'] } },
  });
  const client = await world.connect();
  await until(async () => (await sessionsOf(client)).some(({ detail }) => detail?.includes('no-such-tmux') === true));
  const { id } = await client.enqueue(project, 'x', { agent: 'echo' });
  expect(await client.ended(project, id)).toMatchObject({ state: 'done' });
  const held = await client.enqueue(project, 'y', { agent: 'claude' });
  expect(await client.one(project, held.id)).toMatchObject({ state: 'queued' });
});

test('a session that is not ours is shown and left alone until it is adopted', async () => {
  world = new SessionWorld();
  const project = world.project('shop');
  await world.person('new-session', '-d', '-s', 'shop-main', '-c', project, 'sh', '-c', 'cat');
  world.sessions({ pool: { dedicated: [{ name: 'shop-main', project }] } });
  const client = await world.connect();
  await when(client, 'shop-main', ({ state }) => state === 'foreign');
  const { id } = await client.enqueue(project, '[[say:mine now]]', { agent: 'claude' });
  expect(await client.one(project, id)).toMatchObject({ state: 'queued' });
  await world.person('send-keys', '-t', 'shop-main', 'C-d');
  await world.person('kill-session', '-t', 'shop-main').catch(() => undefined);
  expect(await client.ended(project, id)).toMatchObject({ state: 'done', runs_on: 'shop-main' });
  expect((await session(client, 'shop-main')).state).not.toBe('foreign');
});

test('nothing in a task reaches a shell, a format of tmux or a terminal raw', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', max: 1 } } });
  const bad = `$(touch ${world.root}/p1) \`touch ${world.root}/p2\` ; touch ${world.root}/p3 #{run-shell:touch} #(touch ${world.root}/p4) \u001b]0;title\u0007 \u001b[2J`;
  const project = world.project("it's $(touch p5) #(touch p6)");
  const client = await world.connect();
  const plain = bad.replaceAll('\u001b', '').replaceAll('\u0007', '');
  const body = `[[say:${plain}]]`;
  const { id } = await client.enqueue(project, body, {
    title: plain.slice(0, 200),
    tags: ['$(touch p7)', '#{x}', '`y`'],
    agent: 'claude',
  });
  const ended = await client.ended(project, id);
  expect(ended).toMatchObject({ state: 'done' });
  const drop = world.queue(project, 'inbox', 'drop $(touch p8) #(touch p9).md');
  writeFileSync(drop, `---\nagent: claude\n---\n${bad}\n[[say:dropped]]`);
  await until(() => world.listed(project, 'done').length + world.listed(project, 'failed').length === 2, 30_000);
  const names = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9'];
  const found = names.flatMap((name) =>
    [world.root, world.user, project].filter((dir) => {
      try {
        readFileSync(join(dir, name));
        return true;
      } catch {
        return false;
      }
    }),
  );
  expect(found).toEqual([]);
  const { stdout } = await world.cli(['sessions']);
  expect(stdout).not.toContain('\u001b]0;');
});
