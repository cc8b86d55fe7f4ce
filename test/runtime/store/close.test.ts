import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { fileLocks } from '../../../src/runtime/io/locks.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { ProjectId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { newTask } from '../../../src/runtime/new-task.ts';
import type { NewTask } from '../../../src/runtime/ports.ts';
import type { FileStore } from '../../../src/runtime/store/file-store.ts';
import { openStore } from '../../../src/runtime/store/open-store.ts';

/** The end of a store and the beginning of the next: what is left over, and what it costs. */

const CONFIG = Config.parse({});
let dir: string;
let synced: number;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ym-close-'));
  for (const name of ['home', 'shop']) await mkdir(join(dir, name));
  synced = 0;
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function open(): Promise<{ store: FileStore; project: ProjectId }> {
  const files = new DiskFiles();
  const counted = Object.assign(Object.create(files) as DiskFiles, {
    sync: async (path: string) => {
      synced++;
      await files.sync(path);
    },
  });
  const at = (name: string) => join(dir, 'home', name);
  const store = await openStore({
    ...{ files: counted, clock: systemClock(), chance: systemChance(), locks: fileLocks(), config: CONFIG },
    home: {
      dir: join(dir, 'home'),
      journal: at('journal'),
      snapshot: at('snapshot.json'),
      runs: at('runs'),
      projects: at('projects.json'),
      finished: at('finished'),
    },
    bootId: 'one boot',
    say: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
  const project = await store.adoptProject(join(dir, 'shop'), 'shop', true, { by: 'owner' });
  if (isRefusal(project)) throw new Error(project.message);
  return { store, project: project.id };
}

function tasks(project: ProjectId, count: number): NewTask[] {
  const owner = { principal: 'owner', name: 'a story' } as const;
  const whole = { id: project, path: join(dir, 'shop'), name: 'shop', adopted_at: 0 };
  return Array.from({ length: count }, (_, n) => {
    const task = newTask(whole, { id: `task-${n}`, body: `Do ${n}.` }, owner, CONFIG);
    if (isRefusal(task)) throw new Error(task.message);
    return task;
  });
}

test('a close that would have to sync many files first leaves them to the next run, and nothing is lost', async () => {
  const first = await open();
  await first.store.enqueue(tasks(first.project, 500), { by: 'owner' });
  await first.store.close();
  expect(synced).toBeLessThan(50);
  const second = await open();
  expect(second.store.open().size).toBe(500);
  await second.store.checkpoint();
  expect(synced).toBeGreaterThanOrEqual(500);
  await second.store.close();
});

test('files that a snapshot has seen safe are not synced again', async () => {
  const first = await open();
  await first.store.enqueue(tasks(first.project, 100), { by: 'owner' });
  await first.store.close();
  expect(synced).toBeGreaterThanOrEqual(100);
  synced = 0;
  const second = await open();
  await second.store.close();
  expect(synced).toBeLessThan(10);
});

test('what a killed runtime left unfinished in a queue and in its home is cleared away', async () => {
  await (await open()).store.close();
  const left = [
    'shop/.agent-queue',
    'shop/.agent-queue/inbox',
    'shop/.agent-queue/done',
    'home/journal',
    'home/finished',
  ];
  for (const folder of left) await writeFile(join(dir, folder, '.ym-tmp-0123456789abcdef'), 'half of it');
  const { store } = await open();
  for (const folder of left)
    expect((await readdir(join(dir, folder))).filter((name) => name.startsWith('.ym-tmp-'))).toEqual([]);
  await store.close();
});
