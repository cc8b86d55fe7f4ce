import { describe, expect, it, test } from 'vitest';
import { Allowance, type Holder } from '../../../src/runtime/model/allowance.ts';
import { type ChangeableLimit, type LimitChange, limitKey } from '../../../src/runtime/model/quota.ts';
import { boundedTtl } from '../../../src/runtime/policy/allowance.ts';
import { effectiveLimits, LIMITS_OF, nextEnd } from '../../../src/runtime/policy/limits.ts';

const NOW = Date.UTC(2026, 0, 1, 10);
const HOUR = 3_600_000;

function change(of: Holder, name: string, what: ChangeableLimit, limit: number, more: Partial<LimitChange> = {}) {
  return { of, name, what, limit, reason: 'because', at: NOW, ...more };
}

const changes = (...all: LimitChange[]) => new Map(all.map((one) => [limitKey(one.of, one.name, one.what), one]));

const configured = Allowance.parse({
  agents: { claude: { daily_jobs: 10, max_job_duration: '1h', models: ['opus'] } },
  models: { opus: { daily_cost: { amount: 5, currency: 'CAD' }, instead: 'sonnet' } },
  projects: { shop: { cooldown: '5m' } },
});

const every = Object.entries(LIMITS_OF).flatMap(([of, limits]) => limits.map((what) => [of as Holder, what] as const));

test.each(every)(
  '%s: %s can be changed, and taken away, with and without an allowance in the configuration',
  (of, what) => {
    for (const name of ['claude', 'opus', 'shop', 'nobody']) {
      for (const limit of [7, 0]) {
        const currency = what === 'daily_cost' ? { currency: 'EUR' } : {};
        const { allowance } = effectiveLimits(configured, changes(change(of, name, what, limit, currency)), NOW);
        const its = allowance[`${of}s`][name];
        expect(its).toMatchObject({ [what]: what === 'daily_cost' ? { amount: limit, currency: 'EUR' } : limit });
        expect(Allowance.parse(JSON.parse(JSON.stringify(allowance)))).toBeDefined(); // nothing is missing
      }
    }
  },
);

describe('a change', () => {
  const raised = change('agent', 'claude', 'daily_jobs', 60, { until: NOW + HOUR });

  it('leaves everything else as the configuration says', () => {
    const { allowance } = effectiveLimits(configured, changes(raised), NOW);
    expect(allowance.agents.claude).toEqual({ ...configured.agents.claude, daily_jobs: 60 });
    expect(allowance.models).toEqual(configured.models);
    expect(configured.agents.claude?.daily_jobs).toBe(10);
  });

  it('ends at its time to the millisecond, and is there again for a clock that went back', () => {
    const jobs = (now: number) => effectiveLimits(configured, changes(raised), now).allowance.agents.claude?.daily_jobs;
    expect([NOW, NOW + HOUR - 1, NOW + HOUR, NOW + 9_000 * HOUR, NOW - 9_000 * HOUR].map(jobs)).toEqual([
      60, 60, 10, 10, 60,
    ]);
  });

  it('is named among those in force only while it is', () => {
    const both = changes(raised, change('project', 'shop', 'cooldown', 0));
    expect([...effectiveLimits(configured, both, NOW).changes.keys()]).toHaveLength(2);
    expect([...effectiveLimits(configured, both, NOW + HOUR).changes.keys()]).toEqual(['project/cooldown/shop']);
    expect(nextEnd(both.values(), NOW)).toBe(NOW + HOUR);
    expect(nextEnd(both.values(), NOW + HOUR)).toBeUndefined();
  });

  it('of an agent’s longest time bounds what runs there, shorter and longer than configured', () => {
    const ttl = (limit: number) => {
      const now = effectiveLimits(configured, changes(change('agent', 'claude', 'max_job_duration', limit)), NOW);
      return boundedTtl(2 * HOUR, ['claude'], now.allowance);
    };
    expect([ttl(60_000), ttl(1.5 * HOUR), ttl(0)]).toEqual([60_000, 1.5 * HOUR, 2 * HOUR]);
  });

  it('may be for a name that every object has', () => {
    for (const name of ['constructor', '__proto__']) {
      const { allowance } = effectiveLimits(configured, changes(change('model', name, 'hourly_requests', 3)), NOW);
      expect(Object.getOwnPropertyDescriptor(allowance.models, name)?.value).toMatchObject({ hourly_requests: 3 });
      expect(Object.getPrototypeOf(allowance.models)).toBe(Object.prototype);
    }
  });
});

test('without a change it is the configuration itself', () => {
  expect(effectiveLimits(configured, new Map(), NOW).allowance).toBe(configured);
});
