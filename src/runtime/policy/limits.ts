import { AgentAllowance, type Allowance, type Holder, ModelAllowance, ProjectAllowance } from '../model/allowance.ts';
import { type ChangeableLimit, type LimitChange, limitKey } from '../model/quota.ts';

/*
 * What may be spent now: the configuration, and over it what was changed at run time for as long as it is in force.
 *
 * E1. It is a function of the two and of the time: a change ends by the clock alone, and one that a clock which jumped has
 *     ended too early is there again when the clock is right.
 * E2. What is changed for a name that has no allowance in the configuration makes it one; all else of it is without limit.
 */

export interface EffectiveLimits {
  readonly allowance: Allowance;
  /** Those in force, by `limitKey`. */
  readonly changes: ReadonlyMap<string, LimitChange>;
}

/** What of each holder can be limited. */
export const LIMITS_OF: Readonly<Record<Holder, readonly ChangeableLimit[]>> = {
  agent: ['daily_jobs', 'daily_tokens', 'concurrent_jobs', 'max_job_duration', 'daily_cost'],
  model: ['daily_tokens', 'hourly_requests', 'cost_ceiling_usd', 'daily_cost'],
  project: ['daily_jobs', 'daily_tokens', 'daily_cost', 'cooldown'],
};

const SECTION = { agent: 'agents', model: 'models', project: 'projects' } as const;

export function effectiveLimits(
  configured: Allowance,
  changes: ReadonlyMap<string, LimitChange>,
  now: number,
): EffectiveLimits {
  if (changes.size === 0) return { allowance: configured, changes };
  const inForce = [...changes.values()].filter((change) => isInForce(change, now));
  const allowance = {
    agents: { ...configured.agents },
    models: { ...configured.models },
    projects: { ...configured.projects },
  };
  for (const change of inForce) lay(allowance, change);
  return {
    allowance,
    changes: new Map(inForce.map((change) => [limitKey(change.of, change.name, change.what), change])),
  };
}

export function isInForce({ until }: LimitChange, now: number): boolean {
  return until === undefined || until > now;
}

/** When the next change ends by itself. */
export function nextEnd(changes: Iterable<LimitChange>, now: number): number | undefined {
  const ends = [...changes].flatMap(({ until }) => (until !== undefined && until > now ? [until] : []));
  return ends.length === 0 ? undefined : Math.min(...ends);
}

type Sections = { readonly [K in keyof Allowance]: Record<string, object> };

function lay(onto: Sections, { of, name, what, limit, currency }: LimitChange): void {
  if (!LIMITS_OF[of].includes(what)) return; // of a version that knew more
  const section = onto[SECTION[of]];
  const configured = Object.hasOwn(section, name) ? section[name] : UNLIMITED[SECTION[of]];
  const value = what === 'daily_cost' ? { amount: limit, currency: currency ?? 'USD' } : limit;
  Object.defineProperty(section, name, {
    value: { ...configured, [what]: value },
    ...{ enumerable: true, configurable: true, writable: true }, // `__proto__` is a name like any other
  });
}

/** E2 */
const UNLIMITED = {
  agents: AgentAllowance.parse({}),
  models: ModelAllowance.parse({}),
  projects: ProjectAllowance.parse({}),
};
