import { modelsOf } from './fleet-sessions.ts';
import type { Counts } from './load.ts';
import { CODING_AGENTS, type CodingAgentName, type Config, codingAgent, commandAgents } from './model/config.ts';
import type { FleetAgent } from './model/fleet.ts';
import type { AccountWindow } from './model/profile.ts';
import { keptByPrices, LOCALLY_KEPT } from './policy/abilities.ts';

export interface FleetHeadless {
  /** What a task may ask for that a run of this agent without a terminal keeps. */
  readonly keeps: (agent: CodingAgentName) => readonly string[];
  /** Why none can be started now: its program is missing, or no account is ready. */
  readonly gate: (agent: CodingAgentName) => HeadlessGate | undefined;
  /** Whether what a run takes is known while it works, so that prices keep its budget. */
  readonly prices: (agent: CodingAgentName) => boolean;
  /** Of the account that it would use next. */
  readonly windows: (agent: CodingAgentName) => readonly AccountWindow[] | undefined;
}

export interface HeadlessGate {
  readonly reason: string;
  readonly until?: number;
  readonly missing?: true;
}

/**
 * Each coding agent as a place for work without a terminal. One that the configuration does not speak of is there for
 * tasks that name it.
 */
export function headlessAgents(
  headless: FleetHeadless,
  config: Config,
  load: Counts,
  offline: ReadonlyMap<string, string> = new Map(),
): FleetAgent[] {
  return CODING_AGENTS.map((program) => {
    const settings = codingAgent(config, program);
    const at_work = load.agent(program);
    const refused = offline.get(program);
    const gate: HeadlessGate | undefined =
      headless.gate(program) ?? (refused === undefined ? undefined : { reason: refused });
    const models = modelsOf(config, program);
    const windows = headless.windows(program);
    const heard_at = load.heardAt(program);
    return {
      id: program,
      kind: 'headless',
      program,
      capabilities: settings.capabilities,
      status: gate ? 'offline' : at_work > 0 ? 'busy' : 'available',
      load: at_work,
      max: settings.max,
      keeps: [...LOCALLY_KEPT, ...headless.keeps(program), ...(headless.prices(program) ? keptByPrices(settings) : [])],
      takes_model: true,
      ...(heard_at !== undefined && { heard_at }),
      ...(models && { models }),
      ...(windows && { windows }),
      ...(!isConfigured(config, program) && { when_named: true as const }),
      ...(gate && { detail: gate.reason }),
      ...(gate?.missing && { missing: true as const }),
      ...(gate?.until !== undefined && { until: gate.until }),
    };
  });
}

/** Where nothing else is configured at all, Claude Code is. */
function isConfigured(config: Config, program: CodingAgentName): boolean {
  if (config.agents[program] !== undefined || config.dispatcher.default_agent === program) return true;
  if (config.projects.some(({ agent }) => agent === program) || inPool(config, program)) return true;
  return program === 'claude' && nothingIs(config);
}

/** Sessions of it come first, but a task may ask for a run without one. */
function inPool({ pool: { dedicated, autonomous } }: Config, program: CodingAgentName): boolean {
  const grows = autonomous.max + autonomous.min > 0;
  return dedicated.some(({ agent }) => agent === program) || (grows && autonomous.agent === program);
}

function nothingIs({ agents, pool, dispatcher, delegation }: Config): boolean {
  const { dedicated, autonomous } = pool;
  const places = Object.keys(commandAgents({ agents })).length + dedicated.length + autonomous.max + autonomous.min;
  const others = CODING_AGENTS.some((name) => agents[name] !== undefined) || dispatcher.default_agent !== undefined;
  return places === 0 && !others && Object.keys(delegation.providers).length === 0;
}
