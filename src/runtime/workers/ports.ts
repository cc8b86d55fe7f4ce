import type { Config } from '../model/config.ts';
import type { ProjectId } from '../model/ids.ts';
import { isLive, type LiveTask, type OpenTask, type RunningTask } from '../model/task.ts';
import type { Chance, Clock, Files, TaskStore } from '../ports.ts';
import type { Checks, Composer, Workspaces } from '../work.ts';

export interface WorkersPorts {
  readonly home: string;
  readonly store: Pick<
    TaskStore,
    'epoch' | 'open' | 'get' | 'text' | 'projects' | 'started' | 'end' | 'record' | 'workers' | 'answered' | 'subscribe'
  >;
  readonly files: Pick<Files, 'makeDir' | 'read' | 'replace' | 'sync' | 'syncDir' | 'remove'>;
  readonly clock: Clock;
  readonly chance: Chance;
  /** As it counts for one project's tasks. */
  readonly config: (project: ProjectId) => Config;
  readonly settings: () => Config['workers'];
  readonly workspaces: Workspaces;
  readonly checks: Checks;
  /** What a worker is told that sees no folder of this machine. */
  readonly composer: Composer;
  /** Whose name that is, where it is no worker's. */
  readonly taken: (name: string) => string | undefined;
  /** What others than workers can do. */
  readonly capabilities: () => readonly string[];
  /** Attempts of this agent that are claimed, or about to be, and have not begun. */
  readonly unbegun: (agent: string) => number;
  /** How long an attempt may take. */
  readonly ttl: (task: LiveTask) => number;
  /** What the dispatcher knows of workers has changed. */
  readonly changed: () => void;
  readonly say: (level: 'info' | 'warn' | 'error', message: string, facts?: Readonly<Record<string, unknown>>) => void;
}

/** At an outside worker. */
export function withWorker(task: OpenTask): task is LiveTask & { route: { to: 'agent'; kind: 'worker' } } {
  return isLive(task) && task.route.to === 'agent' && task.route.kind === 'worker';
}

/** Given to one. */
export function isHanded(task: OpenTask): task is RunningTask & { route: { to: 'agent'; kind: 'worker' } } {
  return task.state === 'running' && withWorker(task);
}
