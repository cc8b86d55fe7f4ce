import { describe, expect, it } from 'vitest';
import { filesConformance } from '../conformance/files.ts';
import { ForgetfulFiles } from './forgetful-files.ts';
import { seededChance } from './seeded-chance.ts';

async function start(): Promise<{ files: ForgetfulFiles; dir: string }> {
  const files = new ForgetfulFiles();
  await files.makeDir('/disk');
  await files.syncDir('/');
  return { files, dir: '/disk' };
}
filesConformance('the disk that forgets', start);

/** All that a file may hold after a cut, over many seeds. */
async function outcomes(prepare: (files: ForgetfulFiles) => Promise<void>, path: string): Promise<Set<string>> {
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const { files } = await start();
    await prepare(files);
    const found = await files.cut(seededChance(seed)).read(path);
    seen.add(found ? Buffer.from(found).toString('latin1') : 'nothing');
  }
  return seen;
}

describe('the disk that forgets', () => {
  it('keeps what was synced with its name', async () => {
    const seen = await outcomes(async (files) => {
      await files.create('/disk/a', Buffer.from('safe'));
      await files.sync('/disk/a');
      await files.syncDir('/disk');
    }, '/disk/a');
    expect([...seen]).toEqual(['safe']);
  });

  it('may lose a name that was not synced, and tear bytes that were not', async () => {
    const seen = await outcomes(
      (files) => files.create('/disk/a', Buffer.from('abcd')).then(() => undefined),
      '/disk/a',
    );
    for (const possible of ['nothing', '', 'ab', 'abcd', 'a\0\0\0']) expect(seen).toContain(possible);
  });

  it('shows the old or the new file after an unsynced rename, never none', async () => {
    const seen = await outcomes(async (files) => {
      await files.create('/disk/a', Buffer.from('old'));
      await files.create('/disk/b', Buffer.from('new'));
      await files.sync('/disk/a');
      await files.sync('/disk/b');
      await files.syncDir('/disk');
      await files.move('/disk/b', '/disk/a');
    }, '/disk/a');
    expect([...seen].sort()).toEqual(['new', 'old']);
  });

  it('may bring back what an unsynced truncate cut off', async () => {
    const seen = await outcomes(async (files) => {
      const file = await files.append('/disk/a');
      await file.write(Buffer.from('abcdef'));
      await file.sync();
      await files.syncDir('/disk');
      await file.truncate(2);
      await file.write(Buffer.from('X'));
    }, '/disk/a');
    for (const possible of ['abcdef', 'ab', 'abX']) expect(seen).toContain(possible);
    for (const content of seen) expect(content.startsWith('ab') || content.startsWith('\0')).toBe(true);
  });

  it('fails the step that it is told to, and for ever after a death', async () => {
    const { files } = await start();
    files.failAt(1, 'ENOSPC');
    await expect(files.create('/disk/a', Buffer.from('x'))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await files.create('/disk/a', Buffer.from('x'))).toBe('created');
    files.failAt(2, 'dies');
    await expect(files.create('/disk/b', Buffer.from('x'))).rejects.toThrow('dies');
    await expect(files.read('/disk/a')).rejects.toThrow();
    expect(await files.cut(seededChance(1)).list('/disk')).toBeDefined();
  });
});
