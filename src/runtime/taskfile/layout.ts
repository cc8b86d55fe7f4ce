import { join } from 'node:path';
import type { TaskId } from '../model/ids.ts';

/** The paths of one project's queue (section 3 of the design). */
export interface QueueLayout {
  readonly root: string;
  readonly inbox: string;
  readonly doneDir: string;
  readonly failedDir: string;
  readonly projectFile: string;
  readonly owner: string;
  readonly gitignore: string;
  /** Anything that lies in inbox/, by its name. */
  inboxEntry(name: string): string;
  task(id: TaskId): string;
  dispatched(id: TaskId): string;
  attempt(id: TaskId): string;
  delegated(id: TaskId): string;
  done(id: TaskId): string;
  /** Beside it: the patch that stands in its result. */
  patch(id: TaskId): string;
  failed(id: TaskId): string;
}

export const QUEUE_DIR = '.agent-queue';

/** Ids and names of entries hold no slash, so the paths of one task are put together plainly: they are made by the thousand. */
export function queueOf(projectPath: string): QueueLayout {
  const root = join(projectPath, QUEUE_DIR);
  const [inbox, doneDir, failedDir] = [join(root, 'inbox'), join(root, 'done'), join(root, 'failed')];
  return {
    root,
    inbox,
    doneDir,
    failedDir,
    projectFile: join(root, '.project.json'),
    owner: join(root, '.owner'),
    gitignore: join(root, '.gitignore'),
    inboxEntry: (name) => `${inbox}/${name}`,
    task: (id) => `${inbox}/${id}.md`,
    dispatched: (id) => `${inbox}/${id}.md.dispatched`,
    attempt: (id) => `${inbox}/${id}.attempt.json`,
    delegated: (id) => `${inbox}/${id}.md.delegated`,
    done: (id) => `${doneDir}/${id}.md`,
    patch: (id) => `${doneDir}/${id}.patch`,
    failed: (id) => `${failedDir}/${id}.md`,
  };
}
