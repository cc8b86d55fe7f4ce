import type { Fleet, FleetAgent } from '../model/fleet.ts';
import type { RouteRule } from '../model/route.ts';
import type { TaskSpec } from '../model/spec.ts';
import { notKept } from './abilities.ts';
import { modelNotAllowed } from './admission.ts';
import { listed, type RouteAsk, rule } from './ask.ts';
import { headroomOf, tightestText } from './headroom.ts';
import { goesBy, unknownAgent } from './known-agents.ts';

/** A local agent that a key names: the task `must` have it, or `should` where that agent can take the task. */
export interface Wish {
  readonly name: string;
  readonly firm: 'must' | 'should';
  readonly key: string;
}

type Eligible =
  | { readonly kind: 'some'; readonly agents: readonly FleetAgent[]; readonly rules: readonly RouteRule[] }
  /** No configured agent could ever take it. */
  | { readonly kind: 'none'; readonly detail: string; readonly rules: readonly RouteRule[] };

/**
 * The agents that could take a task, busy or not.
 *
 * L1. `agent:` and `needs_claude_code` bind: nobody else takes the task.
 * L2. `preferred_ai` and the project's default agent bind too wherever the one they name could take the task;
 *     where it could not (it lacks what `requires` asks for), any other that could may.
 * L3. A task that names nobody, in a project without a default agent, may go to any agent that fits.
 * L4. An agent that nothing but the task speaks of (`when_named`) takes what names it, and a mere preference only while it
 *     is there.
 * L5. A program works without a terminal where the task asks for that, or where no session of it could take the task.
 */
export function eligibleAgents(ask: RouteAsk, fleet: Fleet, wish: Wish | undefined): Eligible {
  const named = wish ?? ownWish(ask, fleet);
  const rules: RouteRule[] = [];
  if (named && !fleet.agents.some((agent) => goesBy(agent, named.name)) && named.firm === 'must') {
    return none(rules, named.key, unknownAgent(named.name, fleet));
  }
  const there = fleet.agents.filter((agent) => isThere(agent, named));
  const fitting = there.filter((agent) => misfit(ask, agent, fleet) === undefined);
  if (!named) return some(rules, fitting, ask, fleet, there);
  const wished = fitting.filter((agent) => goesBy(agent, named.name));
  if (wished.length > 0 || named.firm === 'must') {
    rules.push(rule(named.key, `${named.name} is to take it`));
    return some(
      rules,
      wished,
      ask,
      fleet,
      there.filter((agent) => goesBy(agent, named.name)),
    );
  }
  rules.push(rule(named.key, `${named.name} can't take it; any other agent that can may`)); // L2
  return some(rules, fitting, ask, fleet, there);
}

/** L4 */
function isThere(agent: FleetAgent, named: Wish | undefined): boolean {
  if (!agent.when_named) return true;
  if (!named || !goesBy(agent, named.name)) return false;
  return named.firm === 'must' || agent.status !== 'offline' || agent.held !== undefined; // a hold sends nothing elsewhere
}

/** `agent:` first; else the project's default, which binds when it names nobody: that is a mistake to be seen. */
function ownWish(ask: RouteAsk, fleet: Fleet): Wish | undefined {
  if (ask.spec.agent) return { name: ask.spec.agent, firm: 'must', key: 'agent' };
  const usual = ask.project && fleet.projects.get(ask.project)?.agent;
  if (!usual) return undefined;
  const known = fleet.agents.some((agent) => goesBy(agent, usual));
  return { name: usual, firm: known ? 'should' : 'must', key: 'default_agent' };
}

/** Why an agent could never take this task. Load and being offline pass, so they are no reason here. */
function misfit(ask: RouteAsk, agent: FleetAgent, fleet: Fleet): string | undefined {
  const { mode, requires } = ask.spec;
  if (ask.exclude?.includes(agent.id)) return 'is excluded';
  if (agent.project && agent.project !== ask.project) return 'serves another project';
  if (agent.projects && !agent.projects.some((id) => id === ask.project)) return 'serves other projects';
  if (mode === 'session' && agent.kind !== 'session') return 'has no sessions';
  if (mode === 'headless' && agent.kind === 'session') return 'is a session'; // a command takes both modes
  const broken = notKept(ask.spec, agent);
  if (broken.length > 0) return `can't keep ${broken.join(', ')}`;
  const model = modelNotAllowed(ask.spec, agent, fleet);
  if (model) return model;
  const missing = requires.filter((capability) => !agent.capabilities.includes(capability));
  if (missing.length > 0) return `lacks ${missing.join(', ')}`;
  const session = agent.kind === 'headless' && mode !== 'headless' ? sessionFor(ask, agent, fleet) : undefined;
  return session && `leaves it to sessions such as ${session.id}`;
}

/** L5 */
function sessionFor(ask: RouteAsk, { program }: FleetAgent, fleet: Fleet): FleetAgent | undefined {
  const sessions = fleet.agents.filter((agent) => agent.kind === 'session' && agent.program === program);
  return sessions.find((agent) => misfit(ask, agent, fleet) === undefined);
}

function some(
  rules: RouteRule[],
  agents: readonly FleetAgent[],
  ask: RouteAsk,
  fleet: Fleet,
  asked: readonly FleetAgent[],
): Eligible {
  if (agents.length === 0) {
    const why = [...asked].sort(byId).map((agent) => `${agent.id} ${misfit(ask, agent, fleet)}`);
    return none(rules, 'eligible', why.length > 0 ? listed(why, 5) : 'no agent is configured');
  }
  rules.push(rule('eligible', listed(agents.map((agent) => agent.id).sort())));
  return { kind: 'some', agents, rules };
}

function none(rules: RouteRule[], key: string, detail: string): Eligible {
  return { kind: 'none', detail, rules: [...rules, rule(key, detail)] };
}

/**
 * Critical work goes where least is going on, other work where the largest share is free, as far as the windows of its
 * account go (headroom.ts); ties by rank, then by id.
 */
export function pickAgent(
  agents: readonly FleetAgent[],
  priority: TaskSpec['priority'],
  now: number,
): { agent: FleetAgent; rule: RouteRule } | undefined {
  const critical = priority === 'critical';
  const places = agents.filter(hasRoom).map((agent) => {
    const headroom = headroomOf(agent.windows, now);
    return { agent, headroom, score: freeShare(agent) * headroom };
  });
  type Place = (typeof places)[number];
  const best = (a: Place, b: Place) =>
    critical ? a.agent.load - b.agent.load || b.headroom - a.headroom : b.score - a.score;
  const [first] = places.sort((a, b) => best(a, b) || byRank(a.agent, b.agent) || byId(a.agent, b.agent));
  if (!first) return undefined;
  const { agent } = first;
  const slots = agent.max === 0 ? 'without limit' : `of ${agent.max}`;
  const window = tightestText(agent.windows, now);
  const why = `${critical ? 'least loaded' : 'most room'}, ${agent.load} at work ${slots}`;
  return { agent, rule: rule('load', `${agent.id}: ${why}${window === undefined ? '' : `; ${window}`}`) };
}

/** One that has to ask for its tasks has room as long as it does. */
export function hasRoom(place: { status: string; load: number; max: number; asks?: number }): boolean {
  return place.status !== 'offline' && (place.max === 0 || place.load < place.max) && place.asks !== 0;
}

/** Whether it runs as a process of ours without a terminal: of these there are so many at once. */
export function isHeadless({ kind }: Pick<FleetAgent, 'kind'>): boolean {
  return kind === 'command' || kind === 'headless';
}

function freeShare(agent: FleetAgent): number {
  return agent.max === 0 ? 1 : 1 - agent.load / agent.max;
}

/** One without a rank comes after those that have one. */
function byRank({ rank: a = Number.MAX_VALUE }: FleetAgent, { rank: b = Number.MAX_VALUE }: FleetAgent): number {
  return a - b;
}

export function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
