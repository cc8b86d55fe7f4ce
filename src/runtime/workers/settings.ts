import { payers } from '../model/books.ts';
import { type Config, isCodingAgent } from '../model/config.ts';
import type { Fleet } from '../model/fleet.ts';
import type { LiveTask } from '../model/task.ts';
import { boundedTtl } from '../policy/allowance.ts';

/** As long as a run on this machine may take, where the task says nothing. */
export function ttlOfWorker({ spec, route }: LiveTask, { headless }: Config, allowance: Config['allowance']): number {
  const wanted = spec.ttl_seconds === undefined ? headless.ttl : spec.ttl_seconds * 1_000;
  return boundedTtl(wanted, payers(route), allowance);
}

/** Whose name that is, where a worker can't have it. */
export function takenName(name: string, { agents, providers }: Fleet): string | undefined {
  if (isCodingAgent(name)) return `the coding agent ${name}`;
  const other = agents.find(({ kind, id, program }) => kind !== 'worker' && (id === name || program === name));
  if (other) return `a ${other.kind} of this fleet`;
  return providers.some(({ id, ai }) => id === name || ai.includes(name)) ? 'a provider' : undefined;
}
