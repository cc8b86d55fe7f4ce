import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { FileTooLarge, NotARegularFile } from '../../src/runtime/model/file-error.ts';
import type { Files } from '../../src/runtime/ports.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

/** What every implementation of `Files` must do. `start` gives one and an empty folder in it. */
export function filesConformance(name: string, start: () => Promise<{ files: Files; dir: string }>): void {
  describe(`${name} is a Files`, () => {
    let files: Files;
    let dir: string;
    const at = (...parts: string[]) => join(dir, ...parts);
    const text = async (path: string) => {
      const found = await files.read(path);
      return found && new TextDecoder().decode(found);
    };
    const names = async () => (await files.list(dir))?.map((entry) => entry.name).sort();

    beforeEach(async () => {
      ({ files, dir } = await start());
    });

    it('answers undefined where nothing is', async () => {
      expect(await files.read(at('a'))).toBeUndefined();
      expect(await files.readAt(at('a'), 0, 10)).toBeUndefined();
      expect(await files.stat(at('a'))).toBeUndefined();
      expect(await files.list(at('a'))).toBeUndefined();
      expect(await files.remove(at('a'))).toBe('missing');
      expect(await files.move(at('a'), at('b'))).toBe('missing');
      expect(await files.moveNew(at('a'), at('b'))).toBe('missing');
      expect(await files.copyBehind(bytes('h'), at('a'), at('b'))).toBe('missing');
      await expect(files.sync(at('a'))).rejects.toThrow();
      await expect(files.syncDir(at('a'))).rejects.toThrow();
      expect(await names()).toEqual([]);
    });

    it('creates a file once and leaves the first one alone', async () => {
      expect(await files.create(at('a'), bytes('one'))).toBe('created');
      expect(await files.create(at('a'), bytes('two'))).toBe('exists');
      expect(await text(at('a'))).toBe('one');
      expect(await names()).toEqual(['a']);
    });

    it('replaces a file whole, whether it was there or not', async () => {
      await files.replace(at('a'), bytes('one'));
      await files.replace(at('a'), bytes('two'));
      expect(await text(at('a'))).toBe('two');
      expect(await names()).toEqual(['a']);
    });

    it('moves over the target, or refuses to with moveNew', async () => {
      await files.create(at('a'), bytes('one'));
      await files.create(at('b'), bytes('two'));
      expect(await files.moveNew(at('a'), at('b'))).toBe('exists');
      expect(await text(at('a'))).toBe('one');
      expect(await files.move(at('a'), at('b'))).toBe('moved');
      expect(await text(at('b'))).toBe('one');
      expect(await files.moveNew(at('b'), at('c'))).toBe('moved');
      expect(await names()).toEqual(['c']);
    });

    it('never removes a file by moving it to itself', async () => {
      await files.create(at('a'), bytes('one'));
      expect(await files.moveNew(at('a'), at('a'))).toBe('exists');
      expect(await text(at('a'))).toBe('one');
    });

    it('copies behind a header and keeps the source', async () => {
      await files.create(at('a'), bytes('body'));
      expect(await files.copyBehind(bytes('head '), at('a'), at('b'))).toBe('created');
      expect(await files.copyBehind(bytes('other '), at('a'), at('b'))).toBe('exists');
      expect(await text(at('b'))).toBe('head body');
      expect(await text(at('a'))).toBe('body');
      expect(await names()).toEqual(['a', 'b']);
    });

    it('reads a part, and refuses what is too large', async () => {
      await files.create(at('a'), bytes('0123456789'));
      expect(new TextDecoder().decode(await files.readAt(at('a'), 2, 3))).toBe('234');
      expect(new TextDecoder().decode(await files.readAt(at('a'), 8, 10))).toBe('89');
      expect(await files.readAt(at('a'), 20, 10)).toHaveLength(0);
      expect(await files.read(at('a'), 10)).toHaveLength(10);
      await expect(files.read(at('a'), 9)).rejects.toThrow(FileTooLarge);
    });

    it('makes folders with their parents, again and again, and never reads one as a file', async () => {
      await files.makeDir(at('x', 'y'));
      await files.makeDir(at('x', 'y'));
      expect(await files.list(dir)).toEqual([{ name: 'x', kind: 'dir' }]);
      expect((await files.stat(at('x', 'y')))?.kind).toBe('dir');
      await expect(files.read(at('x'))).rejects.toThrow(NotARegularFile);
      await expect(files.remove(at('x'))).rejects.toThrow();
      await files.create(at('f'), bytes(''));
      await expect(files.makeDir(at('f'))).rejects.toThrow();
    });

    it('does not create a file where its folder is missing', async () => {
      await expect(files.create(at('no', 'a'), bytes('one'))).rejects.toThrow();
      await expect(files.append(at('no', 'a'))).rejects.toThrow();
    });

    it('appends, truncates and goes on at the end', async () => {
      const file = await files.append(at('log'));
      await file.write(bytes('one two'));
      await file.truncate(4);
      expect(file.size).toBe(4);
      await file.write(bytes('three'));
      await file.sync();
      await file.close();
      await files.sync(at('log'));
      await files.syncDir(dir);
      expect(await text(at('log'))).toBe('one three');
      const again = await files.append(at('log'));
      expect(again.size).toBe(9);
      await again.close();
    });

    it('says what a file is', async () => {
      await files.create(at('a'), bytes('four'));
      const stat = await files.stat(at('a'));
      expect(stat).toMatchObject({ kind: 'file', size: 4, nlink: 1 });
      expect(await files.move(at('a'), at('b'))).toBe('moved');
      expect((await files.stat(at('b')))?.ino).toBe(stat?.ino);
    });
  });
}
