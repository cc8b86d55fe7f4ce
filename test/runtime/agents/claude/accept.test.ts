import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { accept as acceptWith } from '../../../../src/runtime/agents/claude/accept.ts';
import { systemClock } from '../../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';

let home: string;
let cwd: string;
let config: string;

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'ym-accept-')));
  cwd = join(home, 'code', 'shop');
  config = join(home, '.claude.json');
  await mkdir(cwd, { recursive: true });
});
afterEach(() => rm(home, { recursive: true, force: true }));

const files = new DiskFiles({ file: 0o600, dir: 0o700 });
const accept = (on: DiskFiles, where: Parameters<typeof acceptWith>[1]) =>
  acceptWith({ files: on, clock: systemClock() }, where);
const text = () => readFile(config, 'utf8');
const json = async () => JSON.parse(await text()) as Record<string, unknown>;
const trusted = { hasTrustDialogAccepted: true };

/** What it is after a session of the real program. */
const used = () => ({
  numStartups: 7,
  customApiKeyResponses: { approved: ['abc'], rejected: ['no'] },
  tipsHistory: { 'new-user-warmup': 1 },
  hasCompletedOnboarding: true,
  projects: {
    [join(home, 'code', 'other')]: { hasTrustDialogAccepted: false, lastCost: 0.011928000000000001 },
    [cwd]: { allowedTools: ['Read'], hasTrustDialogAccepted: false },
  },
  userID: '0c601e',
});

describe('what is accepted', () => {
  it('is written where nothing is yet, for the user alone', async () => {
    expect(await accept(files, { home, cwd })).toBeUndefined();
    expect(await json()).toEqual({ hasCompletedOnboarding: true, projects: { [cwd]: trusted } });
    expect((await stat(config)).mode & 0o777).toBe(0o600);
  });

  it('is put into what is there: keys, their order, the form and the mode stay', async () => {
    const before = used();
    await writeFile(config, `${JSON.stringify(before, null, 4)}\n`);
    await chmod(config, 0o640);
    expect(await accept(files, { home, cwd })).toBeUndefined();
    before.projects[cwd] = { allowedTools: ['Read'], hasTrustDialogAccepted: true };
    expect(await text()).toBe(`${JSON.stringify(before, null, 4)}\n`);
    expect((await stat(config)).mode & 0o777).toBe(0o640);
    expect(await readdir(home)).toEqual(['.claude.json', 'code']);
  });

  it('is written once', async () => {
    await accept(files, { home, cwd });
    const { ino, mtimeMs } = await stat(config);
    await accept(files, { home, cwd });
    expect(await stat(config)).toMatchObject({ ino, mtimeMs });
  });

  it('is nothing where a folder around it is trusted', async () => {
    const before = JSON.stringify({ hasCompletedOnboarding: true, projects: { [home]: trusted } });
    await writeFile(config, before);
    await accept(files, { home, cwd });
    expect(await text()).toBe(before);
  });

  it('names the folder by its real path', async () => {
    await symlink(join(home, 'code'), join(home, 'link'));
    await accept(files, { home, cwd: join(home, 'link', '..', 'link', 'shop') });
    expect((await json()).projects).toEqual({ [cwd]: trusted });
  });

  it('belongs to the account that was named', async () => {
    const config_dir = join(home, '.claude-work');
    expect(await accept(files, { home, cwd, config_dir })).toMatchObject({
      refused: true,
      hint: expect.stringContaining(`CLAUDE_CONFIG_DIR=${config_dir} claude`),
    });
    await mkdir(config_dir);
    await accept(files, { home, cwd, config_dir });
    expect(await readdir(config_dir)).toEqual(['.claude.json']);
    await expect(text()).rejects.toThrow('ENOENT');
  });
});

describe('a key', () => {
  const key = 'sk-ant-api03-0123456789012345678901';
  const end = key.slice(-20);

  it('is approved only where the agent gets one', async () => {
    await writeFile(config, JSON.stringify(used()));
    await accept(files, { home, cwd });
    expect((await json()).customApiKeyResponses).toEqual({ approved: ['abc'], rejected: ['no'] });
    await accept(files, { home, cwd, api_key: key });
    expect((await json()).customApiKeyResponses).toEqual({ approved: ['abc', end], rejected: ['no'] });
    expect(await text()).not.toContain(key);
  });

  it('that the person refused stays refused', async () => {
    await writeFile(config, JSON.stringify({ customApiKeyResponses: { rejected: [end] } }));
    await accept(files, { home, cwd, api_key: key });
    expect((await json()).customApiKeyResponses).toEqual({ rejected: [end] });
  });
});

describe('a file that others write too', () => {
  it('loses nothing that came in between', async () => {
    await writeFile(config, JSON.stringify(used()));
    let reads = 0;
    const meddled = new (class extends DiskFiles {
      override async read(path: string, limit?: number): Promise<Uint8Array | undefined> {
        const bytes = await super.read(path, limit);
        if (++reads === 1) await writeFile(config, JSON.stringify({ ...used(), numStartups: 8, added: 'meanwhile' }));
        return bytes;
      }
    })();
    expect(await accept(meddled, { home, cwd })).toBeUndefined();
    expect(await json()).toMatchObject({ numStartups: 8, added: 'meanwhile', projects: { [cwd]: trusted } });
  });

  it('is looked at again after it was written', async () => {
    let writes = 0;
    const overwritten = new (class extends DiskFiles {
      override async create(path: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
        const created = await super.create(path, bytes);
        if (++writes === 1) await writeFile(config, JSON.stringify({ numStartups: 1 })); // by one that read it before
        return created;
      }
    })();
    expect(await accept(overwritten, { home, cwd })).toBeUndefined();
    expect(await json()).toMatchObject({ numStartups: 1, projects: { [cwd]: trusted } });
  });

  it('may be a link, which stays one', async () => {
    const kept = join(home, 'dotfiles.json');
    await writeFile(kept, '{}');
    await symlink('dotfiles.json', config);
    expect(await accept(files, { home, cwd })).toBeUndefined();
    expect(await readlink(config)).toBe('dotfiles.json');
    expect(JSON.parse(await readFile(kept, 'utf8'))).toMatchObject({ hasCompletedOnboarding: true });
  });
});

describe('a file that can not be understood', () => {
  it.each(['', '{"a":', '[]', 'null', '// no\n{}'])('is left as it is: %j', async (bytes) => {
    await writeFile(config, bytes);
    expect(await accept(files, { home, cwd })).toMatchObject({
      refused: true,
      message: expect.stringMatching(/\.claude\.json can't be prepared .* It was left as it is\.$/),
    });
    expect(await text()).toBe(bytes);
  });

  it('is refused where it is none, or leads in a circle', async () => {
    await symlink('.claude.json', config);
    expect(await accept(files, { home, cwd })).toMatchObject({ refused: true });
    await rm(config);
    await mkdir(config);
    expect(await accept(files, { home, cwd })).toMatchObject({ refused: true });
  });
});

test('the program’s own lock is waited for, and one that was left behind is taken over', async () => {
  const lock = `${config}.lock`;
  await mkdir(lock);
  const accepting = accept(files, { home, cwd });
  await new Promise((resolve) => setTimeout(resolve, 150));
  await expect(stat(config)).rejects.toThrow();
  await rm(lock, { recursive: true });
  await accepting;
  expect((await json()).hasCompletedOnboarding).toBe(true);
  await expect(stat(lock)).rejects.toThrow();

  await rm(config);
  await mkdir(lock);
  const long_ago = new Date(Date.now() - 60_000);
  await utimes(lock, long_ago, long_ago);
  await accept(files, { home, cwd });
  expect((await json()).hasCompletedOnboarding).toBe(true);
  await expect(stat(lock)).rejects.toThrow();
});

test('of many who write at once nobody’s change is lost', async () => {
  const folders = Array.from({ length: 12 }, (_, n) => join(home, 'code', `p${n}`));
  for (const folder of folders) await mkdir(folder);
  await Promise.all(folders.map((folder) => accept(files, { home, cwd: folder })));
  const { projects } = (await json()) as { projects: Record<string, unknown> };
  expect(Object.keys(projects).sort()).toEqual([...folders].sort());
});
