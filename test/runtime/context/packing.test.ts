import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { TaskSpec } from '../../../src/runtime/model/spec.ts';
import { id, PROJECT, World } from './world.ts';

let world: World;
afterEach(() => world.end());

describe('in a git work tree', () => {
  beforeEach(async () => {
    world = await World.make();
    await world.write({
      '.gitignore': 'build/\n*.log\n',
      'src/a.ts': 'a\n',
      'src/b.ts': 'b\n',
      'src/deep/c.ts': 'c\n',
      'build/out.js': 'out\n',
      'err.log': 'log\n',
      'docs/read me.md': 'read\n',
      '.agent-queue/done/x.md': 'x\n',
    });
    world.git('add', 'src/a.ts', 'docs');
    world.git('commit', '-qm', 'first');
  });

  it('what git knows or would take is packed, in order, whole', async () => {
    const pack = await world.pack({ include: ['src', 'docs/*.md', '!**/deep'] });
    expect(pack).toMatchObject({
      files: [
        { path: 'docs/read me.md', text: 'read\n' },
        { path: 'src/a.ts', text: 'a\n' },
        { path: 'src/b.ts', text: 'b\n' },
      ],
      left_out: [],
    });
    expect(await world.packing().preview(PROJECT, TaskSpec.parse({ include: ['src'] }))).toEqual({
      files: 3,
      bytes: 6,
    });
    expect(await world.packed('**')).not.toContain('build/out.js');
  });

  it('what git ignores is never packed, and named is refused with that reason', async () => {
    expect(await world.refused('src', 'err.log')).toMatch(/^invalid: include: "err.log" is ignored by git/);
    expect(await world.refused('build')).toMatch(/"build" holds no file that git does not ignore/);
    expect(await world.refused('build/*.js')).toMatch(/"build\/\*\.js" matches no file/);
  });

  it('what a broken or cut off repository ignores is not shown either', async () => {
    await rename(join(world.folder, '.git/HEAD'), join(world.folder, '.git/gone'));
    expect(await world.refused('**')).toMatch(/^unavailable: include: git can't list the files/);
    await rm(join(world.folder, '.git'), { recursive: true });
    await writeFile(join(world.folder, '.git'), 'gitdir: /nonexistent/of/a/worktree\n');
    expect(await world.refused('**')).toMatch(/^unavailable: include: git can't list the files/);
  });

  it('a pattern that names nothing refuses all, and says which', async () => {
    expect(await world.refused('src', 'srcs/**')).toMatch(/"srcs\/\*\*" matches no file; nothing was sent/);
    expect(await world.refused('src/x.ts')).toMatch(/"src\/x.ts" is not there/);
    expect(await world.refused('SRC/a.ts')).toMatch(/"SRC\/a.ts" is not there/);
    expect(await world.refused('src/a.ts', '!src')).toMatch(/names only what a ! pattern leaves out/);
    expect(await world.packed('src/a.ts', '!nothing/of/this/name')).toEqual(['src/a.ts']);
  });

  it('neither the queue nor git itself is ever packed', async () => {
    for (const path of ['.git/config', '.git', '.agent-queue/done/x.md', '.GIT/config'])
      expect(await world.refused(path)).toMatch(/lies in a folder that is never sent/);
    await world.write({ 'sub/.agent-queue/inbox/y.md': 'y\n' });
    expect(
      (await world.packed('**')).filter((path) => path.includes('.agent-queue') || path.startsWith('.git/')),
    ).toEqual([]);
  });

  it('a file that git knows and that is not there is left out of a folder, and refused by name', async () => {
    await rm(join(world.folder, 'src/a.ts'));
    expect(await world.packed('src')).toEqual(['src/b.ts', 'src/deep/c.ts']);
    expect(await world.refused('src/a.ts')).toMatch(/"src\/a.ts" is not there/);
    await rm(join(world.folder, 'docs'), { recursive: true });
    expect(await world.refused('docs/**')).toMatch(/git knows, but it is not there/);
  });

  it('a link that leads out refuses all, by whatever pattern and over however many links', async () => {
    await world.write({ '../neighbour/diary.md': 'private\n' });
    await world.link('src/diary.md', '../../neighbour/diary.md');
    for (const pattern of ['src', 'src/diary.md', '**/*.md'])
      expect(await world.refused(pattern)).toMatch(
        /^not_allowed: .*"src\/diary.md" leads out of the project.*\| .*!src\/diary.md/,
      );
    expect(await world.packed('src', '!src/diary.md')).toHaveLength(3);
    await world.link('hop', 'src');
    await world.link('twice.md', 'hop/diary.md');
    expect(await world.refused('twice.md')).toMatch(/leads out of the project/);
    await world.link('gone.md', '/nowhere/at/all');
    expect(await world.refused('gone.md')).toMatch(/leads out of the project/);
  });

  it('a folder that became a link out of the project takes nothing along', async () => {
    await world.write({ '../neighbour/a.ts': 'private\n' });
    await rm(join(world.folder, 'src'), { recursive: true });
    await world.link('src', '../neighbour');
    expect(await world.refused('src/a.ts')).toMatch(/leads out of the project/);
    expect(await world.refused('src')).toMatch(/leads out of the project/);
  });

  it('a link within shows what could be named itself, and nothing else', async () => {
    await world.link('a-link.ts', 'src/a.ts');
    await world.link('log.md', 'err.log');
    await world.link('conf.md', '.git/config');
    await world.link('folder', 'src');
    await world.link('round.md', 'round.md');
    expect(await world.pack({ include: ['a-link.ts'] })).toMatchObject({ files: [{ path: 'a-link.ts', text: 'a\n' }] });
    expect(await world.refused('log.md')).toMatch(/not_allowed: .*leads to "err.log", which is ignored/);
    expect(await world.refused('*.md')).toMatch(/leads/);
    expect(await world.refused('conf.md')).toMatch(/leads into a folder that is never sent/);
    expect(await world.refused('folder')).toMatch(/is a link to a folder/);
    expect(await world.refused('folder/a.ts')).toMatch(/nothing was sent/);
    expect(await world.refused('round.md')).toMatch(/circle/);
  });

  it('a link that leads in a circle is refused outside of git, too', async () => {
    const plain = await World.make('plain');
    try {
      await plain.link('round.md', 'round.md');
      await plain.write({ 'a.md': 'a\n' });
      expect(await plain.refused('round.md')).toMatch(/circle/);
      expect(await plain.refused('round.md/x')).toMatch(/nothing was sent/);
      expect(await plain.pack({ include: ['a.md'] })).toMatchObject({ files: [{ path: 'a.md' }] });
    } finally {
      await plain.end();
    }
  });

  it('submodules and repositories within are not entered', async () => {
    await world.write({ '../lib/x.ts': 'x\n' });
    world.gitIn(join(world.root, 'lib'), 'init', '-q', '-b', 'main');
    world.gitIn(join(world.root, 'lib'), 'add', '.');
    world.gitIn(join(world.root, 'lib'), 'commit', '-qm', 'x');
    world.git('submodule', '--quiet', 'add', '../lib', 'vendor/lib');
    await world.write({ 'nested/y.ts': 'y\n' });
    world.gitIn(join(world.folder, 'nested'), 'init', '-q');
    const pack = await world.pack({ include: ['vendor/**', 'src'] });
    expect(isRefusal(pack) && pack.message).toMatch(/vendor\/lib is a git repository of its own/);
    expect(await world.refused('vendor/lib')).toMatch(/repository of its own/);
    expect(await world.refused('vendor/lib/x.ts')).toMatch(/lies in vendor\/lib, a git repository of its own/);
    expect(await world.refused('nested/y.ts')).toMatch(/repository of its own/);
    expect(await world.refused('vendor/lib/*.ts')).toMatch(/lies in vendor\/lib/);
    expect(await world.packed('**', '!.gitmodules')).not.toContain('vendor/lib/x.ts');
  });

  it('what is not text is refused by name, and left out of a folder', async () => {
    await world.write({
      'img/a.png': Buffer.from([137, 80, 0, 1]),
      'img/latin.txt': Buffer.from([0xe9, 0x0a]),
      'img/b.md': 'b',
    });
    expect(await world.refused('img/a.png')).toMatch(/"img\/a.png" is not text/);
    expect(await world.refused('img/latin.txt')).toMatch(/"img\/latin.txt" is not text/);
    expect(await world.pack({ include: ['img'] })).toMatchObject({
      files: [{ path: 'img/b.md', text: 'b' }],
      left_out: [
        { path: 'img/a.png', why: 'is not text' },
        { path: 'img/latin.txt', why: 'is not text' },
      ],
    });
  });

  it('too much is refused with the sizes of the largest', async () => {
    await world.write({
      'big/one.txt': 'x'.repeat(9_000),
      'big/two.txt': 'y'.repeat(1_500),
      'big/p.png': Buffer.alloc(50_000),
    });
    const why = await world.refused('big');
    expect(why).toMatch(
      /2 files of 10,500 bytes together.*20 files of 10,000 bytes.*one.txt \(9,000\), big\/two.txt \(1,500\)/,
    );
    expect(why).toContain('delegation.include.max_bytes');
    expect(await world.packed('big', '!big/two.txt')).toEqual(['big/one.txt']);
    world.bounds = { max_bytes: 100, max_files: 2 };
    expect(await world.refused('src')).toMatch(/3 files of 6 bytes together.*allows 2 files/);
  });

  it('secrets refuse all, with file, line and rule, and never the secret itself', async () => {
    const key = `ghp_${'aB3dE5gH7jK9mN2pQ4sT6vW8xYzA1cD3eF5g'}`;
    await world.write({ 'src/login.ts': `one\n// ${key}\n`, 'src/.env': 'A=1\n', 'src/.env.example': 'A=\n' });
    const names = await world.refused('src');
    expect(names).toMatch(
      /^not_allowed: include: src\/\.env \(env-file\) may be a secret.*\| leave it out: add "!src\/\.env"/,
    );
    const why = await world.refused('src', '!src/.env');
    expect(why).toMatch(/src\/login.ts:2 \(github-token\)/);
    expect(why).not.toContain(key.slice(-8));
    expect(await world.packed('src', '!src/.env', '!src/login.ts')).toContain('src/.env.example');
    await world.link('harmless.md', 'src/.env');
    expect(await world.refused('harmless.md')).toMatch(/harmless.md \(env-file\)/);
  });

  it('results of dependencies go along within the same bounds, and their secrets refuse as well', async () => {
    world.results.set('plan', '---\nstatus: completed\n---\nfirst the router\n');
    const spec = { include: ['src/a.ts'], depends_on: [id('plan'), id('gone')] };
    expect(await world.pack(spec)).toMatchObject({ results: [{ id: 'plan', text: 'first the router' }] });
    world.results.set('plan', 'x'.repeat(10_000));
    const big = await world.pack(spec);
    expect(isRefusal(big) && big.message).toMatch(/10,002 bytes.*\.agent-queue\/done\/plan\.md \(10,000\)/);
    world.results.set('plan', `key AKIA${'ABC2D3EFG4HJK5LM'}\n`);
    const secret = await world.pack(spec);
    expect(isRefusal(secret) && `${secret.code} ${secret.message}`).toMatch(
      /not_allowed depends_on: .*plan\.md:1 \(aws-access-key\)/,
    );
  });

  it('a file that changes while it is read is read again; one that never rests refuses all', async () => {
    const disk = new DiskFiles();
    let changes = 0;
    const restless = (times: number) => {
      changes = 0;
      return {
        files: Object.assign(Object.create(disk) as DiskFiles, {
          read: async (path: string, limit?: number) => {
            const bytes = await disk.read(path, limit);
            if (path.endsWith('a.ts') && changes++ < times) await writeFile(path, `again ${'.'.repeat(changes)}\n`);
            return bytes;
          },
        }),
      };
    };
    expect(await world.pack({ include: ['src/a.ts'] }, restless(1))).toMatchObject({ files: [{ text: 'again .\n' }] });
    const pack = await world.pack({ include: ['src/a.ts'] }, restless(99));
    expect(isRefusal(pack) && pack.message).toMatch(/"src\/a.ts" changed while it was read; nothing was sent/);
  });

  it('a folder that is swapped for a link while it is read gives nothing away', async () => {
    await world.write({ '../neighbour/a.ts': 'private\n' });
    const disk = new DiskFiles();
    const files = Object.assign(Object.create(disk) as DiskFiles, {
      readAt: async (path: string, offset: number, length: number) => {
        const head = await disk.readAt(path, offset, length);
        await rm(join(world.folder, 'src'), { recursive: true, force: true });
        await world.link('src', '../neighbour').catch(() => undefined);
        return head;
      },
    });
    const pack = await world.pack({ include: ['src/a.ts'] }, { files });
    expect(isRefusal(pack)).toBe(true);
  });

  it('a project that is a folder of a repository is seen from there', async () => {
    const inner = world.packing();
    const pack = await inner.pack(PROJECT, TaskSpec.parse({ include: ['*.ts'] }), join(world.folder, 'src'));
    expect(pack).toMatchObject({ files: [{ path: 'a.ts' }, { path: 'b.ts' }] });
    const up = await inner.pack(PROJECT, TaskSpec.parse({ include: ['docs'] }), join(world.folder, 'src'));
    expect(isRefusal(up)).toBe(true);
  });

  it('git that can not say what it ignores refuses', async () => {
    const run = async () => ({ code: undefined, stdout: '', stderr: 'timed out' });
    const pack = await world.pack({ include: ['src'] }, { git: { run } });
    expect(isRefusal(pack) && pack.message).toMatch(/git can't list the files/);
  });
});

describe('outside of git', () => {
  beforeEach(async () => {
    world = await World.make('plain');
    await world.write({
      'a.md': 'a\n',
      'x/b.md': 'b\n',
      'x/node_modules/c.md': 'c\n',
      '.agent-queue/done/d.md': 'd\n',
      'repo/e.md': 'e\n',
      'repo/.gitignore': 'f.md\n',
      'repo/f.md': 'f\n',
    });
    world.gitIn(join(world.folder, 'repo'), 'init', '-q');
  });

  it('what lies there is packed, without what nobody means', async () => {
    expect(await world.packed('**')).toEqual(['a.md', 'x/b.md']);
    expect(await world.packed('x', '*.md')).toEqual(['a.md', 'x/b.md']);
    expect(await world.refused('x/node_modules/c.md')).toMatch(/lies in node_modules/);
    expect(await world.refused('repo/f.md')).toMatch(/lies in repo, a git repository of its own/);
    expect(await world.refused('.agent-queue/done/d.md')).toMatch(/never sent/);
  });

  it('links out of it refuse here as well', async () => {
    await world.write({ '../n/p.md': 'private\n' });
    await world.link('x/p.md', '../../n/p.md');
    await world.link('x/n', '../../n');
    expect(await world.refused('x/*.md')).toMatch(/leads out/);
    expect(await world.refused('x/n/p.md')).toMatch(/leads out/);
    expect(await world.refused('x/n/*.md')).toMatch(/nothing was sent/);
    await world.link('x/f.md', '../repo/f.md');
    expect(await world.refused('x/f.md')).toMatch(/leads to "repo\/f.md", which is ignored/);
  });
});
