import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { SessionWorld } from './world.ts';

/* Sessions whose tasks work in git worktrees. */

vi.setConfig({ testTimeout: 60_000 });

let world: SessionWorld;
afterEach(() => world.end());

const who = ['-c', 'user.name=A Person', '-c', 'user.email=person@example.org'];
const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-C', folder, ...who, ...args], { encoding: 'utf8', stdio: 'pipe' }).trimEnd();

test('an agent in a session works in the worktree of its task, and the task that continues it goes on there', async () => {
  world = new SessionWorld({ pool: { autonomous: { prefix: 'auto-', min: 1, max: 2 } } });
  const shop = world.project('shop');
  git(shop, 'init', '-q', '-b', 'main');
  writeFileSync(join(shop, 'README.md'), 'one\n');
  git(shop, 'add', '-A');
  git(shop, 'commit', '-q', '-m', 'first');
  const client = await world.connect();
  const commit = `[[bash:git add -A && git ${who.join(' ').replace('A Person', 'Agent')} commit -q -m one]]`;
  await client.enqueue(shop, `[[write:plan.txt:step one]]${commit}[[say:Planned.]]`, {
    ...{ id: 'plan', agent: 'claude', workspace: 'worktree' },
  });
  expect(await client.ended(shop, 'plan')).toMatchObject({
    state: 'done',
    workspace: { branch: 'yardmaster/plan', base: 'main', commits: 1, files_changed: 1 },
  });
  await client.enqueue(shop, '[[write:plan.txt:step two]][[say:Gone on.]]', {
    ...{ id: 'go-on', agent: 'claude', continues: 'plan' },
  });
  expect(await client.ended(shop, 'go-on')).toMatchObject({
    state: 'done',
    workspace: { branch: 'yardmaster/plan', kept: '1 file is not committed' },
  });
  const { worktrees } = await world.json<{ worktrees: { id: string; path: string }[] }>('worktrees');
  expect(worktrees).toMatchObject([{ id: 'plan' }]);
  expect(world.lines(worktrees[0]?.path ?? '', 'plan.txt')).toEqual(['step one', 'step two']);
  expect(existsSync(join(shop, 'plan.txt'))).toBe(false);
  expect(world.begun.at(-1)?.argv.join(' ')).toContain('--resume');
  const clean = await world.cli(['worktrees', 'clean', 'plan', '--discard', '--yes']);
  expect(clean.stdout).toMatch(/^kept shop\/plan: a process works in it \(pid \d+/); // its agent is still open
  expect(clean.code).toBe(1);
});
