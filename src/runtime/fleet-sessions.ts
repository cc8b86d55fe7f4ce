import type { Counts } from './load.ts';
import { type CodingAgentName, type Config, codingAgent } from './model/config.ts';
import type { FleetAgent } from './model/fleet.ts';
import { ProjectId } from './model/ids.ts';
import type { AccountWindow } from './model/profile.ts';
import { keptByPrices, LOCALLY_KEPT } from './policy/abilities.ts';
import { occupantOf, waitsForWork } from './policy/seats.ts';
import type { Seat } from './sessions/seats.ts';

export interface FleetSessions {
  readonly seats: readonly Seat[];
  /** What a task may ask for that a session of this agent keeps. */
  readonly keeps: (agent: CodingAgentName) => readonly string[];
  /** Why no account of this agent can be used now. */
  readonly profileGate: (agent: CodingAgentName) => Gate | undefined;
  /** Of the account that it would use next. */
  readonly windows: (agent: CodingAgentName) => readonly AccountWindow[] | undefined;
  /** A person uses the agent that an attempt left in it. */
  readonly occupied: (seat: string) => boolean;
}

interface Gate {
  readonly reason: string;
  readonly until?: number;
}

/** A dedicated session whose project can't be had serves nobody. */
const NOBODYS = ProjectId.parse('p_000000000000');

/** Each seat as an agent that does one task at a time; one that is absent counts, because it is made for its task. */
export function sessionAgents(sessions: FleetSessions, config: Config, load: Counts): FleetAgent[] {
  const dedicated = new Set(config.pool.dedicated.map(({ name }) => name)); // an adopted one may be dedicated as well
  const windowsOf = onceEach(sessions.windows);
  return sessions.seats.map((seat, index) => {
    const models = modelsOf(config, seat.agent);
    const settings = codingAgent(config, seat.agent);
    const windows = windowsOf(seat.agent);
    const at_work = load.agent(seat.name);
    const gate = offline(seat, sessions);
    const project = seat.project ?? (dedicated.has(seat.name) ? NOBODYS : undefined);
    return {
      id: seat.name,
      kind: 'session',
      program: seat.agent,
      capabilities: settings.capabilities,
      status: gate ? 'offline' : at_work > 0 ? 'busy' : 'available',
      load: at_work,
      max: 1,
      keeps: [...LOCALLY_KEPT, ...sessions.keeps(seat.agent), ...keptByPrices(settings)],
      takes_model: true,
      ...(models && { models }),
      ...(windows && { windows }),
      rank: (dedicated.has(seat.name) ? 0 : OWN_FIRST) + readiness(seat) + index,
      ...(project && { project }),
      ...(gate && { detail: gate.reason }),
      ...(gate?.until !== undefined && { until: gate.until }),
    };
  });
}

/** There are many seats and few programs. */
function onceEach<T>(of: (agent: CodingAgentName) => T): (agent: CodingAgentName) => T {
  const known = new Map<CodingAgentName, T>();
  return (agent) => {
    if (!known.has(agent)) known.set(agent, of(agent));
    return known.get(agent) as T;
  };
}

/** Those that are configured for all agents are Claude's: to another one their names say nothing. */
export function modelsOf(config: Config, agent: CodingAgentName): FleetAgent['models'] {
  return codingAgent(config, agent).models ?? (agent === 'claude' ? undefined : {});
}

/** Why nothing can be started in it now; that a task works there is no such reason. */
function offline(seat: Seat, { profileGate, occupied }: FleetSessions): Gate | undefined {
  const { presence, cooling } = seat;
  if (seat.draining) return { reason: 'it is closed when it is done' };
  if (presence.kind === 'foreign' || presence.kind === 'unknown') return { reason: presence.detail };
  const occupant = 'pane' in presence ? occupantOf(presence.pane) : undefined;
  if (occupant !== undefined) return { reason: `a person runs ${occupant} in it` };
  if (occupied(seat.name)) return { reason: 'a person uses the agent in it' };
  if (cooling) return { reason: `it rests: ${cooling.reason}`, until: cooling.until };
  return profileGate(seat.agent);
}

/** Those of the task's own project come before all others. */
const OWN_FIRST = 10_000;
const STEP = 1_000;

/** Those that wait for work; then those where the last agent is still open to be looked at; then those to be made. */
function readiness({ presence }: Seat): number {
  if (presence.kind === 'absent') return 2 * STEP;
  return 'pane' in presence && waitsForWork(presence.pane) ? 0 : STEP;
}
