import type { Packing } from './context/packing.ts';
import type { Delegations } from './delegations/delegations.ts';
import type { Load } from './load.ts';
import type { Fleet } from './model/fleet.ts';
import type { TaskRef } from './model/ids.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import type { Cause, FinishedTask, OpenTask, QueuedTask } from './model/task.ts';
import { askOf } from './policy/ask.ts';
import { findProvider } from './policy/delegation.ts';
import { leave } from './policy/leave.ts';
import type { Clock, TaskStore } from './ports.ts';

/*
 * H1. What is refused has changed nothing: the claim is the first change, and the last that can fail.
 * H2. A call that is sent again gets its handle again, however far its task has come since.
 */

export interface HandoverPorts {
  readonly store: Pick<TaskStore, 'get' | 'claim' | 'answered'>;
  readonly delegations: Pick<Delegations, 'submit'>;
  readonly fleet: () => Fleet;
  readonly clock: Clock;
  readonly load: Pick<Load, 'reserve' | 'release'>;
  /** What it would show besides itself, or why it can't. */
  readonly packing: Pick<Packing, 'preview'>;
}

export interface HandedOver {
  readonly ref: TaskRef;
  readonly provider: string;
}

/** Hands one queued task to a provider now, because somebody asked for just that. */
export async function handOver(
  { store, delegations, fleet, clock, load, packing }: HandoverPorts,
  ref: TaskRef,
  provider: string | undefined,
  cause: Cause,
): Promise<HandedOver | Refusal> {
  const name = provider ?? 'auto';
  if (cause.call !== undefined && store.answered(cause.call))
    return { ref, provider: findProvider(name, fleet())?.provider.id ?? name }; // H2
  const task = queuedAmong(await store.get(ref), ref);
  if (isRefusal(task)) return task;
  const packed = await packing.preview(ref.project, task.spec);
  if (isRefusal(packed)) return packed;
  const route = leave(askOf(task), name, fleet(), clock.now());
  if (isRefusal(route)) return route;
  load.reserve(ref, task.spec, route); // as the dispatcher does: its next choice sees the place as taken
  const claimed = await store.claim(ref, route, cause).catch((problem) => {
    load.release(ref);
    throw problem;
  });
  if (isRefusal(claimed)) {
    load.release(ref);
    return claimed; // H1
  }
  void delegations.submit(claimed.lease, claimed.task, claimed.bytes);
  return { ref, provider: route.provider };
}

function queuedAmong(task: OpenTask | FinishedTask | undefined, ref: TaskRef): QueuedTask | Refusal {
  if (!task) return refuse('not_found', `there is no task ${ref.id} in this project`, 'list_tasks shows what there is');
  if (!('finished_seq' in task) && task.state === 'queued') return task;
  const message = `task ${ref.id} is ${task.state}; only a queued one can be delegated`;
  return refuse('not_possible', message, `nothing was changed; job_status {id: ${JSON.stringify(ref.id)}} shows it`);
}
