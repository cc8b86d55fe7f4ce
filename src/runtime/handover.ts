import type { Delegations } from './delegations/delegations.ts';
import type { Fleet } from './model/fleet.ts';
import type { TaskRef } from './model/ids.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import type { ProviderRoute } from './model/route.ts';
import type { Cause, FinishedTask, OpenTask } from './model/task.ts';
import { notKeptAway } from './policy/abilities.ts';
import { findProvider } from './policy/delegation.ts';
import type { TaskStore } from './ports.ts';

export interface HandoverPorts {
  readonly store: Pick<TaskStore, 'get' | 'claim'>;
  readonly delegations: Pick<Delegations, 'submit'>;
  readonly fleet: () => Fleet;
}

/** Hands one queued task to a provider now, because somebody asked for just that. */
export async function handOver(
  { store, delegations, fleet }: HandoverPorts,
  ref: TaskRef,
  provider: string | undefined,
  cause: Cause,
): Promise<{ ref: TaskRef; provider: string } | Refusal> {
  const name = provider ?? 'auto';
  const found = findProvider(name, fleet());
  if (!found) return noProvider(name, fleet());
  const against = whyNot(await store.get(ref), ref, found.provider, cause);
  if (against) return against;
  const rules = [{ rule: 'delegate', says: `delegate asked for ${name}` }];
  const ai = found.ai === undefined ? {} : { ai: found.ai };
  const route: ProviderRoute = { to: 'provider', provider: found.provider.id, ...ai, rules };
  const claimed = await store.claim(ref, route, cause);
  if (isRefusal(claimed)) return claimed;
  void delegations.submit(claimed.lease, claimed.task, claimed.bytes);
  return { ref, provider: found.provider.id };
}

function whyNot(
  task: OpenTask | FinishedTask | undefined,
  ref: TaskRef,
  provider: Fleet['providers'][number],
  cause: Cause,
): Refusal | undefined {
  const stays = 'enqueue it without that key';
  if (!task) return refuse('not_found', `there is no task ${ref.id} in this project`, 'list_tasks shows what there is');
  if ('finished_seq' in task || (task.state !== 'queued' && cause.call === undefined)) {
    return refuse(
      'not_possible',
      `task ${ref.id} is ${task.state}; only a queued one can be delegated`,
      'job_status shows it',
    );
  }
  if (task.spec.needs_claude_code)
    return refuse('not_allowed', `needs_claude_code: task ${ref.id} can't leave this machine`, stays);
  if (task.spec.allow_delegation === false)
    return refuse('not_allowed', `allow_delegation: task ${ref.id} says false`, stays);
  if (provider.status === 'offline') {
    const why = provider.detail ?? 'it does not answer';
    return refuse('not_possible', `provider ${provider.id} is offline: ${why}`, 'the task stays where it is');
  }
  const broken = notKeptAway(task.spec);
  if (broken.length > 0) return refuse('not_allowed', `provider ${provider.id} can't keep ${broken.join(', ')}`, stays);
  return undefined;
}

function noProvider(name: string, fleet: Fleet): Refusal {
  const known = fleet.providers.map(({ id }) => id).join(', ');
  const which = name === 'auto' ? 'no provider is' : `provider "${name.slice(0, 100)}" is not`;
  const hint = known === '' ? 'add one under delegation.providers in yardmaster.yaml' : `configured: ${known}`;
  return refuse('not_configured', `provider: ${which} configured`, hint);
}
