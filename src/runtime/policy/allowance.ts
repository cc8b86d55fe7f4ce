import type {
  AgentAllowance,
  Allowance,
  Holder,
  LimitName,
  LimitState,
  LimitView,
  ProjectAllowance,
} from '../model/allowance.ts';
import { dayAfter, hourAfter, requestsOf, type Spent, spentBy } from '../model/books.ts';
import type { Fleet, FleetAllowance, FleetProject } from '../model/fleet.ts';
import type { ProjectId } from '../model/ids.ts';
import { limitKey } from '../model/quota.ts';

/*
 * How much of an allowance is left.
 *
 * W1. From 80 % on a limit warns; at 100 % nothing more begins, whatever its priority. 0 is no limit.
 * W2. Claims under way count like jobs and requests that are booked, so that no two of them take the last one.
 * W3. What is exceeded says by how much, under which key, and when it counts no more, where a clock tells that: midnight
 *     (UTC), the next hour, the end of a rest. What an end gives back has no such time.
 */

const WARNS_AT = 0.8;

/** One limit and how much of it is used. */
export interface Limit extends LimitView {
  readonly what: LimitName;
  readonly used: number;
  readonly limit: number;
  readonly of: Holder;
  /** Whose it is, as people name it. */
  readonly name: string;
  /** In the configuration. */
  readonly key: string;
}

export function agentLimits(name: string, from: FleetAllowance, now: number): Limit[] {
  const its = own(from.agents, name);
  if (!its) return [];
  const spent = spentBy(from.books, 'agent', name, now);
  const limit = limiter('agent', name, from);
  return [
    ...limit('daily_jobs', spent.jobs + (from.load.claims.agent.get(name) ?? 0), its.daily_jobs, dayAfter(now)),
    ...limit('daily_tokens', spent.tokens, its.daily_tokens, dayAfter(now)),
    ...limit('concurrent_jobs', from.load.at_work.get(name) ?? 0, its.concurrent_jobs),
    ...limit('daily_cost', ...cost(spent, its.daily_cost), dayAfter(now), its.daily_cost?.currency),
  ];
}

export function modelLimits(name: string, from: FleetAllowance, now: number): Limit[] {
  const its = own(from.models, name);
  if (!its) return [];
  const spent = spentBy(from.books, 'model', name, now);
  const requests = requestsOf(from.books, name, now) + (from.load.claims.model.get(name) ?? 0);
  const limit = limiter('model', name, from);
  return [
    ...limit('hourly_requests', requests, its.hourly_requests, hourAfter(now)),
    ...limit('daily_tokens', spent.tokens, its.daily_tokens, dayAfter(now)),
    ...limit('cost_ceiling_usd', spent.money.USD ?? 0, its.cost_ceiling_usd, dayAfter(now), 'USD'),
    ...limit('daily_cost', ...cost(spent, its.daily_cost), dayAfter(now), its.daily_cost?.currency),
  ];
}

export function projectLimits(id: ProjectId, { allowance }: FleetProject, from: FleetAllowance, now: number): Limit[] {
  if (!allowance) return [];
  const { name, limits } = allowance;
  const spent = spentBy(from.books, 'project', id, now);
  const limit = limiter('project', name, from);
  return [
    ...limit('daily_jobs', spent.jobs + (from.load.claims.project.get(id) ?? 0), limits.daily_jobs, dayAfter(now)),
    ...limit('daily_tokens', spent.tokens, limits.daily_tokens, dayAfter(now)),
    ...limit('daily_cost', ...cost(spent, limits.daily_cost), dayAfter(now), limits.daily_cost?.currency),
    ...rest(id, limits, limit, from, now),
  ];
}

type Limiter = (what: LimitName, used: number, limit: number, resets_at?: number, currency?: string) => Limit[];

function limiter(of: Holder, name: string, { changes }: FleetAllowance): Limiter {
  return (what, used, limit, resets_at, currency) => {
    if (limit === 0) return []; // W1
    const state = stateAt(used, limit);
    const when = { ...(resets_at !== undefined && { resets_at }), ...(currency !== undefined && { currency }) };
    const remaining = Math.max(0, Math.round((limit - used) * 1e9) / 1e9);
    const changed = changes?.get(limitKey(of, name, what));
    const key = `allowance.${of}s.${name}.${what}`;
    return [{ of, name, key, what, used, limit, remaining, state, ...when, ...(changed && { changed }) }];
  };
}

/** A rest after a failure is all or nothing; a failure that a clock has put into the future is none. */
function rest(id: ProjectId, { cooldown }: ProjectAllowance, limit: Limiter, { books }: FleetAllowance, now: number) {
  const failed_at = books.failures.get(id);
  if (failed_at === undefined || now < failed_at || now >= failed_at + cooldown) return [];
  return limit('cooldown', 1, 1, failed_at + cooldown);
}

function cost({ money }: Spent, allowed: AgentAllowance['daily_cost']): [used: number, limit: number] {
  return allowed ? [money[allowed.currency] ?? 0, allowed.amount] : [0, 0];
}

/** W1 */
function stateAt(used: number, limit: number): LimitState {
  if (used >= limit) return 'exceeded';
  return used >= limit * WARNS_AT ? 'warning' : 'ok';
}

export function worstOf(states: Iterable<LimitState>): LimitState {
  const all = new Set(states);
  return all.has('exceeded') ? 'exceeded' : all.has('warning') ? 'warning' : 'ok';
}

export type Verdict =
  | { readonly state: 'ok' }
  | { readonly state: 'warning'; readonly detail: string }
  /** `until`: when all of it counts no more, where a clock tells that. */
  | { readonly state: 'exceeded'; readonly detail: string; readonly until?: number };

/** What several limits that hold at once come to. */
export function verdictOn(limits: readonly Limit[]): Verdict {
  const state = worstOf(limits.map((one) => one.state));
  if (state === 'ok') return { state };
  const those = limits.filter((one) => one.state === state);
  const detail = those.map(sentence).join('; ');
  const ends = those.map(({ resets_at }) => resets_at);
  const until = ends.includes(undefined) ? undefined : Math.max(...(ends as number[]));
  return { state, detail, ...(state === 'exceeded' && until !== undefined && { until }) };
}

/** W3 */
function sentence({ name, what, used, limit, currency, resets_at, state, ...its }: Limit): string {
  const key = its.changed ? `${its.key}, changed at run time` : its.key;
  const again = resets_at === undefined || state !== 'exceeded' ? '' : `, until ${new Date(resets_at).toISOString()}`;
  if (what === 'cooldown') return `${name} rests after a failure (${key})${again}`;
  if (what === 'concurrent_jobs') return `${name} has ${used} of ${limit} jobs at work (${key})`;
  return `${name} has used ${used} of ${limit} ${currency ?? UNIT[what]} (${key})${again}`;
}

const UNIT: Readonly<Record<LimitName, string>> = {
  daily_jobs: 'jobs today',
  daily_tokens: 'tokens today',
  concurrent_jobs: 'jobs at work',
  hourly_requests: 'requests this hour',
  daily_cost: 'today',
  cost_ceiling_usd: 'today',
  cooldown: '',
};

/** Every limit that is configured. */
export function allLimits(fleet: Fleet, now: number): Limit[] {
  const { allowance, projects } = fleet;
  if (!allowance) return [];
  return [
    ...Object.keys(allowance.agents).flatMap((name) => agentLimits(name, allowance, now)),
    ...Object.keys(allowance.models).flatMap((name) => modelLimits(name, allowance, now)),
    ...[...projects].flatMap(([id, project]) => projectLimits(id, project, allowance, now)),
  ];
}

/** When the next limit that holds anything up counts no more. */
export function nextReset(fleet: Fleet, now: number): number | undefined {
  const times = allLimits(fleet, now).flatMap(({ state, resets_at }) =>
    state === 'exceeded' ? (resets_at ?? []) : [],
  );
  return times.length === 0 ? undefined : Math.min(...times);
}

/** How long an attempt may take: what is wanted, within what the allowance of those that do it leaves. */
export function boundedTtl(ttl: number, names: readonly string[], { agents }: Pick<Allowance, 'agents'>): number {
  const bounds = names.flatMap((name) => own(agents, name)?.max_job_duration || []);
  return Math.min(ttl, ...bounds);
}

/** Names come from tasks and services: `constructor` is none. */
export function own<T>(of: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(of, name) ? of[name] : undefined;
}
