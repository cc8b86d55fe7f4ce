import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { liveState, otherSessions } from '../../../../src/runtime/agents/claude/live.ts';
import { configFile, sessionsDir, transcriptFile } from '../../../../src/runtime/agents/claude/places.ts';
import { DiskFiles } from '../../../../src/runtime/io/files.ts';

const files = new DiskFiles();
let home: string;
let sessions: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'ym-live-'));
  sessions = sessionsDir({ home });
  await mkdir(sessions, { recursive: true });
});
afterEach(() => rm(home, { recursive: true, force: true }));

/** As the program wrote it, of a process that lives. */
async function ours(): Promise<Record<string, unknown>> {
  const stat = await readFile(`/proc/${process.pid}/stat`, 'utf8');
  return {
    pid: process.pid,
    sessionId: '28c45bee-8889-4974-a6c3-f2add777850f',
    cwd: '/home/me/shop',
    startedAt: 1795278211711,
    procStart: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19],
    version: '2.1.329',
    kind: 'interactive',
    name: 'shop-0d',
    status: 'idle',
    updatedAt: 1795278213517,
  };
}
const write = (pid: number, session: unknown) => writeFile(join(sessions, `${pid}.json`), JSON.stringify(session));

it('says what a session does, and for what it waits', async () => {
  const session = await ours();
  await write(process.pid, { ...session, status: 'waiting', waitingFor: 'permission\u001b[2J prompt' });
  expect(await liveState(files, { home, pid: process.pid })).toEqual({
    status: 'waiting',
    waiting_for: 'permission prompt',
    conversation: session.sessionId,
    at: 1795278213517,
  });
});

it('says nothing where nothing whole is written', async () => {
  const pid = process.pid;
  expect(await liveState(files, { home, pid })).toBeUndefined();
  await writeFile(join(sessions, `${pid}.json`), '{"pid":');
  expect(await liveState(files, { home, pid })).toBeUndefined();
  await write(pid, { ...(await ours()), pid: 1 });
  expect(await liveState(files, { home, pid })).toBeUndefined();
  await write(pid, { pid, padding: 'x'.repeat(100_000) });
  expect(await liveState(files, { home, pid })).toBeUndefined();
});

it('does not guess at a status that it does not know', async () => {
  await write(process.pid, { ...(await ours()), status: 'dreaming' });
  expect((await liveState(files, { home, pid: process.pid }))?.status).toBe('unknown');
});

it('lists the sessions of an account whose process lives', async () => {
  await write(process.pid, await ours());
  await write(4_194_303, { ...(await ours()), pid: 4_194_303 }); // killed
  await write(1, { ...(await ours()), pid: 1 }); // killed, and its number given to another
  await writeFile(join(sessions, `${process.pid}.abc.key`), 'secret');
  await symlink(join(sessions, `${process.pid}.json`), join(sessions, '77.json'));
  expect(await otherSessions(files, { home })).toEqual([
    {
      name: 'shop-0d',
      pid: process.pid,
      conversation: '28c45bee-8889-4974-a6c3-f2add777850f',
      cwd: '/home/me/shop',
      status: 'idle',
      at: 1795278213517,
    },
  ]);
  expect(await otherSessions(files, { home: join(home, 'nowhere') })).toEqual([]);
});

it('keeps each account apart', () => {
  const work = { home: '/home/me', config_dir: '/home/me/.claude-work' };
  expect(sessionsDir(work)).toBe('/home/me/.claude-work/sessions');
  expect(configFile(work)).toBe('/home/me/.claude-work/.claude.json');
  expect(configFile({ home: '/home/me' })).toBe('/home/me/.claude.json');
});

it('knows where a conversation is kept, as the program names it', () => {
  const of = (cwd: string) => transcriptFile({ home: '/home/me', cwd, conversation: 'c' });
  expect(of('/tmp/run/w é_x.y z (1)')).toBe('/home/me/.claude/projects/-tmp-run-w---x-y-z--1-/c.jsonl');
  const long = `/tmp/long-shop/${Array(5).fill('d'.repeat(60)).join('/')}`;
  const begins = `-tmp-long-shop-${Array(5).fill('d'.repeat(60)).join('-')}`.slice(0, 200);
  expect(of(long)).toBe(`/home/me/.claude/projects/${begins}-kw02y9/c.jsonl`);
});
