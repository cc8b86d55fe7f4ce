import type { Fleet, FleetAgent, FleetProvider } from '../model/fleet.ts';
import type { Hold } from '../model/hold.ts';
import type { Route, RouteRule } from '../model/route.ts';
import type { TaskSpec } from '../model/spec.ts';
import { notKeptAway } from './abilities.ts';
import { type Admission, admission, allSpent, modelNotAllowedAt, providerAdmission } from './admission.ts';
import { type RouteAsk, rule } from './ask.ts';
import { chooseSide, findProvider, type Side } from './delegation.ts';
import { heldText } from './held.ts';
import { unsupported } from './known-agents.ts';
import { byId, eligibleAgents, hasRoom, isHeadless, pickAgent } from './local.ts';
import { checkoutWait, generalWaits, headlessFull, type Wait, worktreeWait } from './waits.ts';

/**
 * Where a task runs now, or why it doesn't, with every rule that spoke in the order in which it spoke.
 *
 * R1. Pure: the same task, fleet and time give the same answer; the dispatcher and `decide_route` both ask here.
 * R2. A spec that contradicts itself, or names a program that can't be an agent here, is refused, whatever the fleet's load.
 * R3. First comes what no waiting mends (`no_eligible_agent`: a person must act), then what waiting mends, in this
 *     order: paused (everywhere, or at every place that could take it), dependency, not_before or backoff, project_limit, allowance of the project, checkout_busy,
 *     worktree_limit, then allowance or no_free_agent. The first is the reason; the others that hold are among the rules.
 * R4. A place that is held takes nothing, and what waits for it alone waits for somebody's word. An agent whose allowance is spent, or whose model's is, is passed over like one without room, whatever the
 *     priority. `allowance` is the reason where that is so of all that could take the task; where one of them only lacks
 *     room, that is what is waited for.
 * R5. What holds the checkout holds nobody who works in no folder of this machine.
 */
export function decide(ask: RouteAsk, fleet: Fleet, now: number): Route {
  const side = chooseSide(ask.spec, fleet);
  const against = contradiction(ask.spec, side, fleet) ?? unsupported(ask.spec, fleet);
  if (against) return { to: 'refuse', reason: against, rules: [...side.rules, rule('contradiction', against)] }; // R2
  return side.kind === 'provider' ? remotely(ask, fleet, now, side) : locally(ask, fleet, now, side);
}

function contradiction(spec: TaskSpec, side: Side, fleet: Fleet): string | undefined {
  const { agent, mode } = spec;
  if (side.kind === 'provider' && mode === 'session') return elsewhere('mode: session', spec);
  if (!agent) return undefined;
  if (spec.needs_claude_code && agent !== 'claude') {
    const isClaude = fleet.agents.some((one) => one.id === agent && one.program === 'claude');
    return isClaude ? undefined : `needs_claude_code: true and agent: ${agent} exclude each other`;
  }
  return side.kind === 'provider' ? elsewhere(`agent: ${agent}`, spec) : undefined;
}

function elsewhere(here: string, { preferred_ai }: TaskSpec): string {
  return `${here} runs on this machine, preferred_ai: ${preferred_ai} elsewhere: name one of them`;
}

function remotely(ask: RouteAsk, fleet: Fleet, now: number, side: Extract<Side, { kind: 'provider' }>): Route {
  const waits = generalWaits(ask, fleet, now);
  const { provider } = side;
  const broken = notKeptAway(ask.spec);
  const admitted = providerAdmission(ask.spec, provider, side.ai, fleet, now);
  const never =
    broken.length > 0
      ? `provider ${provider.id} can't keep ${broken.join(', ')}`
      : modelNotAllowedAt(provider, admitted.model, fleet);
  if (never !== undefined) return waiting(side.rules, [{ reason: 'no_eligible_agent', detail: never }], waits); // R3
  const worktree = ask.spec.apply && worktreeWait(ask, fleet);
  if (worktree) waits.push(worktree);
  if (admitted.spent) waits.push(admitted.spent); // R4
  if (provider.held) waits.unshift(heldAt([{ ...provider, held: provider.held }]));
  else if (!hasRoom(provider)) waits.push({ reason: 'no_free_agent', ...noRoomAt(provider) });
  if (waits.length > 0) return waiting(side.rules, waits);
  const rules = [...side.rules, ...admitted.rules, rule('provider', `${provider.id} takes it`)];
  const { model } = admitted;
  const asked = { ...(side.ai !== undefined && { ai: side.ai }), ...(model !== undefined && { model }) };
  return { to: 'provider', provider: provider.id, ...asked, rules };
}

function noRoomAt(provider: FleetProvider): Omit<Wait, 'reason'> {
  if (provider.status === 'offline') {
    const why = provider.detail === undefined ? '' : ` (${provider.detail})`;
    const { until } = provider;
    return { detail: `provider ${provider.id} is offline${why}`, ...(until !== undefined && { until }) };
  }
  return { detail: `provider ${provider.id} has ${provider.load} of ${provider.max} jobs` };
}

function locally(ask: RouteAsk, fleet: Fleet, now: number, side: Extract<Side, { kind: 'local' }>): Route {
  // `agent:` is more exact than a preference of a program, and equal to or narrower than needs_claude_code (see above).
  const eligible = eligibleAgents(ask, fleet, ask.spec.agent ? undefined : side.wish);
  const rules = [...side.rules, ...eligible.rules];
  if (eligible.kind === 'none') {
    const bound = ask.spec.agent !== undefined || ask.spec.mode === 'session';
    const away = side.may_leave && !bound ? findProvider('auto', fleet) : undefined;
    if (away) {
      const says = `true: no agent here could take it, so ${away.provider.id} may`;
      return remotely(ask, fleet, now, {
        kind: 'provider',
        ...away,
        rules: [...rules, rule('allow_delegation', says)],
      });
    }
    return waiting(rules, [{ reason: 'no_eligible_agent', detail: eligible.detail }], generalWaits(ask, fleet, now)); // R3
  }
  const waits = generalWaits(ask, fleet, now);
  const full = headlessFull(fleet);
  const { unspent, spent, of } = admissions(ask, eligible.agents, fleet, now);
  const usable = full ? unspent.filter((agent) => !isHeadless(agent)) : unspent;
  const checkout = checkoutWait(ask, fleet);
  const away =
    checkout &&
    pickAgent(
      usable.filter(({ elsewhere }) => elsewhere),
      ask.spec.priority,
      now,
    ); // R5
  if (checkout && !away) waits.push(checkout);
  const worktree = worktreeWait(ask, fleet);
  if (worktree) waits.push(worktree);
  const picked = away ?? pickAgent(usable, ask.spec.priority, now);
  const hopeless = eligible.agents.every((agent) => agent.missing);
  const there = eligible.agents.filter((agent) => !agent.missing);
  const held = there.filter(isHeld);
  if (!picked && hopeless)
    waits.unshift({ reason: 'no_eligible_agent', ...noRoomAmong(eligible.agents, full) }); // R3
  else if (held.length === there.length)
    waits.unshift(heldAt(held)); // R4
  else if (!picked && spent.length > 0 && unspent.every((agent) => agent.missing || agent.held))
    waits.push(allSpent(spent)); // R4
  else if (!picked) waits.push({ reason: 'no_free_agent', ...noRoomAmong(unspent, full) });
  if (spent.length > 0 && unspent.length > 0) rules.push(rule('allowance', allSpent(spent).detail));
  if (waits.length > 0 || !picked) return waiting(rules, waits);
  const { agent } = picked;
  const { model, rules: said } = of(agent);
  rules.push(picked.rule, ...said);
  const session = agent.kind === 'session' && agent.program !== agent.id && { program: agent.program };
  const place = agent.elsewhere ? { elsewhere: agent.elsewhere } : session;
  return { to: 'agent', agent: agent.id, kind: agent.kind, ...place, ...(model && { model }), rules };
}

/** R4 */
function admissions(ask: RouteAsk, agents: Fleet['agents'], fleet: Fleet, now: number) {
  const models = modelsFor(ask, fleet);
  const of = (agent: Fleet['agents'][number]): Admission => admission(ask.spec, agent, models, fleet, now);
  if (!fleet.allowance) return { unspent: agents, spent: [], of };
  const unspent: Fleet['agents'][number][] = [];
  const spent: Wait[] = [];
  for (const agent of agents) {
    const { spent: why } = of(agent);
    if (!why || agent.held) unspent.push(agent);
    else if (!agent.missing) spent.push(why);
  }
  return { unspent, spent, of };
}

function modelsFor(ask: RouteAsk, fleet: Fleet): Fleet['models'] {
  return (ask.project && fleet.projects.get(ask.project)?.models) ?? fleet.models;
}

type Held = { readonly id: string; readonly held: Hold; readonly until?: number };

function isHeld(agent: FleetAgent): agent is FleetAgent & { readonly held: Hold } {
  return agent.held !== undefined;
}

/** Those that share a hold are told of once. */
function heldAt(places: readonly Held[]): Wait {
  const told = new Map<string, string>();
  for (const { id, held } of [...places].sort(byId)) {
    const name = held.scope.of === 'agent' ? held.scope.agent : id;
    if (!told.has(name)) told.set(name, `${name} is ${heldText(held)}`);
  }
  const ends = places.map(({ until }) => until);
  const until = ends.includes(undefined) ? undefined : Math.min(...(ends as number[]));
  const more = told.size > 3 ? ` and ${told.size - 3} more` : '';
  const detail = [...told.values()].slice(0, 3).join('; ') + more;
  return { reason: 'paused', detail, held: [...told.keys()], ...(until !== undefined && { until }) };
}

function noRoomAmong(agents: Fleet['agents'], full: string | undefined): Omit<Wait, 'reason'> {
  if (full && agents.some((agent) => isHeadless(agent) && hasRoom(agent))) return { detail: full };
  const states = statesOf(agents);
  const detail = states.slice(0, 5).join(', ') + (states.length > 5 ? ` and ${states.length - 5} more` : '');
  const until = backAt(agents);
  return until === undefined ? { detail } : { detail: `${detail}; until ${new Date(until).toISOString()}`, until };
}

/** When the first of them is of use again; nobody knows where one is at work, or is away for no known time. */
function backAt(agents: Fleet['agents']): number | undefined {
  const times = agents.map(({ status, until }) => (status === 'offline' ? until : undefined));
  const known = times.filter((time) => time !== undefined);
  return known.length === times.length ? Math.min(...known) : undefined;
}

/** Where the same holds for many it is said once. */
function statesOf(agents: Fleet['agents']): string[] {
  const ids = new Map<string, string[]>();
  for (const agent of [...agents].sort(byId)) {
    const state = stateOf(agent);
    ids.set(state, [...(ids.get(state) ?? []), agent.id]);
  }
  return [...ids].flatMap(([state, [first = '', ...more]]) =>
    more.length < 3
      ? [first, ...more].map((id) => `${id} ${state}`)
      : [`${first} ${state}, like ${more.length} others`],
  );
}

function stateOf({ status, detail, load, max, asks }: Fleet['agents'][number]): string {
  if (status !== 'offline' && asks === 0 && (max === 0 || load < max)) return 'does not ask for a task now';
  if (status !== 'offline') return `has ${load} of ${max} runs`;
  return detail === undefined ? 'is offline' : `is offline (${detail})`;
}

function waiting(rules: readonly RouteRule[], waits: readonly Wait[], also: readonly Wait[] = []): Route {
  const [first] = waits;
  if (!first) throw new Error('a route that waits has no reason to');
  const said = [...waits, ...also].map((wait) => rule(wait.reason, wait.detail));
  return { to: 'wait', ...first, rules: [...rules, ...said] };
}

/** Whether anything could start at all: where not, no task needs to be looked at. */
export function anyRoom(fleet: Fleet): boolean {
  if (fleet.paused) return false;
  if (fleet.providers.some(hasRoom)) return true;
  const full = headlessFull(fleet) !== undefined;
  return fleet.agents.some((agent) => hasRoom(agent) && !(full && isHeadless(agent)));
}
