import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cleanText } from '../../../src/runtime/runs/clean.ts';
import { readBounded, readPage, readTail } from '../../../src/runtime/runs/reader.ts';
import { localFiles } from './local-files.ts';
import { tempDir } from './world.ts';

async function log(content: string | Uint8Array): Promise<string> {
  const path = join(await tempDir(), 'stdout');
  await writeFile(path, content);
  return path;
}

describe('cleaning what an agent printed', () => {
  it.each([
    ['plain\ttext\n', 'plain\ttext\n'],
    ['\u001b[1;31mred\u001b[0m', 'red'],
    ['\u001b]0;a title\u0007x\u001b]8;;http://a\u001b\\link', 'xlink'],
    ['\u001b]0;never ends\nnext line', '\nnext line'],
    ['\u001bPq#0\u001b\\after\u001b(B\u001b7', 'after'],
    ['10%\r20%\r\ndone\u0000\u0008\u007f\u009b', '10%\n20%\ndone'],
    ['\u001b', ''],
  ])('%j becomes %j', (raw, clean) => {
    expect(cleanText(new TextEncoder().encode(raw))).toBe(clean);
  });

  it('makes invalid bytes visible', () => {
    expect(cleanText(Uint8Array.of(0x61, 0xff, 0xfe, 0x62))).toBe('a\ufffd\ufffdb');
  });

  it('takes hostile text in its stride', () => {
    for (const piece of ['\u001b[', '\u001b]', '\u001b[;;;', '\u001bP ']) {
      const bytes = new TextEncoder().encode(piece.repeat(50_000));
      const begun = performance.now();
      cleanText(bytes);
      expect(performance.now() - begun).toBeLessThan(2_000);
    }
  });
});

describe('following a log', () => {
  it('page by page gives the same text as at once, wherever the cuts fall', async () => {
    const text = 'é€😀 \u001b[31mred\u001b[0m ü\n'.repeat(40);
    const path = await log(text);
    for (const limit of [16, 17, 18, 19, 23, 64]) {
      let [seen, offset] = ['', 0];
      for (;;) {
        const page = await readPage(localFiles, path, offset, limit);
        seen += page.text;
        if (page.next_offset === page.size) break;
        expect(page.next_offset).toBeGreaterThan(offset);
        offset = page.next_offset;
      }
      expect(seen).toBe('é€😀 red ü\n'.repeat(40));
    }
  });

  it('stands still at the end, and before there is anything', async () => {
    const path = await log('all\n');
    expect(await readPage(localFiles, path, 4, 100)).toEqual({ text: '', offset: 4, next_offset: 4, size: 4 });
    expect(await readPage(localFiles, path, 99, 100)).toMatchObject({ text: '', next_offset: 4 });
    expect(await readPage(localFiles, `${path}.none`, 0, 100)).toMatchObject({ text: '', next_offset: 0 });
  });

  it('does not wait for ever for a character that never ends', async () => {
    const path = await log(Uint8Array.of(0xe2, 0x82));
    expect(await readPage(localFiles, path, 0, 100)).toMatchObject({ text: '\ufffd', next_offset: 2 });
  });
});

describe('the end of a log', () => {
  it('begins with a line, if it has one', async () => {
    const path = await log('one\ntwo\nthree\n');
    expect(await readTail(localFiles, path, 8)).toEqual({ text: 'three\n', offset: 8, next_offset: 14, size: 14 });
    expect(await readTail(localFiles, path, 100)).toMatchObject({ text: 'one\ntwo\nthree\n', offset: 0 });
    expect(await readTail(localFiles, await log('ééééé'), 5)).toMatchObject({ text: 'éé' });
  });
});

describe('a bounded text', () => {
  it('is whole where it is short', async () => {
    expect(await readBounded(localFiles, await log('short'), 100)).toEqual({ text: 'short', truncated: false });
  });

  it('is its head and its tail around a note where it is long, and only those are read', async () => {
    const path = await log(`begin ${'ä'.repeat(5_000)} end`);
    let read = 0;
    const counting = {
      ...localFiles,
      readAt: (file: string, offset: number, length: number) => {
        read += length;
        return localFiles.readAt(file, offset, length);
      },
    };
    const bounded = await readBounded(counting, path, 101);
    expect(bounded?.truncated).toBe(true);
    expect(bounded?.text).toMatch(/^begin ä+\n\n\[… \d+ of 10010 bytes are left out here; .*stdout …\]\n\nä+ end$/);
    expect(read).toBe(100);
  });

  it('is nothing where no regular file is', async () => {
    const dir = await tempDir();
    await symlink('/etc/passwd', join(dir, 'link'));
    expect(await readBounded(localFiles, join(dir, 'link'), 100)).toBeUndefined();
    expect(await readBounded(localFiles, dir, 100)).toBeUndefined();
  });
});
