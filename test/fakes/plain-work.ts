import type { TaskStore } from '../../src/runtime/ports.ts';
import type { Checks, Workspaces } from '../../src/runtime/work.ts';

/** Every task works in its project's folder. */
export function projectFolders(store: Pick<TaskStore, 'projects'>): Workspaces {
  return {
    async open({ project }) {
      const found = store.projects().find(({ id }) => id === project);
      return found ? { kind: 'ready', cwd: found.path } : { kind: 'unfit', reason: 'its project is not there' };
    },
    describe: async () => undefined,
  };
}

/** What an agent says is believed. */
export const unchecked: Checks = {
  before: async () => {},
  check: async ({ outcome, doubt }) => (doubt ? { kind: 'failed', failure: doubt } : { kind: 'done', outcome }),
  stop: async () => {},
  complaint: async () => undefined,
};
