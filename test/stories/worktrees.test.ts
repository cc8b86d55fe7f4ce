import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { until } from '../support/world.ts';
import { type Client, type Settings, shell, World } from './world.ts';

vi.setConfig({ testTimeout: 120_000 });

const world = new World();
let client: Client;
let shop: string;

/** What each task's agent does in its worktree, once the gate is open. */
const WORK = `
echo "$YARDMASTER_TASK $PWD" >> "$HOME/began"
until [ -e "$HOME/gate" ]; do sleep 0.05; done
export GIT_AUTHOR_NAME=Agent GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=Agent GIT_COMMITTER_EMAIL=a@example.org
case $YARDMASTER_TASK in
  clash-*) echo "$YARDMASTER_TASK" > shared.txt ;;
  messy) echo precious > precious.txt; echo more > more.txt; exit 0 ;;
  *) echo "$YARDMASTER_TASK" > "$YARDMASTER_TASK.txt" ;;
esac
git add -A && git commit -q -m "$YARDMASTER_TASK" && echo "committed"
`;
const SETTINGS: Settings = {
  agents: { worker: { command: shell(WORK), max: 10, ttl: '5m' } },
  headless: { max_running: 10 },
};
const TASKS = ['clash-1', 'clash-2', 'messy', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7'];

function git(...args: string[]): string {
  const who = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.org'];
  return execFileSync('git', ['-C', shop, ...who, ...args], {
    encoding: 'utf8',
    stdio: 'pipe',
    env: quiet(),
  }).trimEnd();
}

function quiet() {
  return { ...process.env, GIT_OPTIONAL_LOCKS: '0' };
}

/** The checkout, byte for byte, with what git says of it. */
function checkout(): object {
  const files = readdirSync(shop, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/\/\.git\/|\/\.agent-queue\//.test(path));
  const inGit = ['index', 'HEAD', 'config'].map((name) => join(shop, '.git', name));
  return {
    bytes: [...files, ...inGit].sort().map((path) => [path, readFileSync(path).toString('base64')]),
    status: git('status', '--porcelain=v2', '--branch'),
    refs: git('for-each-ref')
      .split('\n')
      .filter((line) => !line.includes('refs/heads/yardmaster/')),
  };
}

function lines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').filter(Boolean) : [];
}

const home = (name: string) => join(world.user, name);
const projectId = () => JSON.parse(world.read(world.queue(shop, '.project.json'))).project_id as string;
const tree = (id: string) => join(world.home, 'worktrees', projectId(), id);
interface Listed {
  readonly worktrees: readonly { readonly id: string; readonly uncommitted?: string; readonly kept?: string }[];
}

beforeAll(async () => {
  shop = world.project('shop');
  git('init', '-q', '-b', 'main');
  writeFileSync(join(shop, 'shared.txt'), 'the beginning\n');
  mkdirSync(join(shop, 'src'));
  writeFileSync(join(shop, 'src/shop.ts'), 'export {};\n');
  git('add', '-A');
  git('commit', '-q', '-m', 'first');
  git('branch', 'a-persons-branch');
  git('tag', 'v1');
  writeFileSync(join(shop, 'src/shop.ts'), 'export const halfWritten = \n'); // a person is at work
  writeFileSync(join(shop, 'notes.txt'), 'do not lose\n');
  git('add', 'notes.txt');
  for (const name of ['post-checkout', 'reference-transaction']) {
    const hook = join(shop, '.git/hooks', name);
    writeFileSync(hook, `#!/bin/sh\necho "${name} in $PWD for $YARDMASTER_TASK" >> '${home('hooks')}'\n`);
    chmodSync(hook, 0o755);
  }
  world.configure(SETTINGS);
  client = await world.connect();
});
afterAll(() => world.end());

test('ten tasks of one project work in ten worktrees at once, and a killed runtime loses none of it', async () => {
  await world.cli(['import', shop]); // its queue is there
  const before = checkout();
  const tasks = TASKS.map((id) => ({ id, project: shop, body: `Do ${id}.`, workspace: 'worktree' }));
  await client.ask('enqueue_task', { tasks });
  await until(() => lines(home('began')).length === TASKS.length);
  expect(new Set(lines(home('began')).map((line) => line.split(' ')[1]))).toEqual(new Set(TASKS.map(tree)));

  await world.endRuntime('SIGKILL');
  writeFileSync(home('gate'), '');
  await world.start();
  for (const id of TASKS) {
    const task = await client.ended(shop, id);
    const committed = id === 'messy' ? 0 : 1;
    expect(task).toMatchObject({ state: 'done', attempts: 1 });
    expect(task).toMatchObject({ workspace: { branch: `yardmaster/${id}`, base: 'main', commits: committed } });
    const file = world.read(world.queue(shop, 'done', `${id}.md`));
    expect(file).toContain(`\nbranch: yardmaster/${id}\nbase: main\nbranch_commits: ${committed}\n`);
    expect(file.includes('worktree_kept: "2 files are not committed"')).toBe(id === 'messy');
  }
  expect(checkout()).toEqual(before);
  expect(git('show', 'yardmaster/clash-1:shared.txt')).toBe('clash-1');
  expect(git('show', 'yardmaster/clash-2:shared.txt')).toBe('clash-2');
  expect(lines(home('hooks')).filter((line) => !/reference-transaction in .* for \S/.test(line))).toEqual([]); // only agents' own commits ran one
  expect(lines(home('began'))).toHaveLength(TASKS.length);
});

test('what is not committed stays, and people are told; the others go and leave their branches', async () => {
  await until(async () => (await world.json<Listed>('worktrees')).worktrees.length === 1);
  await until(async () =>
    (await world.events('noted')).some((event) => (event as { code?: string }).code === 'worktree_kept'),
  );
  expect(await world.json('worktrees')).toMatchObject({
    worktrees: [
      { id: 'messy', project: 'shop', state: 'done', kept: '2 files are not committed', path: tree('messy') },
    ],
  });
  expect((await world.cli(['worktrees'])).stdout).toMatch(
    /shop\/messy +done +yardmaster\/messy.*\n {2}kept: 2 files are not committed\n/,
  );
  expect((await world.cli(['status'])).stdout).toContain('the worktree of task messy stays: 2 files are not committed');
  expect(world.read(tree('messy'), 'precious.txt')).toBe('precious\n');
  const branches = git('for-each-ref', '--format=%(refname:lstrip=3)', 'refs/heads/yardmaster/').split('\n');
  expect(branches).toEqual([...TASKS].sort());
});

test('at the bound a task waits, says what is kept, and runs when there is room', async () => {
  world.configure({ ...SETTINGS, max_worktrees: 1 });
  await world.cli(['config', 'reload']);
  await client.enqueue(shop, 'One more.', { id: 'more', workspace: 'worktree', base: 'p1' });
  const waiting = (await client.one(shop, 'more')).waiting;
  expect(waiting).toMatchObject({ reason: 'worktree_limit' });
  expect(waiting?.detail).toBe(
    '1 of 1 worktrees (max_worktrees) are there; shop/messy is kept for uncommitted work: yardmaster worktrees shows them',
  );
  expect(await client.one(shop, 'more')).toMatchObject({ attempts: 0 });

  const clean = await world.cli(['worktrees', 'clean', 'shop/messy']);
  expect(clean).toMatchObject({ code: 1, stdout: 'kept shop/messy: 2 files are not committed\n' });
  const discard = await world.cli(['worktrees', 'clean', 'messy', '--discard']);
  expect(discard).toMatchObject({ code: 2, stderr: expect.stringContaining('Nothing was removed.') });
  expect(world.read(tree('messy'), 'precious.txt')).toBe('precious\n');
  expect(await world.json('worktrees', 'clean', 'messy', '--discard', '--yes')).toMatchObject({
    cleaned: [{ id: 'messy', what: 'removed' }],
  });
  expect(existsSync(tree('messy'))).toBe(false);

  expect(await client.ended(shop, 'more')).toMatchObject({
    state: 'done',
    workspace: { base: 'yardmaster/p1', commits: 1 },
  });
  expect(git('log', '--format=%s', 'yardmaster/more')).toBe('more\np1\nfirst');
});

test('a worktree is no project, and a task that can have none fails with the reason', async () => {
  world.configure(SETTINGS);
  const plain = world.project('plain');
  await client.enqueue(plain, 'Do it.', { id: 'nowhere', workspace: 'worktree' });
  expect(await client.ended(plain, 'nowhere')).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining(`${plain} is in no git repository`),
  });
  mkdirSync(join(world.home, 'worktrees', 'p_000000000000', 'x'), { recursive: true });
  const inside = join(world.home, 'worktrees', 'p_000000000000', 'x');
  world.configure({ ...SETTINGS, allowed_roots: [world.root] });
  await world.cli(['config', 'reload']);
  expect(await client.refused('enqueue_task', { project: inside, body: 'Do it.' })).toContain(
    'is a worktree of a task',
  );
});

test('a failed task keeps what it left; its retry gets a worktree of its own', async () => {
  const fails = 'if [ "$YARDMASTER_TASK" = oops ]; then echo half > half.txt; exit 1; fi; ls; git status --short';
  const agents = { worker: { command: shell(fails), max: 10 } };
  world.configure({ ...SETTINGS, agents, retry: { max_attempts: 2, backoff: '1ms' } });
  await world.cli(['config', 'reload']);
  await client.enqueue(shop, 'Fail.', { id: 'oops', workspace: 'worktree' });
  expect(await client.ended(shop, 'oops')).toMatchObject({
    state: 'failed',
    attempts: 2,
    workspace: { kept: '1 file is not committed' },
  });
  expect(world.read(world.queue(shop, 'failed', 'oops.md'))).toContain('worktree_kept: "1 file is not committed"');
  await client.ask('retry_task', { project: shop, id: 'oops' });
  const second = await client.ended(shop, 'oops-2');
  expect(second).toMatchObject({ state: 'done', workspace: { branch: 'yardmaster/oops-2', commits: 0 } });
  expect(second.result?.text).toContain('shared.txt');
  expect(world.read(tree('oops'), 'half.txt')).toBe('half\n');
});
