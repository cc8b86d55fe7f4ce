import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Progress } from '../../../src/runtime/agents/headless.ts';
import { Lines } from '../../../src/runtime/headless/lines.ts';
import { RunProgress } from '../../../src/runtime/headless/progress.ts';
import { Shown } from '../../../src/runtime/headless/shown.ts';
import { Stream } from '../../../src/runtime/headless/stream.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { tempDir } from '../runs/world.ts';
import { lineOf, plainAgent } from './plain-agent.ts';

const files = new DiskFiles();
const bytes = (text: string) => new TextEncoder().encode(text);

describe('lines', () => {
  it('are whole, wherever the stream was cut', () => {
    const text = Buffer.from('one\nzwölf ✓\n\nthree');
    for (let cut = 0; cut <= text.length; cut++) {
      const lines = new Lines();
      const found = [...lines.take(text.subarray(0, cut)), ...lines.take(text.subarray(cut))];
      expect([...found, ...lines.rest()]).toEqual(['one', 'zwölf ✓', 'three']);
    }
  });

  it('that are too long are passed over, and what follows is not', () => {
    const lines = new Lines(10);
    const found = ['12345', '67890', '12345\nshort\n', 'x'.repeat(11), '\nnext\n'].flatMap((part) =>
      lines.take(bytes(part)),
    );
    expect(found).toEqual(['short', 'next']);
  });

  it('with bytes that are no text are lines all the same', () => {
    expect(new Lines().take(Buffer.from([0x61, 0xff, 0xfe, 0x0a, 0x62, 0x0a]))).toEqual(['a��', 'b']);
  });
});

describe('a stream', () => {
  it('is read on as it is written, half lines when they are whole', async () => {
    const path = join(await tempDir(), 'stdout');
    const stream = new Stream(files, path, plainAgent);
    const shown: Progress[] = [];
    const readOn = () => stream.readOn((one) => shown.push(one));
    expect(await readOn()).toBe(false); // it is not there yet
    writeFileSync(path, `${lineOf({ say: 'a' })}no json\n${lineOf({ tool: 'Bash ls' }).slice(0, 8)}`);
    expect(await readOn()).toBe(true);
    expect(shown).toEqual([{ by: 'agent', text: 'a' }]);
    appendFileSync(path, lineOf({ tool: 'Bash ls' }).slice(8));
    await readOn();
    expect(shown.at(-1)).toEqual({ by: 'tool', text: 'Bash ls' });
    expect(await readOn()).toBe(false);
    appendFileSync(path, '{"say":"the last"}');
    await readOn();
    stream.end((one) => shown.push(one));
    expect(shown.at(-1)).toEqual({ by: 'agent', text: 'the last' });
  });
});

describe('what is shown of it', () => {
  it('stays small, however long the run goes on', () => {
    const shown = new Shown();
    for (let i = 0; i < 20_000; i++) shown.add({ by: 'agent', text: `${i} ${'x'.repeat(100)}` });
    expect(shown.text.length).toBeLessThan(300_000);
    expect(shown.text).toContain('[agent] 19999 ');
    shown.add({ by: 'tool', text: 'y'.repeat(100_000) });
    expect(shown.text).toContain('[…]');
  });

  async function run(text: string) {
    const dir = await tempDir();
    mkdirSync(dir, { recursive: true });
    const record = {
      ...{ agent: 'claude', conversation: 'c', transcript: '/t', transcript_from: 0, nonce: 'n', task_nonce: 'n' },
      ...{ prompt_sha256: 'p', cwd: '/', prepared_at: 1, input: 'stream' },
    };
    writeFileSync(join(dir, 'headless.json'), JSON.stringify(record));
    writeFileSync(join(dir, 'stdout'), text);
    return { dir, progress: new RunProgress({ files, headless: () => plainAgent }) };
  }

  it('is read from any place of the stream, page after page, each line once', async () => {
    const said = Array.from({ length: 3_000 }, (_, i) => `line ${i}:${'z'.repeat(i % 200)}`);
    const half = '{"say":"half';
    const { dir, progress } = await run(said.map((say) => lineOf({ say })).join('') + half);
    let text = '';
    let offset = 0;
    for (let pages = 0; ; pages++) {
      const page = await progress.page(dir, offset, 4_096);
      if (!page || page.next === offset) {
        expect(pages).toBeGreaterThan(2);
        break;
      }
      text += page.text;
      offset = page.next;
    }
    expect(text).toBe(said.map((say) => `[agent] ${say}\n`).join(''));
    appendFileSync(join(dir, 'stdout'), ' and half"}\n');
    expect(await progress.page(dir, offset, 4_096)).toMatchObject({ text: '[agent] half and half\n' });
    const tail = await progress.tail(dir, 1_000);
    expect(tail?.text.endsWith('[agent] half and half\n')).toBe(true);
    expect(tail?.text.startsWith('[agent] ')).toBe(true);
    expect(tail!.size).toBeGreaterThan(1_000);
  });

  it('has an end also where the stream is long and most of it is not shown', async () => {
    const noise = lineOf({ noise: 'q'.repeat(600_000) });
    const { dir, progress } = await run(lineOf({ say: 'first' }) + noise.repeat(6) + lineOf({ say: 'last' }));
    expect((await progress.tail(dir, 1_000))?.text).toBe('[agent] last\n');
    expect((await progress.page(dir, 0, 65_536))?.text).toContain('[agent] first\n');
  });

  it('is nothing of a run that has no such stream', async () => {
    const dir = await tempDir();
    writeFileSync(join(dir, 'stdout'), 'plain output\n');
    const progress = new RunProgress({ files, headless: () => plainAgent });
    expect(await progress.tail(dir, 100)).toBeUndefined();
    expect(await progress.page(dir, 0, 100)).toBeUndefined();
  });
});
