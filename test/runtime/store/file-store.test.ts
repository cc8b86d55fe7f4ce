import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemChance } from '../../../src/runtime/io/chance.ts';
import { systemClock } from '../../../src/runtime/io/clock.ts';
import { DiskFiles } from '../../../src/runtime/io/files.ts';
import { fileLocks } from '../../../src/runtime/io/locks.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { FileStore } from '../../../src/runtime/store/file-store.ts';
import { openStore } from '../../../src/runtime/store/open-store.ts';
import { taskStoreSuite } from '../../conformance/task-store.ts';

/** A store on a home of its own; what can't be trusted any more fails the story. */
function open(dir: string): Promise<FileStore> {
  const at = (name: string) => join(dir, name);
  return openStore({
    files: new DiskFiles(),
    clock: systemClock(),
    chance: systemChance(),
    locks: fileLocks(),
    config: Config.parse({}),
    home: {
      dir,
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
}

taskStoreSuite('the file store', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'yardmaster-store-'));
  const names: string[] = [];
  await mkdir(join(dir, 'home'));
  let store = await open(join(dir, 'home'));
  const adopt = async (name: string) => {
    await mkdir(join(dir, name), { recursive: true });
    const project = await store.adoptProject(join(dir, name), name, true, { by: 'owner' });
    if (isRefusal(project)) throw new Error(project.message);
    return project.id;
  };
  return {
    store,
    project: async (name) => {
      names.push(name);
      return adopt(name);
    },
    restart: async () => {
      await store.close();
      store = await open(join(dir, 'home'));
      for (const name of new Set(names)) await adopt(name);
      return store;
    },
    stop: async () => {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
});
