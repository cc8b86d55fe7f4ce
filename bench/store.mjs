import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { thisMachine } from '../dist/runtime/io/machine.js';
import { Config } from '../dist/runtime/model/config.js';
import { newTask } from '../dist/runtime/new-task.js';
import { openStore } from '../dist/runtime/store/open-store.js';

const OWNER = { principal: 'owner', name: 'bench' };
const CAUSE = { by: 'owner' };

/** The queue's store without a runtime around it, on this disk. */
export async function openStoreHere(dir) {
  const at = (name) => join(dir, name);
  for (const folder of [at('home'), at('project')]) mkdirSync(folder, { recursive: true });
  const config = Config.parse({});
  const store = await openStore({
    ...thisMachine({ home: at('home') }),
    config,
    home: {
      dir: at('home'),
      journal: at('home/journal'),
      snapshot: at('home/snapshot.json'),
      runs: at('home/runs'),
      projects: at('home/projects.json'),
      finished: at('home/finished'),
    },
    say: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
  const project = await store.adoptProject(at('project'), 'bench', true, CAUSE);
  return {
    made: (inputs) => inputs.map((input) => newTask(project, input, OWNER, config)),
    async enqueue(tasks) {
      const answers = await store.enqueue(tasks, CAUSE);
      if (answers.some(({ created }) => created !== true)) throw new Error('not every task was taken');
    },
    converged: () => store.converged(),
    close: () => store.close(),
  };
}
