import type { Counts } from './load.ts';
import type { FleetAgent } from './model/fleet.ts';
import type { Worker } from './model/worker.ts';
import { LOCALLY_KEPT } from './policy/abilities.ts';

/** An outside worker, or one that is away and whose place people still look at. */
export interface WorkerState {
  readonly worker: Worker;
  /** Tasks that it asks for now. */
  readonly asks: number;
  readonly heard_at?: number;
  /** Why it is offline. */
  readonly away?: string;
}

/** What is compared with what was asked for wherever the work was done. */
const KEPT_ELSEWHERE: readonly string[] = ['result_schema'];

/** A worker whose name the configuration has given to somebody else meanwhile gets nothing under it. */
export function workerAgents(states: readonly WorkerState[], load: Counts, others: ReadonlySet<string>): FleetAgent[] {
  return states.filter(({ worker }) => !others.has(worker.name)).map((state) => workerAgent(state, load));
}

function workerAgent({ worker, asks, heard_at, away }: WorkerState, counts: Counts): FleetAgent {
  const { name, title, capabilities, max, files, projects } = worker;
  const load = counts.agent(name);
  return {
    ...{ id: name, kind: 'worker', program: name, capabilities, load, max, asks, takes_model: true, models: {} },
    status: away !== undefined ? 'offline' : load > 0 ? 'busy' : 'available',
    keeps: files ? LOCALLY_KEPT : KEPT_ELSEWHERE,
    ...(!files && { elsewhere: true as const }),
    ...(projects && { projects }),
    ...(title !== undefined && { title }),
    ...(away !== undefined && { detail: away }),
    ...(heard_at !== undefined && { heard_at }),
  };
}
