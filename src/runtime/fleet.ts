import { configuredAs } from './config/configured-as.ts';
import { stricter } from './config/project.ts';
import { type FleetHeadless, headlessAgents } from './fleet-headless.ts';
import { type FleetSessions, sessionAgents } from './fleet-sessions.ts';
import { type WorkerState, workerAgents } from './fleet-workers.ts';
import type { Counts } from './load.ts';
import type { ReadonlyBooks } from './model/books.ts';
import { type CommandAgent, type Config, commandAgents, type ProjectConfig } from './model/config.ts';
import type { Project } from './model/event.ts';
import type { Fleet, FleetAgent, FleetAllowance, FleetProject, FleetProvider, FleetWorktrees } from './model/fleet.ts';
import type { Hold, Paused } from './model/hold.ts';
import type { ProjectId } from './model/ids.ts';
import type { ProviderConfig } from './model/provider.ts';
import { LOCALLY_KEPT } from './policy/abilities.ts';
import { own as lookup } from './policy/allowance.ts';
import { heldPlace, holdOfPlace } from './policy/held.ts';
import type { EffectiveLimits } from './policy/limits.ts';

export interface FleetParts {
  readonly config: Config;
  /** What a project's own file says. */
  readonly own?: (project: ProjectId) => ProjectConfig | undefined;
  readonly projects: readonly Project[];
  /** Live tasks and reservations. */
  readonly load: Counts;
  readonly paused: Omit<Paused, 'holds'> & Partial<Pick<Paused, 'holds'>>;
  readonly providers: readonly { readonly id: string; readonly ai: readonly string[] }[];
  /** Why a provider gets nothing now, and until when, by id; with `max` it is to be tried, and gets tasks up to so many. */
  readonly away?: ReadonlyMap<string, { readonly detail: string; readonly until?: number; readonly max?: number }>;
  /** Agents that can't start now, by id, and why. */
  readonly offline?: ReadonlyMap<string, string>;
  readonly sessions?: FleetSessions;
  readonly worktrees?: FleetWorktrees;
  /** What was spent; without it nothing is limited. */
  readonly books?: ReadonlyBooks;
  /** What may be spent now; without it, what the configuration says. */
  readonly limits?: EffectiveLimits;
  readonly headless?: FleetHeadless;
  readonly workers?: readonly WorkerState[];
}

/**
 * The fleet as `decide` sees it: the one function from which the dispatcher and `decide_route` both get it.
 * Commands and coding agents without a terminal run at most `max` at once each, and all of them together at most
 * `headless.max_running`; 0 means without limit.
 */
export function buildFleet(parts: FleetParts): Fleet {
  const { config, load, paused } = parts;
  const { default_provider } = config.delegation;
  const { holds = [] } = paused;
  const agents = [
    ...Object.entries(commandAgents(config)).map(([id, agent]) => commandAgent(id, agent, parts)),
    ...(parts.sessions ? sessionAgents(parts.sessions, config, load) : []),
    ...(parts.headless ? headlessAgents(parts.headless, config, load, parts.offline) : []),
  ];
  const workers = workerAgents(parts.workers ?? [], load, new Set(agents.map(({ id }) => id)));
  return {
    agents: withHolds(holds, [...agents, ...workers]),
    providers: withHolds(
      holds,
      parts.providers.map((provider) => fleetProvider(provider, parts)),
    ),
    ...(default_provider !== undefined && { default_provider }),
    headless: { running: load.headless, max: config.headless.max_running },
    ...(parts.worktrees && { worktrees: parts.worktrees }),
    paused: paused.all,
    ...(holds.length > 0 && { holds }),
    projects: fleetProjects(parts),
    models: config.models as Readonly<Record<string, string>>,
    ...allowanceOf(parts),
  };
}

/** Somebody's word is told before any other reason, but for a program that is not there: no resume mends that. */
function withHolds<P extends FleetAgent | FleetProvider>(holds: readonly Hold[], places: readonly P[]): readonly P[] {
  if (!holds.some(({ scope }) => scope.of === 'agent')) return places;
  return places.map((place) => {
    const held = 'missing' in place ? undefined : heldPlace(holdOfPlace(holds, place), place);
    if (!held) return place;
    const { until, ...rest } = held;
    const { until: _, ...free } = place;
    return { ...free, ...rest, ...(until !== undefined && { until }) } as P;
  });
}

function allowanceOf(parts: FleetParts): { allowance?: FleetAllowance } {
  const { books, load } = parts;
  const { allowance, changes } = limitsOf(parts);
  const { agents, models } = allowance;
  return books ? { allowance: { agents, models, changes, books, load: load.allowance } } : {};
}

function limitsOf({ config, limits }: FleetParts): EffectiveLimits {
  return limits ?? { allowance: config.allowance, changes: new Map() };
}

function commandAgent(id: string, agent: CommandAgent, parts: FleetParts): FleetAgent {
  const load = parts.load.agent(id);
  return {
    id,
    kind: 'command',
    program: id,
    capabilities: agent.capabilities,
    status: parts.offline?.has(id) ? 'offline' : load > 0 ? 'busy' : 'available',
    load,
    max: agent.max,
    keeps: LOCALLY_KEPT, // a command gets its prompt and gives its result
    takes_model: agent.command.some((argument) => argument.includes('{model}')),
    ...heardOf(id, parts.load),
  };
}

function heardOf(id: string, load: Pick<Counts, 'heardAt'>): { readonly heard_at?: number } {
  const heard_at = load.heardAt(id);
  return heard_at === undefined ? {} : { heard_at };
}

const LOCAL_ONLY: Away = { detail: 'local_only: no task leaves this machine' };

type Away = { readonly detail?: string; readonly until?: number; readonly max?: number };

function fleetProvider(provider: FleetParts['providers'][number], parts: FleetParts): FleetProvider {
  const load = parts.load.provider(provider.id);
  const { max: tried, ...away } = (parts.config.local_only ? LOCAL_ONLY : parts.away?.get(provider.id)) ?? {};
  const settings = parts.config.delegation.providers[provider.id];
  const gets = away.detail === undefined || (tried !== undefined && load < tried);
  return {
    id: provider.id,
    ai: provider.ai,
    ...(gets ? { status: 'available' } : { status: 'offline', ...away }),
    load,
    max: settings?.max ?? 0,
    ...heardOf(provider.id, parts.load),
    ...chatModels(settings),
  };
}

function chatModels(settings: ProviderConfig | undefined): Pick<FleetProvider, 'model' | 'models'> {
  return settings?.kind === 'openai-chat' ? { model: settings.model, models: settings.models } : {};
}

function fleetProjects(parts: FleetParts): ReadonlyMap<ProjectId, FleetProject> {
  const { config, own, projects, load, paused } = parts;
  const allowances = limitsOf(parts).allowance.projects;
  const entry = ({ id, path, name }: Project): [ProjectId, FleetProject] => {
    const wanted = configuredAs(config.projects, { path, name });
    const agent = wanted?.agent ?? config.dispatcher.default_agent;
    const its = own?.(id);
    const called = wanted?.name ?? name;
    const limits = lookup(allowances, called);
    const shared = its?.shared_checkout ?? wanted?.shared_checkout;
    return [
      id,
      {
        paused: paused.projects.has(id),
        running: load.running(id),
        max_running: stricter(wanted?.max_running ?? 0, its?.max_running),
        weight: wanted?.weight ?? 1,
        checkout_busy: !shared && load.inCheckout(id) > 0,
        ...(agent !== undefined && { agent }),
        ...(limits && { allowance: { name: called, limits } }),
        ...(its?.models && { models: { ...config.models, ...its.models } as Readonly<Record<string, string>> }),
      },
    ];
  };
  return new Map(projects.map(entry));
}
