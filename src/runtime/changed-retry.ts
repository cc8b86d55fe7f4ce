import { otherAgent, resumable } from './conversations/resumable.ts';
import type { Config } from './model/config.ts';
import type { Fleet } from './model/fleet.ts';
import type { ProjectId } from './model/ids.ts';
import { isRefusal, type Refusal, refuse } from './model/refusal.ts';
import type { Route } from './model/route.ts';
import type { TaskSpec } from './model/spec.ts';
import type { FinishedTask, QueuedTask } from './model/task.ts';
import { refuseCallback } from './policy/callback-url.ts';
import type { Amendment, Files, RetryOrder } from './ports.ts';
import type { RetryChanges } from './yard.ts';

/*
 * A retry with changes: which keys of the task's text they are, and whether what it becomes may be. The same is asked of it
 * as of a new task, and more where somebody is there to choose otherwise: that some agent could take it.
 */

export interface ChangedRetryPorts {
  readonly home: string;
  readonly files: Files;
  readonly config: Config;
  readonly fleet: () => Fleet;
  readonly route: (task: { project: ProjectId; spec: TaskSpec }) => Route;
}

type Keys = Map<string, string | number | undefined>;

/** Keys that are taken over as they are given. */
const PLAIN = ['agent', 'preferred_ai', 'model', 'mode', 'priority'] as const;
const BOUNDS = ['budget_usd', 'max_attempts', 'ttl_seconds', 'permission_mode'] as const;
const CHOICES = new Set<string>(['agent', 'preferred_ai', 'model', 'mode', 'conversation']);

/** Nothing is to be different: it is tried again as it is. */
export function isUnchanged(changes: RetryChanges): boolean {
  return Object.values(changes).every((value) => value === undefined);
}

export function retryOrder(ports: ChangedRetryPorts, changes: RetryChanges): RetryOrder {
  return {
    amend: (task, spec) => amend(ports, changes, task, spec),
    refuses: (project, spec) => refuses(ports, changes, project, spec),
  };
}

async function amend(
  ports: ChangedRetryPorts,
  changes: RetryChanges,
  task: QueuedTask | FinishedTask,
  spec: TaskSpec,
): Promise<(Amendment & { readonly fresh?: true }) | Refusal> {
  const keys = new Map<string, string | number | undefined>();
  for (const key of [...PLAIN, ...BOUNDS]) if (changes[key] !== undefined) keys.set(key, changes[key]);
  leaveBehind(keys, changes, task, spec);
  if (changes.conversation === 'fresh') keys.set('continues', undefined);
  const refused = changes.conversation === 'resume' ? await resume(ports, keys, task, spec) : undefined;
  const { instructions, conversation } = changes;
  return (
    refused ?? {
      keys,
      ...(instructions !== undefined && { instructions }),
      ...(conversation === 'fresh' && { fresh: true as const }),
    }
  );
}

/** What was chosen together with the agent goes with it, where nothing is said of it now. */
function leaveBehind(keys: Keys, changes: RetryChanges, task: QueuedTask | FinishedTask, spec: TaskSpec): void {
  const { agent, preferred_ai, model, mode } = changes;
  if (agent !== undefined && preferred_ai === undefined) keys.set('preferred_ai', undefined);
  if (preferred_ai !== undefined && agent === undefined) {
    keys.set('agent', undefined);
    if (mode === undefined) keys.set('mode', undefined);
  }
  const before = spec.agent ?? ('finished_seq' in task ? task.agent : task.tries?.at(-1)?.agent);
  const moves = (agent !== undefined && agent !== before) || preferred_ai !== undefined;
  if (moves && model === undefined) keys.set('model', undefined);
}

async function resume(
  ports: ChangedRetryPorts,
  keys: Keys,
  task: QueuedTask | FinishedTask,
  spec: TaskSpec,
): Promise<Refusal | undefined> {
  const record = await resumable(ports, task);
  if (isRefusal(record)) return record;
  if (keys.get('preferred_ai') !== undefined) {
    const refused = otherAgent(task, record, programOf(ports, String(keys.get('preferred_ai'))));
    if (refused) return refused;
  }
  const agent = keys.get('agent') ?? (keys.has('agent') ? undefined : spec.agent);
  const refused = agent === undefined ? undefined : otherAgent(task, record, programOf(ports, String(agent)));
  if (refused) return refused;
  if (agent === undefined && keys.get('preferred_ai') === undefined) keys.set('agent', record.agent); // nobody else can
  if ('finished_seq' in task) keys.set('continues', task.id);
  return undefined;
}

/** `claude-code` is how the seeds call `claude`. */
function programOf({ fleet }: ChangedRetryPorts, name: string): string {
  if (name === 'claude-code') return 'claude';
  return fleet().agents.find(({ id }) => id === name)?.program ?? name;
}

function refuses(
  { config, route }: ChangedRetryPorts,
  changes: RetryChanges,
  project: ProjectId,
  spec: TaskSpec,
): Refusal | undefined {
  const uncallable = refuseCallback(spec.callback_url, config.callbacks);
  if (uncallable) return uncallable;
  const chosen = route({ project, spec });
  if (chosen.to === 'refuse')
    return refuse('invalid', chosen.reason, 'change the keys that it names; decide_route shows the rules');
  const hopeless = chosen.to === 'wait' && chosen.reason === 'no_eligible_agent';
  if (!hopeless || !Object.keys(changes).some((key) => CHOICES.has(key))) return undefined;
  return refuse(
    'invalid',
    `no agent could ever take it then: ${chosen.detail ?? 'none fits'}; nothing was changed`,
    'fleet_status lists the agents; decide_route shows the rules',
  );
}
