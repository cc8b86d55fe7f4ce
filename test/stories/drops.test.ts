import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Status, shell, World } from './world.ts';

const SETTLE_MS = 300;

const world = new World({
  agents: {
    echo: { command: shell('cat "$1"'), max: 2 },
    gate: { command: shell('until [ -e open ]; do sleep 0.05; done; cat "$1"'), capabilities: ['gate'] },
  },
  headless: { max_running: 4, grace: '300ms' },
  limits: { max_task_bytes: 20_000 },
  dispatcher: { settle: `${SETTLE_MS}ms`, scan: '2s', default_agent: 'echo' },
});
let client: Client;

beforeAll(async () => {
  client = await world.connect();
});
afterAll(() => world.end());

/** A project whose inbox is watched. */
async function watched(name: string): Promise<{ project: string; inbox: string }> {
  const project = world.project(name);
  await client.enqueue(project, 'be known', { id: 'known' });
  await client.ended(project, 'known');
  return { project, inbox: world.queue(project, 'inbox') };
}

const LATER = '---\nnot_before: 2099-01-01T00:00:00Z\n---\n';

test('a file that is dropped becomes a task under its own name', async () => {
  const { project, inbox } = await watched('plain');
  writeFileSync(join(inbox, 'Fix the door.md'), '---\npriority: high\ntags: [a, b]\nmine: kept\n---\nOil the hinge.\n');
  await client.state(project, 'Fix the door', 'done');
  const ended = await client.ended(project, 'Fix the door');
  expect(ended).toMatchObject({ priority: 'high', tags: ['a', 'b'] });
  expect(ended.result?.text).toContain('Oil the hinge.');
});

test('a file that is still being written is not taken; what is renamed into place is taken at once', async () => {
  const { project, inbox } = await watched('slow-hand');
  const path = join(inbox, 'slow.md');
  for (let line = 1; line <= 6; line++) {
    appendFileSync(path, `line ${line}\n`);
    await sleep(SETTLE_MS / 3);
    expect(await client.call('job_status', { project, id: 'slow' })).toMatchObject({ isError: true });
  }
  writeFileSync(join(project, 'moved'), 'arrived whole');
  renameSync(join(project, 'moved'), join(inbox, 'moved.md'));
  await client.state(project, 'moved', 'done');
  await client.state(project, 'slow', 'done');
  expect((await client.ended(project, 'slow')).result?.text).toMatch(/line 1\n[\s\S]*line 6/);
});

test('what editors leave is ignored, and so is what does not end in .md', async () => {
  const { project, inbox } = await watched('editors');
  const names = ['.x.md.swp', '#x.md#', 'x.md~', '.#x.md', 'x.md.tmp', '4913', 'notes.txt', '.goutputstream-AB'];
  for (const name of names) writeFileSync(join(inbox, name), 'no task');
  writeFileSync(join(inbox, 'real.md'), 'a task');
  await client.state(project, 'real', 'done');
  const { tasks } = await client.ask<Status>('list_tasks', { project });
  expect(tasks.map(({ id }) => id).sort()).toEqual(['known', 'real']);
  expect(readdirSync(inbox).filter((name) => names.includes(name))).toHaveLength(names.length);
});

test('hostile and broken drops end in failed/, bytes intact, reason in front, nothing evaluated', async () => {
  const { project, inbox } = await watched('hostile');
  const trace = join(world.root, 'evaluated');
  const evil = `require('fs').writeFileSync(${JSON.stringify(trace)}, '')`;
  const bomb = `---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b]\n---\nboom`;
  const drops: Record<string, string> = {
    js: `---js\n${evil}; module.exports = {}\n---\nbody`,
    javascript: `---javascript\n{ title: (${evil}, 'x') }\n---\nbody`,
    coffee: `---coffee\n${evil}\n---\nbody`,
    json: '---json\n{"title": "x"}\n---\nbody',
    tag: `---\ntitle: !!js/function 'function () { ${evil} }'\n---\nbody`,
    bomb,
    proto: '---\n__proto__: {polluted: true}\npriority: urgent\n---\nbody',
    unclosed: '---\ntitle: x\nbody without an end',
    wrong: '---\npriority: urgent\n---\nbody',
    command: `---\nverify: touch ${trace}\n---\nbody`,
    callback: '---\ncallback_url: http://169.254.169.254/\n---\nbody',
    huge: `${'x'.repeat(20_001)}`,
    'bad;name$(touch evaluated)': 'body',
    '..sneaky': 'body',
  };
  for (const [name, text] of Object.entries(drops)) writeFileSync(join(inbox, `${name}.md`), text);
  writeFileSync(join(inbox, 'binary.md'), Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]));
  writeFileSync(join(inbox, 'empty.md'), '');
  writeFileSync(join(world.root, 'secret'), 'a secret');
  symlinkSync(join(world.root, 'secret'), join(inbox, 'link.md'));
  mkdirSync(join(inbox, 'folder.md'));
  writeFileSync(join(inbox, 'good.md'), 'still taken');

  await client.state(project, 'good', 'done');
  await until(() => world.listed(project, 'inbox').length === 0, 15_000);
  expect(existsSync(trace)).toBe(false);
  const failed = world.listed(project, 'failed');
  const read = (start: string) => {
    const name = failed.find((one) => one.startsWith(start) && one.endsWith('.md'));
    if (!name) throw new Error(`nothing in failed/ begins with ${start}: ${failed.join(', ')}`);
    return readFileSync(world.queue(project, 'failed', name), 'latin1');
  };
  for (const [name, text] of Object.entries(drops)) {
    if (/^[\w-]+$/.test(name)) expect(read(name), name).toContain(text.slice(0, 5_000));
  }
  expect(read('js')).toMatch(/failed_reason:.*js/);
  expect(read('wrong')).toMatch(/failed_reason:.*priority.*urgent/);
  expect(read('huge')).toMatch(/20001 bytes/);
  expect(read('link')).toMatch(/symbolic link/);
  for (const name of failed.filter((one) => one.endsWith('.md'))) expect(read(name), name).not.toContain('a secret');
  expect(await client.one(project, 'good')).toMatchObject({ state: 'done' });
});

test('what is edited before it runs is run as the file says then', async () => {
  const { project, inbox } = await watched('edited');
  const blocker = await client.enqueue(project, 'hold the checkout', { requires: ['gate'] });
  await client.state(project, blocker.id, 'running');
  writeFileSync(join(inbox, 'draft.md'), 'first thought');
  await client.state(project, 'draft', 'queued');
  writeFileSync(join(inbox, 'draft.md'), '---\ntitle: Second thought\n---\nsecond thought');
  writeFileSync(join(project, 'open'), '');
  await client.state(project, 'draft', 'done');
  const { result, title } = await client.ended(project, 'draft');
  expect(result?.text).toContain('second thought');
  expect(result?.text).not.toContain('first thought');
  expect(title).toBe('Second thought');
});

test('deleting a waiting file cancels its task', async () => {
  const { project, inbox } = await watched('deleted');
  writeFileSync(join(inbox, 'unwanted.md'), `${LATER}x`);
  await client.state(project, 'unwanted', 'queued');
  rmSync(join(inbox, 'unwanted.md'));
  await client.state(project, 'unwanted', 'cancelled');
  expect(await client.one(project, 'unwanted')).toMatchObject({ reason: expect.stringContaining('deleted') });
});

test('files that vanish together are written again', async () => {
  const { project, inbox } = await watched('swept');
  for (const name of ['a', 'b', 'c']) writeFileSync(join(inbox, `${name}.md`), `${LATER}${name}`);
  for (const name of ['a', 'b', 'c']) await client.state(project, name, 'queued');
  for (const name of ['a', 'b', 'c']) rmSync(join(inbox, `${name}.md`));
  await until(() => ['a.md', 'b.md', 'c.md'].every((name) => existsSync(join(inbox, name))));
  expect(await client.one(project, 'b')).toMatchObject({ state: 'queued' });
});

test('a drop under the name of a finished task gets the next free one', async () => {
  const { project, inbox } = await watched('again');
  const done = world.read(inbox, '../done/known.md');
  writeFileSync(join(inbox, 'known.md'), 'something else');
  await client.state(project, 'known-2', 'done');
  expect((await client.ended(project, 'known-2')).result?.text).toContain('something else');
  expect(world.read(inbox, '../done/known.md')).toBe(done);
});

test('a queue that git tracks is refused, with the way out', async () => {
  const project = world.project('tracked');
  mkdirSync(world.queue(project, 'inbox'), { recursive: true });
  writeFileSync(world.queue(project, 'inbox', 'x.md'), 'x');
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@y', ...args], { cwd: project });
  git('init', '-q');
  git('add', '-A');
  git('commit', '-qm', 'queue');
  expect(await client.refused('enqueue_task', { project, body: 'x' })).toMatch(/git tracks.*git rm -r --cached/s);
  expect(world.listed(project, 'inbox')).toEqual(['x.md']);
});

test('what lay in the inbox of an unconfigured project before its first use waits for an import', async () => {
  const project = world.project('older');
  mkdirSync(world.queue(project, 'inbox'), { recursive: true });
  writeFileSync(world.queue(project, 'inbox', 'planted.md'), 'was here before');
  await sleep(50);
  await client.enqueue(project, 'first use', { id: 'first' });
  await client.ended(project, 'first');
  expect((await world.cli(['status'])).stdout).toMatch(/1 files? lay in the inbox of older/);
  expect(await client.call('job_status', { project, id: 'planted' })).toMatchObject({ isError: true });
  expect((await world.cli(['import', project])).code).toBe(0);
  await client.state(project, 'planted', 'done');
  expect((await world.cli(['status'])).stdout).not.toContain('lay in the inbox');
});

test('ten thousand drops in a burst: none is lost', async () => {
  const { project, inbox } = await watched('burst');
  await client.enqueue(project, 'hold', { id: 'hold', requires: ['gate'] });
  await client.state(project, 'hold', 'running');
  const started = Date.now();
  for (let n = 0; n < 10_000; n++) writeFileSync(join(inbox, `t-${n}.md`), `${LATER}task ${n}`);
  const queued = async () =>
    (await client.ask<Status>('list_tasks', { project, state: 'queued', limit: 1 })).counts.queued;
  await until(async () => ((await queued()) ?? 0) >= 10_000, 60_000);
  expect(await queued()).toBe(10_000);
  expect(Date.now() - started).toBeLessThan(60_000);
  expect(world.listed(project, 'failed')).toEqual([]);
}, 90_000);

test('what is deleted while no runtime runs is written again at the next start', async () => {
  const { project, inbox } = await watched('away');
  writeFileSync(join(inbox, 'kept.md'), `${LATER}keep me`);
  await client.state(project, 'kept', 'queued');
  await world.endRuntime('SIGTERM');
  rmSync(join(inbox, 'kept.md'));
  await client.state(project, 'kept', 'queued'); // the bridge starts the next runtime
  await until(() => existsSync(join(inbox, 'kept.md')));
  expect(world.read(inbox, 'kept.md')).toContain('keep me');
});
