import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ComposerPorts, DelegatedPrompts } from '../../../src/runtime/context/compose.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { TaskSpec, type TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { Lease, LiveTask } from '../../../src/runtime/model/task.ts';
import { id, PROJECT, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.make();
  await world.write({ 'src/a.ts': 'a = 1;\n' });
});
afterEach(() => world.end());

const BODY = Buffer.from('Mend it.\n');
const task = (spec: TaskSpecInput, more: Partial<LiveTask> = {}) => {
  const core = { project: PROJECT, id: id('mend'), title: 'Mend it', attempt: 1, state: 'claimed' };
  return { ...core, spec: TaskSpec.parse(spec), ...more } as LiveTask;
};
const lease: Lease = { task: { project: PROJECT, id: id('mend') }, attempt: 1, epoch: 'e', token: 't' };
const running: Partial<LiveTask> = { state: 'running' };

function prompts(ports: Partial<ComposerPorts> = {}): DelegatedPrompts {
  return new DelegatedPrompts({
    home: join(world.root, 'home'),
    files: new DiskFiles(),
    store: world.store,
    packing: world.packing(),
    workspaces: { open: async () => ({ kind: 'ready', cwd: join(world.root, 'tree') }) },
    checks: { complaint: async () => undefined },
    config: () => Config.parse({}),
    ...ports,
  });
}
const kept = () => readFile(join(world.root, 'home', 'runs', PROJECT, 'mend', '1', 'prompt.md'), 'utf8');

it('what was sent is said again byte for byte, whatever has become of the files', async () => {
  const spec = { include: ['src'], constraints: ['keep it small'] };
  const first = await prompts().compose(task(spec), lease, BODY);
  expect(first).toMatchObject({
    kind: 'ready',
    prompt: expect.stringMatching(/^Task: mend\.md\n\nMend it\.\n[\s\S]*keep it small[\s\S]*a = 1;/),
  });
  expect(await kept()).toBe((first as { prompt: string }).prompt);
  expect(await prompts().compose(task(spec), lease, BODY)).toEqual(first);
  await world.write({ 'src/a.ts': 'a = 2;\n', 'src/.env': 'X=1\n' });
  expect(await prompts().compose(task(spec, running), lease, BODY)).toEqual(first);
});

it('what lies there before anything was sent is made again: a crash may have torn it', async () => {
  const spec = { include: ['src'] };
  const first = await prompts().compose(task(spec), lease, BODY);
  await writeFile(join(world.root, 'home', 'runs', PROJECT, 'mend', '1', 'prompt.md'), 'Task: me');
  expect(await prompts().compose(task(spec), lease, BODY)).toEqual(first);
  expect(await kept()).toBe((first as { prompt: string }).prompt);
});

it('what can not be packed is told with what to change, and nothing is kept', async () => {
  const compose = (include: string[]) => prompts().compose(task({ include }), lease, BODY);
  expect(await compose(['srcs'])).toMatchObject({
    kind: 'unfit',
    class: 'invalid',
    reason: expect.stringMatching(/"srcs" is not there.*take it out/),
  });
  await world.write({ 'src/.env': 'X=1\n' });
  expect(await compose(['src'])).toMatchObject({
    kind: 'unfit',
    class: 'permission',
    reason: expect.stringMatching(/env-file.*add "!src\/\.env"/),
  });
  await expect(kept()).rejects.toThrow(/ENOENT/);
});

it('a patch is asked for of what it will be applied to: the worktree, not the folder', async () => {
  world.git('add', '.');
  world.git('commit', '-qm', 'first');
  world.git('worktree', 'add', '-q', join(world.root, 'tree'));
  await world.write({ 'src/a.ts': 'a = "not committed";\n', 'src/new.ts': 'new\n' });
  const spec = { include: ['src'], apply: 'worktree' as const, verify: 'npm test' };
  const composed = await prompts().compose(task(spec), lease, BODY);
  expect(composed).toMatchObject({ kind: 'ready', prompt: expect.stringContaining('a = 1;') });
  expect((composed as { prompt: string }).prompt).toMatch(/unified diff[\s\S]*a check is run there/);
  expect(await prompts().compose(task({ ...spec, include: ['src/new.ts'] }), lease, BODY)).toMatchObject({
    kind: 'unfit',
    reason: expect.stringMatching(/"src\/new.ts" is not there.*only what is committed/),
  });
});

it('a worktree that can not be had now is waited for; one that never can be is the end', async () => {
  const open = (opened: Awaited<ReturnType<ComposerPorts['workspaces']['open']>>) =>
    prompts({ workspaces: { open: async () => opened } }).compose(task({ apply: 'worktree' }), lease, BODY);
  await expect(open({ kind: 'wait', reason: 'git is busy' })).rejects.toThrow('git is busy');
  expect(await open({ kind: 'unfit', reason: 'no repository' })).toEqual({
    kind: 'unfit',
    class: 'invalid',
    reason: 'no repository',
  });
});

it('the complaint of the check before, the schema and results of dependencies are said; learnings go first', async () => {
  world.results.set('plan', '---\nstatus: completed\n---\nfirst the router\n');
  const spec = { depends_on: [id('plan')], result_schema: { type: 'object' }, learnings: ['tests need a port'] };
  const say = async (more: Partial<LiveTask> = {}) => {
    const composed = await prompts({ checks: { complaint: async () => '/ok is missing' } }).compose(
      task(spec, more),
      lease,
      BODY,
    );
    return (composed as { prompt: string }).prompt;
  };
  expect(await say()).toMatch(
    /tests need a port[\s\S]*Result of plan:\n```\nfirst the router\n```[\s\S]*JSON Schema[\s\S]*\/ok is missing[\s\S]*Give a complete/,
  );
  expect(await say({ last_error: { class: 'context_overflow', reason: '', attempt: 1 } })).not.toContain(
    'tests need a port',
  );
});

it('what others have learned, or a check has printed, is looked through for secrets as well', async () => {
  const token = `ghp_${'aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5'}`;
  const learned = await prompts().compose(task({ learnings: ['tests: npm test', `use ${token}`] }), lease, BODY);
  expect(learned).toMatchObject({
    kind: 'unfit',
    class: 'permission',
    reason: expect.stringMatching(/learnings:2 \(/),
  });
  expect(JSON.stringify(learned)).not.toContain(token);
  const checks = { complaint: async () => `npm test failed:\n\n${token}` };
  const complained = await prompts({ checks }).compose(task({}), lease, BODY);
  expect(complained).toMatchObject({ kind: 'ready', prompt: expect.stringContaining('A check of it failed') });
  expect(JSON.stringify(complained)).not.toContain(token);
});
