import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Heard } from '../../../../src/runtime/agents/agent.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';
import { Spool } from '../../../../src/runtime/sessions/attempts/spool.ts';
import { TableAgent } from './attempts-world.ts';

const OWN = { conversation: 'ours', nonce: 'run-1f' };
const OURS: Heard = { kind: 'prompt', prompt: 'do it (run-1f)', prompt_id: 'p1' };
const STOP: Heard = { kind: 'turn_ended', message: 'done', background: 0, prompt_id: 'p1' };

async function run() {
  const dir = await mkdtemp(join(tmpdir(), 'yard-spool-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await mkdir(join(dir, 'hooks'));
  const said: unknown[] = [];
  const open = (after = '') =>
    new Spool({ files: new DiskFiles(), agent: new TableAgent(), say: (...all) => said.push(all) }, dir, OWN, after);
  const put = (name: string, heard: Heard) =>
    writeFile(join(dir, 'hooks', `${name}.json`), JSON.stringify({ conversation: 'ours', heard }));
  return { dir, said, open, put };
}

describe('the spool of an attempt', () => {
  it('finds what is new, and nothing twice', async () => {
    const { open, put } = await run();
    const spool = open();
    expect(await spool.scan()).toBe(false);
    await put('001', OURS);
    expect(await spool.scan()).toBe(true);
    expect(await spool.scan()).toBe(false);
    expect(spool.told.confirmed_at).toBeDefined();
    await put('002', STOP);
    await spool.scan();
    expect(spool.told.over?.end).toEqual({ kind: 'done', message: 'done' });
  });

  it('reads what a hint has named alone, however much was told before, and little again for a late one (S3)', async () => {
    const { dir, put } = await run();
    const asked = { list: 0, read: 0 };
    const disk = new DiskFiles();
    const files = {
      list: (path: string) => {
        asked.list++;
        return disk.list(path);
      },
      read: (path: string, limit?: number) => {
        asked.read++;
        return disk.read(path, limit);
      },
      stat: (path: string) => disk.stat(path),
    };
    const spool = new Spool({ files, agent: new TableAgent(), say: () => {} }, dir, OWN);
    await put('0001', OURS);
    for (let n = 2; n < 1_000; n++) await put(String(n).padStart(4, '0'), { kind: 'tool_begins', tool: `t${n}` });
    await spool.scan();
    Object.assign(asked, { list: 0, read: 0 });
    await put('1001', { kind: 'tool_begins', tool: 'newest' });
    expect(await spool.scan('hinted')).toBe(false);
    spool.hint('1001.json');
    spool.hint('.report-17');
    spool.hint('gone.json');
    expect(await spool.scan('hinted')).toBe(true);
    expect(spool.told.tool).toBe('newest');
    expect(asked).toEqual({ list: 0, read: 1 });
    await put('1000', { kind: 'tool_begins', tool: 'late' });
    spool.hint(null);
    await spool.scan('hinted');
    expect(spool.told.tool).toBe('newest');
    expect(asked).toEqual({ list: 1, read: 3 });
  });

  it('whose fold was broken off begins it again', async () => {
    const { dir, put } = await run();
    const disk = new DiskFiles();
    let broken = false;
    const read = async (path: string, limit?: number) => {
      if (broken && path.endsWith('002.json')) throw new Error('EMFILE');
      return disk.read(path, limit);
    };
    const files = { list: disk.list.bind(disk), stat: disk.stat.bind(disk), read };
    const spool = new Spool({ files, agent: new TableAgent(), say: () => {} }, dir, OWN);
    await put('002', OURS);
    await put('003', { kind: 'tool_begins', tool: 'Bash' });
    await spool.scan();
    broken = true;
    await put('001', { kind: 'ready' });
    await expect(spool.scan()).rejects.toThrow('EMFILE');
    broken = false;
    await spool.scan();
    expect(spool.told).toMatchObject({ tool: 'Bash', turn: 'open' });
  });

  it('tells the same in whatever order and pieces its reports are found (S2)', async () => {
    const all: [string, Heard][] = [
      ['001', { kind: 'ready' }],
      ['002', OURS],
      ['003', { kind: 'asks', tool: 'Bash', input: { a: 1 } }],
      ['004', { kind: 'tool_ended', tool: 'Bash' }],
      ['005', { kind: 'dialog', what: 'a form' }],
      ['006', { kind: 'tool_begins', tool: 'Read' }],
      ['007', { kind: 'turn_ended', message: 'not yet', background: 1, prompt_id: 'p1' }],
      ['008', { kind: 'prompt', prompt: '<task-notification>', prompt_id: 'p2' }],
    ];
    const whole = await run();
    for (const [name, heard] of all) await whole.put(name, heard);
    const once = whole.open();
    await once.scan();
    const order = fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length });
    await fc.assert(
      fc.asyncProperty(order, fc.integer({ min: 1, max: 4 }), async (shuffled, pieces) => {
        const { open, put } = await run();
        const spool = open();
        for (const [n, [name, heard]] of shuffled.entries()) {
          await put(name, heard);
          if (n % pieces === 0) await spool.scan();
        }
        await spool.scan();
        expect(untimed(spool.told)).toEqual(untimed(once.told));
      }),
      { numRuns: 30 },
    );
  });

  it('says of what is no report that it is none, once, and goes on (S3)', async () => {
    const { dir, said, open, put } = await run();
    const spool = open();
    await writeFile(join(dir, 'hooks', '001.json'), 'torn {');
    await symlink('/etc/passwd', join(dir, 'hooks', '002.json'));
    await mkdir(join(dir, 'hooks', '003.json'));
    await writeFile(join(dir, 'hooks', '.004.json'), '{}');
    await put('005', OURS);
    await spool.scan();
    await spool.scan();
    expect(spool.told.confirmed_at).toBeDefined();
    expect(said).toHaveLength(1);
  });

  it('begins behind the report that it is told', async () => {
    const { open, put } = await run();
    await put('001', OURS);
    await put('002', STOP);
    const spool = open('002');
    expect(await spool.scan()).toBe(false);
    await put('003', OURS);
    expect(await spool.scan()).toBe(true);
    expect(spool.told.report).toBe('003');
  });
});

/** When a file was written is its own matter. */
function untimed(told: Spool['told']): unknown {
  return JSON.parse(JSON.stringify(told, (key, value: unknown) => (/(^|_)at$/.test(key) ? 0 : value)));
}
