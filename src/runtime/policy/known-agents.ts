import { CODING_AGENTS, isCodingAgent } from '../model/config.ts';
import type { Fleet, FleetAgent } from '../model/fleet.ts';
import type { TaskSpec } from '../model/spec.ts';
import { listed } from './ask.ts';

/* Agents that a task names and nobody here is: which there are, and what a person can do. */

/** Programs that people know and Yardmaster does not; each may be a command of the person's own. */
const FOREIGN: readonly string[] = ['cursor'];

/** Why a task is refused at once: nothing will ever be that agent unless somebody makes it a command. */
export function unsupported({ agent }: TaskSpec, fleet: Fleet): string | undefined {
  if (agent === undefined || !FOREIGN.includes(agent) || fleet.agents.some((one) => goesBy(one, agent)))
    return undefined;
  return foreign(agent, fleet);
}

function foreign(agent: string, fleet: Fleet): string {
  const how = `agents: {${agent}: {command: [${agent}-agent, -p, "Do what {prompt_file} says"]}}`;
  return `agent: ${agent} is not supported unless configured as a command under agents:, such as ${how} (known: ${known(fleet)})`;
}

/** Why a task waits that names an agent which is not there. */
export function unknownAgent(name: string, fleet: Fleet): string {
  if (FOREIGN.includes(name)) return foreign(name, fleet);
  const what = isCodingAgent(name) ? `no session of ${name} is configured` : `no agent ${name} is configured`;
  const more = isCodingAgent(name) ? ', and none without a terminal' : '';
  return `${what}${more} (known: ${known(fleet)}; yardmaster doctor says which programs are there)`;
}

export function goesBy(agent: FleetAgent, name: string): boolean {
  return agent.program === name || agent.id === name;
}

/** Those that are places in this fleet; without any, those that could be. */
function known({ agents }: Fleet): string {
  const usual = agents.filter(({ when_named }) => !when_named);
  const there = [...new Set(usual.map(({ program }) => program))].sort();
  return there.length > 0 ? listed(there) : `none; ${CODING_AGENTS.join(', ')} or a command may be configured`;
}
