import { execFileSync } from 'node:child_process';
import { link, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { NotARegularFile } from '../../../src/runtime/model/file-error.ts';
import { filesConformance } from '../../conformance/files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ym-files-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

filesConformance('the real disk', async () => ({ files: new DiskFiles(), dir }));

describe('the real disk', () => {
  const files = new DiskFiles({ file: 0o600, dir: 0o700 });

  it('follows no symbolic link at the last component', async () => {
    await writeFile(join(dir, 'secret'), 'secret');
    await symlink(join(dir, 'secret'), join(dir, 'link'));
    await symlink(dir, join(dir, 'loop'));
    await expect(files.read(join(dir, 'link'))).rejects.toThrow(NotARegularFile);
    await expect(files.readAt(join(dir, 'link'), 0, 1)).rejects.toThrow(NotARegularFile);
    await expect(files.append(join(dir, 'link'))).rejects.toThrow(NotARegularFile);
    await expect(files.sync(join(dir, 'link'))).rejects.toThrow(NotARegularFile);
    await expect(files.copyBehind(Buffer.from('h'), join(dir, 'link'), join(dir, 'copy'))).rejects.toThrow(
      NotARegularFile,
    );
    expect((await files.stat(join(dir, 'link')))?.kind).toBe('link');
    expect(await files.list(join(dir, 'loop'))).toBeUndefined();
    await expect(files.makeDir(join(dir, 'loop'))).rejects.toThrow('symbolic link');
    await expect(files.syncDir(join(dir, 'loop'))).rejects.toThrow();
  });

  it('replaces, creates over and removes a link, never what it points to', async () => {
    await writeFile(join(dir, 'secret'), 'secret');
    await symlink(join(dir, 'secret'), join(dir, 'link'));
    expect(await files.create(join(dir, 'link'), Buffer.from('x'))).toBe('exists');
    expect(await files.moveNew(join(dir, 'link'), join(dir, 'moved'))).toBe('moved');
    expect((await files.stat(join(dir, 'moved')))?.kind).toBe('link');
    await files.replace(join(dir, 'moved'), Buffer.from('mine'));
    await symlink(join(dir, 'secret'), join(dir, 'link'));
    await files.remove(join(dir, 'link'));
    expect(await readFile(join(dir, 'secret'), 'utf8')).toBe('secret');
    expect(await readFile(join(dir, 'moved'), 'utf8')).toBe('mine');
  });

  it('refuses a named pipe at once', async () => {
    execFileSync('mkfifo', [join(dir, 'pipe')]);
    await expect(files.read(join(dir, 'pipe'))).rejects.toThrow(NotARegularFile);
    await expect(files.append(join(dir, 'pipe'))).rejects.toThrow(NotARegularFile);
    expect((await files.stat(join(dir, 'pipe')))?.kind).toBe('other');
  });

  it('gives new files and folders the modes asked for', async () => {
    await files.create(join(dir, 'a'), Buffer.from('x'));
    await (await files.append(join(dir, 'b'))).close();
    await files.makeDir(join(dir, 'c'));
    expect((await stat(join(dir, 'a'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, 'b'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dir, 'c'))).mode & 0o777).toBe(0o700);
  });

  it('ends a moveNew that a crash left with both names', async () => {
    await writeFile(join(dir, 'from'), 'once');
    await link(join(dir, 'from'), join(dir, 'to'));
    expect(await files.moveNew(join(dir, 'from'), join(dir, 'to'))).toBe('moved');
    expect(await readdir(dir)).toEqual(['to']);
  });

  it('lets exactly one of many creators win and leaves no temp file', async () => {
    const tries = Array.from({ length: 20 }, (_, i) => files.create(join(dir, 'prize'), Buffer.from(String(i))));
    const won = (await Promise.all(tries)).flatMap((result, i) => (result === 'created' ? [String(i)] : []));
    expect(won).toHaveLength(1);
    expect(await readFile(join(dir, 'prize'), 'utf8')).toBe(won[0]);
    expect(await readdir(dir)).toEqual(['prize']);
  });
});
