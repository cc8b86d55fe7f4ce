import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tool, World } from './world.ts';

/** What `fleet_status` says beside all that. */
const FLEET = { needs: [], agents: [], providers: [], projects: [], paused: { all: false, projects: [] } };

let world: World;
beforeEach(async () => {
  world = await World.make();
  world.runtime.answer = () =>
    tool({ id: 'a', project: 'shop', state: 'done', tasks: [], counts: { done: 2 }, all_ended: true, ...FLEET });
});
afterEach(() => world.end());

const SHOP = { project: 'shop' };

test.each<[string, string, Record<string, unknown>]>([
  ['enqueue -p shop Fix the login', 'enqueue_task', { ...SHOP, body: 'Fix the login' }],
  [
    'enqueue -p shop x --tags a,b --tags c --ttl-seconds 90',
    'enqueue_task',
    { ...SHOP, body: 'x', tags: ['a', 'b', 'c'], ttl_seconds: 90 },
  ],
  [
    'enqueue -p shop x --constraints a,b --needs-claude-code',
    'enqueue_task',
    { ...SHOP, body: 'x', constraints: ['a,b'], needs_claude_code: true },
  ],
  [
    'enqueue -p shop x --allow-delegation no --id y',
    'enqueue_task',
    { ...SHOP, body: 'x', allow_delegation: false, id: 'y' },
  ],
  ['list', 'list_tasks', {}],
  [
    'list --since 12h --state done,failed -p shop -g rel -n 5',
    'list_tasks',
    { ...SHOP, changed_since: '2026-11-21T00:00:00.000Z', state: ['done', 'failed'], group: 'rel', limit: 5 },
  ],
  ['show shop/a', 'job_status', { ...SHOP, id: 'a', detail: 'result' }],
  ['show a -p /srv/shop -d attempts', 'job_status', { id: 'a', project: '/srv/shop', detail: 'attempts' }],
  [
    'wait shop/a shop/b --any --timeout 10s',
    'job_status',
    { ...SHOP, ids: ['a', 'b'], wait: 'any', wait_seconds: 10, detail: 'summary' },
  ],
  ['wait -g rel', 'job_status', { group: 'rel', wait: 'all', wait_seconds: 45, detail: 'summary' }],
  ['cancel shop/a -r enough', 'cancel_task', { ...SHOP, id: 'a', reason: 'enough' }],
  ['retry shop/a', 'retry_task', { ...SHOP, id: 'a' }],
  ['route shop/a', 'decide_route', { ...SHOP, id: 'a' }],
  ['route -p shop --preferred-ai gemini', 'decide_route', { ...SHOP, preferred_ai: 'gemini' }],
  ['delegate submit shop/a --provider gpu', 'delegate', { ...SHOP, id: 'a', provider: 'gpu' }],
  ['delegate get shop/a', 'job_status', { ...SHOP, id: 'a', detail: 'summary' }],
  ['delegate result shop/a', 'job_status', { ...SHOP, id: 'a', detail: 'result' }],
  ['delegate decide shop/a', 'decide_route', { ...SHOP, id: 'a' }],
  ['status', 'fleet_status', {}],
  ['sessions', 'list_sessions', { limit: 200 }],
  ['sessions --all', 'list_sessions', { all: true, limit: 200 }],
])('%s', async (line, name, args) => {
  const said = await world.yardmaster(line.split(' '));
  expect(said.err).toBe('');
  expect(world.runtime.tools()).toEqual([[name, args]]);
});

test.each<[string, string, Record<string, unknown>]>([
  ['events -n 3', 'yardmaster/audit', { order: 'newest', limit: 3 }],
  ['events --after 7', 'yardmaster/audit', { order: 'oldest', from: 7, limit: 20 }],
  ['events --type task-*', 'yardmaster/audit', { types: ['task_*'], order: 'newest', limit: 20 }],
  ['import shop', 'yardmaster/scan', { project: 'shop', take_over: true }],
  [
    'logs shop/a --attempt 2 --stream stderr',
    'yardmaster/run_log',
    { project: 'shop', id: 'a', attempt: 2, stream: 'stderr', offset: 0 },
  ],
])('%s asks the runtime for what is no tool', async (line, method, params) => {
  world.runtime.answer = () => ({ result: { records: [], text: '', next: 0, ended: true } });
  await world.yardmaster(line.split(' '));
  expect(world.runtime.calls.map((call) => [call.method, call.params])).toEqual([[method, params]]);
});

test('files are enqueued with their front matter, options beat it, and what is unknown is said', async () => {
  await writeFile(
    join(world.dir, 'a.md'),
    '---\ntitle: 017\ntags: [x, y]\nmax_attempts: 2\nallow_delegation: false\nmood: good\n---\n\nDo a.\n',
  );
  await writeFile(join(world.dir, 'b.md'), 'Do b.\n');
  const { err } = await world.yardmaster(['enqueue', '-p', 'shop', '--priority', 'high', '-f', 'a.md', 'b.md']);
  expect(err).toBe('yardmaster: a.md: left out what is not known: mood\n');
  expect(world.runtime.tools()).toEqual([
    [
      'enqueue_task',
      {
        project: 'shop',
        tasks: [
          {
            body: 'Do a.\n',
            title: '017',
            tags: ['x', 'y'],
            max_attempts: 2,
            allow_delegation: false,
            priority: 'high',
          },
          { body: 'Do b.\n', priority: 'high' },
        ],
      },
    ],
  ]);
});

test('the project is the one around the working directory', async () => {
  await mkdir(join(world.dir, 'shop/.agent-queue'), { recursive: true });
  await mkdir(join(world.dir, 'shop/src'), { recursive: true });
  const cwd = join(world.dir, 'shop/src');
  await world.yardmaster(['enqueue', '-'], { cwd, stdin: async () => 'from stdin' });
  await world.yardmaster(['show', 'a'], { cwd });
  const project = join(world.dir, 'shop');
  expect(world.runtime.tools()).toEqual([
    ['enqueue_task', { project, body: 'from stdin' }],
    ['job_status', { project, id: 'a', detail: 'result' }],
  ]);
});

test.each([
  ['---js\nprocess.exit(9)\n---\nx', /"js" is not/],
  ['---\ntitle: x\n', /no end|never closed/],
  ['---\na: &b x\nc: *b\n---\nx', /aliases are not/],
  ['---\n- a\n---\nx', /no list of keys|not a list/],
  ['---\nmax_attempts: many\n---\nx', /stdin: max_attempts: "many" is not a number/],
  ['---\na: [\n---\nx', /stdin: .*front matter/],
])('front matter %j is refused before anything is sent', async (text, message) => {
  const said = await world.yardmaster(['enqueue', '-p', 'shop', '-'], { stdin: async () => text });
  expect(said).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  expect(world.runtime.calls).toEqual([]);
});

test('many tasks go out in batches', async () => {
  const files = Array.from({ length: 130 }, (_, n) => `t${n}.md`);
  await Promise.all(files.map((file) => writeFile(join(world.dir, file), file)));
  await world.yardmaster(['enqueue', '-p', 'shop', '-f', ...files]);
  const sizes = world.runtime.tools().map((call) => (call as [string, { tasks: unknown[] }])[1].tasks.length);
  expect(sizes).toEqual([100, 30]);
});
