import { describe, expect, it, test } from 'vitest';
import { Allowance, type AllowanceView } from '../../../src/runtime/model/allowance.ts';
import { type Books, dayOf, emptyBooks, hourOf } from '../../../src/runtime/model/books.ts';
import type { Fleet, FleetAllowance } from '../../../src/runtime/model/fleet.ts';
import { type LimitChange, limitKey } from '../../../src/runtime/model/quota.ts';
import type { TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { agentLimits, boundedTtl, nextReset, verdictOn } from '../../../src/runtime/policy/allowance.ts';
import { allowanceView } from '../../../src/runtime/policy/allowance-view.ts';
import { askFor } from '../../../src/runtime/policy/ask.ts';
import { anyRoom, decide } from '../../../src/runtime/policy/decide.ts';
import { agent, fleet, project, provider, SHOP, SITE, spec } from './fixtures.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 0, 1, 10, 30);
const MIDNIGHT = Date.UTC(2026, 0, 2);

interface Used {
  readonly jobs?: number;
  readonly tokens?: number;
  readonly money?: Record<string, number>;
  readonly requests?: number;
  readonly failed_at?: number;
}

type Uses = { readonly [K in 'agent' | 'model' | 'project']?: Record<string, Used> };

function books(uses: Uses, at = NOW): Books {
  const made = emptyBooks();
  const page = { agent: new Map(), model: new Map(), project: new Map() };
  made.days.set(dayOf(at), page);
  made.hours.set(hourOf(at), new Map());
  for (const of of ['agent', 'model', 'project'] as const) {
    for (const [name, { jobs = 0, tokens = 0, money = {}, requests, failed_at }] of Object.entries(uses[of] ?? {})) {
      page[of].set(name, { jobs, tokens, money });
      if (requests !== undefined) made.hours.get(hourOf(at))?.set(name, requests);
      if (failed_at !== undefined) made.failures.set(name as typeof SHOP, failed_at);
    }
  }
  return made;
}

interface Scene {
  readonly limits: object;
  readonly uses?: Uses;
  readonly at_work?: Record<string, number>;
  readonly claims?: { readonly [K in 'agent' | 'model' | 'project']?: Record<string, number> };
  readonly fleet?: Partial<Fleet>;
}

function scene({ limits, uses = {}, at_work = {}, claims = {}, fleet: more = {} }: Scene): Fleet {
  const allowance = Allowance.parse(limits);
  const map = (counts: Record<string, number> = {}) => new Map(Object.entries(counts));
  const own = allowance.projects.shop;
  return fleet({
    projects: new Map([[SHOP, project(own ? { allowance: { name: 'shop', limits: own } } : {})]]),
    ...more,
    allowance: {
      ...{ agents: allowance.agents, models: allowance.models, books: books(uses) },
      load: {
        at_work: map(at_work),
        claims: { agent: map(claims.agent), model: map(claims.model), project: map(claims.project) },
      },
    },
  });
}

const route = (input: TaskSpecInput, on: Fleet, now = NOW) => decide(askFor(spec(input), SHOP), on, now);

describe('how much of a limit is used', () => {
  const verdict = (limits: object, used: Used, more: Partial<Scene> = {}, now = NOW) => {
    const { allowance } = scene({ limits: { agents: { far: limits } }, uses: { agent: { far: used } }, ...more });
    if (!allowance) throw new Error('a scene has an allowance');
    return verdictOn(agentLimits('far', allowance, now));
  };
  const states: [string, object, Used, string][] = [
    ['nothing of it', { daily_jobs: 10 }, {}, 'ok'],
    ['just below 80 %', { daily_tokens: 1_000 }, { tokens: 799 }, 'ok'],
    ['80 %', { daily_tokens: 1_000 }, { tokens: 800 }, 'warning'],
    ['8 of 10', { daily_jobs: 10 }, { jobs: 8 }, 'warning'],
    ['all but one', { daily_tokens: 1_000 }, { tokens: 999 }, 'warning'],
    ['exactly all', { daily_jobs: 10 }, { jobs: 10 }, 'exceeded'],
    ['more than all', { daily_tokens: 1_000 }, { tokens: 5_000 }, 'exceeded'],
    ['zero is no limit', { daily_jobs: 0, daily_tokens: 0 }, { jobs: 1e9, tokens: 1e12 }, 'ok'],
    ['zero money is no limit', { daily_cost: { amount: 0, currency: 'USD' } }, { money: { USD: 1e6 } }, 'ok'],
    ['money', { daily_cost: { amount: 1, currency: 'USD' } }, { money: { USD: 1 } }, 'exceeded'],
    ['another currency', { daily_cost: { amount: 1, currency: 'USD' } }, { money: { CAD: 99 } }, 'ok'],
    ['the worst of several', { daily_jobs: 10, daily_tokens: 10 }, { jobs: 8, tokens: 10 }, 'exceeded'],
  ];
  test.each(states)('%s', (_, limits, used, state) => expect(verdict(limits, used).state).toBe(state));

  it('says limit, use, key and when it counts no more', () => {
    expect(verdict({ daily_jobs: 2 }, { jobs: 2 })).toEqual({
      state: 'exceeded',
      detail: 'far has used 2 of 2 jobs today (allowance.agents.far.daily_jobs), until 2026-01-02T00:00:00.000Z',
      until: MIDNIGHT,
    });
    expect(verdict({ concurrent_jobs: 3 }, {}, { at_work: { far: 3 } })).toEqual({
      state: 'exceeded',
      detail: 'far has 3 of 3 jobs at work (allowance.agents.far.concurrent_jobs)',
    });
  });

  it('is gone at midnight', () => {
    expect(verdict({ daily_jobs: 2 }, { jobs: 2 }, {}, MIDNIGHT - 1).state).toBe('exceeded');
    expect(verdict({ daily_jobs: 2 }, { jobs: 2 }, {}, MIDNIGHT).state).toBe('ok');
  });

  it('counts claims that are under way', () => {
    const claims = { agent: { far: 1 } };
    expect(verdict({ daily_jobs: 2 }, { jobs: 1 }, { claims }).state).toBe('exceeded');
  });

  it('finds nothing under names that every object has', () => {
    expect(route({ model: 'constructor', agent: 'claude' }, scene({ limits: {} })).to).toBe('agent');
  });
});

describe('an agent whose allowance is spent', () => {
  const limits = { agents: { claude: { daily_jobs: 2 }, worker: { daily_jobs: 2 } } };
  const spent = { jobs: 2 };

  it('is passed over, and the next one takes the task', () => {
    const on = scene({ limits, uses: { agent: { claude: spent } } });
    expect(route({}, on)).toMatchObject({ to: 'agent', agent: 'worker' });
    expect(route({}, on).rules.filter(({ rule }) => rule === 'allowance')).toHaveLength(1);
  });

  it('makes a task wait that only it could take, whatever its priority, until midnight', () => {
    const on = scene({ limits, uses: { agent: { claude: spent } } });
    for (const priority of ['critical', 'low'] as const)
      expect(route({ agent: 'claude', priority }, on)).toMatchObject({
        to: 'wait',
        reason: 'allowance',
        until: MIDNIGHT,
        detail: expect.stringContaining('allowance.agents.claude.daily_jobs'),
      });
  });

  it('makes a task wait for allowance when all are spent, for room when one only lacks that', () => {
    const agents = [agent('claude'), agent('worker', { load: 1, status: 'busy' })];
    const both = scene({ limits, uses: { agent: { claude: spent, worker: spent } }, fleet: { agents } });
    expect(route({}, both)).toMatchObject({ reason: 'allowance', until: MIDNIGHT });
    const one = scene({ limits, uses: { agent: { claude: spent } }, fleet: { agents } });
    expect(route({}, one)).toMatchObject({ reason: 'no_free_agent', detail: 'worker has 1 of 1 runs' });
    expect(anyRoom(one)).toBe(true);
  });

  it('has the first reset of all as its time, and none where an end gives it back', () => {
    const models = { opus: { hourly_requests: 1 } };
    const by = { critical: 'opus', default: 'opus' };
    const agents = [agent('claude'), agent('worker', { takes_model: true })];
    const uses = { agent: { claude: spent }, model: { opus: { requests: 1 } } };
    const on = scene({
      limits: { agents: { claude: { daily_jobs: 2 } }, models },
      uses,
      fleet: { agents, models: by },
    });
    expect(route({}, on)).toMatchObject({ reason: 'allowance', until: Date.UTC(2026, 0, 1, 11) });
    const busy = scene({ limits: { agents: { claude: { concurrent_jobs: 1 } } }, at_work: { claude: 1 } });
    const waits = route({ agent: 'claude' }, busy);
    expect(waits).toMatchObject({ to: 'wait', reason: 'allowance' });
    expect(waits).not.toHaveProperty('until');
  });

  it('is not what a person must mend, and stands behind what is: paused, dependencies, the project', () => {
    const on = scene({ limits, uses: { agent: { claude: spent } } });
    const ask = { ...askFor(spec({ agent: 'claude' }), SHOP), waits_for: ['x'] };
    const waits = decide(ask, on, NOW);
    expect(waits).toMatchObject({ reason: 'dependency' });
    expect(waits.rules.map(({ rule }) => rule)).toContain('allowance');
  });

  it('counts sessions of a program together, and each on its own', () => {
    const seat = (id: string) => agent(id, { kind: 'session', program: 'claude' });
    const agents = [seat('auto-1'), seat('auto-2')];
    const together = scene({
      limits: { agents: { claude: { concurrent_jobs: 1 } } },
      at_work: { claude: 1 },
      fleet: { agents },
    });
    expect(route({}, together)).toMatchObject({ reason: 'allowance' });
    const one = scene({
      limits: { agents: { 'auto-1': { daily_jobs: 1 } } },
      uses: { agent: { 'auto-1': { jobs: 1 } } },
      fleet: { agents },
    });
    expect(route({}, one)).toMatchObject({ to: 'agent', agent: 'auto-2', program: 'claude' });
  });

  it('warns in the rules from 80 % on', () => {
    const on = scene({ limits: { agents: { claude: { daily_jobs: 10 } } }, uses: { agent: { claude: { jobs: 8 } } } });
    expect(route({ agent: 'claude' }, on).rules).toContainEqual({
      rule: 'allowance',
      says: 'warning: claude has used 8 of 10 jobs today (allowance.agents.claude.daily_jobs)',
    });
  });
});

describe('a provider whose allowance is spent', () => {
  it('makes its tasks wait', () => {
    const on = scene({
      limits: { agents: { alpha: { daily_cost: { amount: 5, currency: 'CAD' } } } },
      uses: { agent: { alpha: { money: { CAD: 5 } } } },
    });
    expect(route({ preferred_ai: 'alpha' }, on)).toMatchObject({ reason: 'allowance', until: MIDNIGHT });
    expect(route({ preferred_ai: 'beta' }, on)).toMatchObject({ to: 'provider', provider: 'beta' });
  });

  it('is so too when the model is spent that it would use', () => {
    const providers = [provider('chat', { ai: ['gpu'], model: 'small', models: { gpu: 'big' } })];
    const on = scene({
      limits: { models: { big: { daily_tokens: 10 } } },
      uses: { model: { big: { tokens: 10 } } },
      fleet: { providers },
    });
    expect(route({ preferred_ai: 'gpu' }, on)).toMatchObject({ reason: 'allowance' });
    expect(route({ preferred_ai: 'chat' }, on)).toMatchObject({ to: 'provider', model: 'small' });
    expect(route({ preferred_ai: 'chat', model: 'big' }, on)).toMatchObject({ reason: 'allowance' });
  });

  it('may be given only the models that it is allowed', () => {
    const on = scene({ limits: { agents: { alpha: { models: ['small'] } } } });
    expect(route({ preferred_ai: 'alpha', model: 'big' }, on)).toMatchObject({
      reason: 'no_eligible_agent',
      detail: 'provider alpha may not use big (allowance.agents.alpha.models)',
    });
    expect(route({ preferred_ai: 'alpha', model: 'small' }, on)).toMatchObject({ to: 'provider', model: 'small' });
    expect(route({ preferred_ai: 'alpha' }, on)).toMatchObject({ to: 'provider' });
  });
});

describe('models', () => {
  const agents = [agent('claude', { takes_model: true })];
  const spentOpus = { model: { opus: { requests: 1 } } };
  const opus = (more: object = {}) => ({ models: { opus: { hourly_requests: 1, ...more } } });

  it('that are spent make a task wait until the hour is over', () => {
    const on = scene({ limits: opus(), uses: spentOpus, fleet: { agents } });
    expect(route({ priority: 'critical' }, on)).toMatchObject({ reason: 'allowance', until: Date.UTC(2026, 0, 1, 11) });
    expect(route({}, on)).toMatchObject({ to: 'agent', model: 'sonnet' });
    expect(route({ priority: 'critical' }, on, NOW + HOUR)).toMatchObject({ to: 'agent', model: 'opus' });
  });

  it('give way to another one where the configuration says so, never where the task names them', () => {
    const on = scene({ limits: opus({ instead: 'sonnet' }), uses: spentOpus, fleet: { agents } });
    expect(route({ priority: 'critical' }, on)).toMatchObject({ to: 'agent', model: 'sonnet' });
    expect(route({ model: 'opus' }, on)).toMatchObject({ reason: 'allowance' });
  });

  it('that stand in for each other in a ring end somewhere', () => {
    const models = { opus: { hourly_requests: 1, instead: 'sonnet' }, sonnet: { hourly_requests: 1, instead: 'opus' } };
    const uses = { model: { opus: { requests: 1 }, sonnet: { requests: 1 } } };
    expect(route({}, scene({ limits: { models }, uses, fleet: { agents } }))).toMatchObject({ reason: 'allowance' });
  });

  it('have a ceiling in dollars', () => {
    const limits = { models: { opus: { cost_ceiling_usd: 50 } } };
    const on = scene({ limits, uses: { model: { opus: { money: { USD: 50.01 } } } }, fleet: { agents } });
    expect(route({ priority: 'critical' }, on)).toMatchObject({ reason: 'allowance', until: MIDNIGHT });
  });

  it('that an agent may not be given are no eligible agent when a task names them, else another is taken', () => {
    const on = scene({ limits: { agents: { claude: { models: ['haiku', 'sonnet'] } } }, fleet: { agents } });
    expect(route({ model: 'opus' }, on)).toMatchObject({
      reason: 'no_eligible_agent',
      detail: expect.stringContaining('claude may not use opus (allowance.agents.claude.models)'),
    });
    expect(route({ priority: 'critical' }, on)).toMatchObject({ to: 'agent', model: 'sonnet' });
    expect(route({ model: 'haiku' }, on)).toMatchObject({ to: 'agent', model: 'haiku' });
  });

  it('are no matter for a command that takes none', () => {
    const on = scene({ limits: { agents: { worker: { models: ['haiku'] } } } });
    expect(route({ agent: 'worker', model: 'opus' }, on)).toMatchObject({ to: 'agent', agent: 'worker' });
  });
});

describe('projects', () => {
  it('wait for their own allowance, wherever their tasks would run', () => {
    const on = scene({ limits: { projects: { shop: { daily_jobs: 3 } } }, uses: { project: { [SHOP]: { jobs: 3 } } } });
    for (const input of [{}, { preferred_ai: 'alpha' }])
      expect(route(input, on)).toMatchObject({
        reason: 'allowance',
        until: MIDNIGHT,
        detail: expect.stringContaining('shop'),
      });
    expect(decide(askFor(spec(), SITE), on, NOW)).toMatchObject({ to: 'agent' });
  });

  it('rest after a failure, for as long as they are told to', () => {
    const limits = { projects: { shop: { cooldown: '10m' } } };
    const on = scene({ limits, uses: { project: { [SHOP]: { failed_at: NOW } } } });
    expect(route({}, on)).toMatchObject({ reason: 'allowance', until: NOW + 600_000 });
    expect(route({}, on, NOW + 600_000)).toMatchObject({ to: 'agent' });
    expect(route({}, on, NOW - 1)).toMatchObject({ to: 'agent' }); // a clock that went back makes no rest of a year
  });
});

test('the next reset is the first of those that hold anything up', () => {
  const limits = {
    agents: { claude: { daily_jobs: 1 } },
    models: { opus: { hourly_requests: 1 }, sonnet: { hourly_requests: 9 } },
  };
  const none = scene({ limits, uses: { model: { sonnet: { requests: 3 } } } });
  expect(nextReset(none, NOW)).toBeUndefined();
  const uses = { agent: { claude: { jobs: 1 } } };
  expect(nextReset(scene({ limits, uses }), NOW)).toBe(MIDNIGHT);
  const both = scene({ limits, uses: { ...uses, model: { opus: { requests: 1 } } } });
  expect(nextReset(both, NOW)).toBe(Date.UTC(2026, 0, 1, 11));
});

test('an attempt takes no longer than the allowance of those that do it', () => {
  const allowance = Allowance.parse({
    agents: { claude: { max_job_duration: '5m' }, auto: { max_job_duration: '1m' } },
  });
  expect(boundedTtl(3_600_000, ['other'], allowance)).toBe(3_600_000);
  expect(boundedTtl(3_600_000, ['claude'], allowance)).toBe(300_000);
  expect(boundedTtl(3_600_000, ['auto', 'claude'], allowance)).toBe(60_000);
  expect(boundedTtl(1_000, ['claude'], allowance)).toBe(1_000);
});

/** Each limit that counts, with room for ten of something. */
const TEN = 10;
const COUNTED: [name: string, limits: (n: number) => object, used: (n: number) => Partial<Scene>][] = [
  [
    'daily jobs of an agent',
    (n) => ({ agents: { claude: { daily_jobs: n } } }),
    (jobs) => by('agent', 'claude', { jobs }),
  ],
  [
    'daily tokens of an agent',
    (n) => ({ agents: { claude: { daily_tokens: n } } }),
    (tokens) => by('agent', 'claude', { tokens }),
  ],
  [
    'daily cost of an agent',
    (n) => ({ agents: { claude: { daily_cost: usd(n) } } }),
    (USD) => by('agent', 'claude', { money: { USD } }),
  ],
  [
    'jobs of an agent at once',
    (n) => ({ agents: { claude: { concurrent_jobs: n } } }),
    (n) => ({ at_work: { claude: n } }),
  ],
  [
    'hourly requests of a model',
    (n) => ({ models: { opus: { hourly_requests: n } } }),
    (requests) => by('model', 'opus', { requests }),
  ],
  [
    'daily tokens of a model',
    (n) => ({ models: { opus: { daily_tokens: n } } }),
    (tokens) => by('model', 'opus', { tokens }),
  ],
  [
    'ceiling of a model',
    (n) => ({ models: { opus: { cost_ceiling_usd: n } } }),
    (USD) => by('model', 'opus', { money: { USD } }),
  ],
  [
    'daily cost of a model',
    (n) => ({ models: { opus: { daily_cost: usd(n) } } }),
    (USD) => by('model', 'opus', { money: { USD } }),
  ],
  [
    'daily jobs of a project',
    (n) => ({ projects: { shop: { daily_jobs: n } } }),
    (jobs) => by('project', SHOP, { jobs }),
  ],
  [
    'daily tokens of a project',
    (n) => ({ projects: { shop: { daily_tokens: n } } }),
    (tokens) => by('project', SHOP, { tokens }),
  ],
  [
    'daily cost of a project',
    (n) => ({ projects: { shop: { daily_cost: usd(n) } } }),
    (USD) => by('project', SHOP, { money: { USD } }),
  ],
];

function by(of: keyof Uses, name: string, used: Used): Partial<Scene> {
  return { uses: { [of]: { [name]: used } } };
}

function usd(amount: number) {
  return { amount, currency: 'USD' };
}

describe.each(COUNTED)('%s', (_, limits, used) => {
  const agents = [agent('claude', { takes_model: true, max: 0 })];
  const at = (limit: number, use: number) => scene({ limits: limits(limit), ...used(use), fleet: { agents } });
  const asks = { agent: 'claude', model: 'opus' };
  const says = (limit: number, use: number) => {
    const answer = route(asks, at(limit, use));
    if (answer.to === 'wait') return answer.reason;
    return answer.rules.some(({ says }) => says.startsWith('warning')) ? 'warning' : 'ok';
  };

  it('warns from exactly 80 % on and is spent at exactly all of it', () => {
    expect([0, 7, 8, 9, 10, 11].map((use) => says(TEN, use))).toEqual([
      ...['ok', 'ok', 'warning', 'warning', 'allowance', 'allowance'],
    ]);
    expect([2, 3].map((use) => says(3, use))).toEqual(['ok', 'allowance']); // 2 of 3 is less than 80 %
    expect([0, 1].map((use) => says(1, use))).toEqual(['ok', 'allowance']);
  });

  it('is no limit where it is 0', () => {
    expect([0, 1, 1e12].map((use) => says(0, use))).toEqual(['ok', 'ok', 'ok']);
  });

  it('holds a critical task as any other', () => {
    for (const priority of ['critical', 'high', 'default', 'low'] as const)
      expect(route({ ...asks, priority }, at(TEN, TEN))).toMatchObject({ to: 'wait', reason: 'allowance' });
  });

  it('is told of at most one limit’s key, and lets the same task go when it is raised by one', () => {
    expect(route(asks, at(TEN, TEN))).toMatchObject({ detail: expect.stringMatching(/\(allowance\.\w+\.\w+\.\w+\)/) });
    expect(route(asks, at(TEN + 1, TEN)).to).toBe('agent');
  });
});

test('a clock that jumps forth finds a new day, and back the old one as it was', () => {
  const on = scene({ limits: { agents: { claude: { daily_jobs: 2 } } }, uses: { agent: { claude: { jobs: 2 } } } });
  const to = (now: number) => route({ agent: 'claude' }, on, now).to;
  const day = 24 * HOUR;
  const jumps = [NOW, NOW + day, NOW, MIDNIGHT - 1, MIDNIGHT, NOW + 4_000 * day, NOW - day, NOW];
  expect(jumps.map(to)).toEqual(['wait', 'agent', 'wait', 'wait', 'agent', 'agent', 'agent', 'wait']);
});

test('an hour is the clock’s own, to the millisecond', () => {
  const agents = [agent('claude', { takes_model: true })];
  const uses = { model: { opus: { requests: 1 } } };
  const on = scene({ limits: { models: { opus: { hourly_requests: 1 } } }, uses, fleet: { agents } });
  const eleven = Date.UTC(2026, 0, 1, 11);
  const hours = [NOW, eleven - 1, eleven, eleven - HOUR, eleven - HOUR - 1];
  expect(hours.map((now) => route({ model: 'opus', agent: 'claude' }, on, now).to)).toEqual([
    ...['wait', 'wait', 'agent', 'wait', 'agent'],
  ]);
});

test('of two that are spent alike both are named, and the later reset counts; of two places the first takes it by its id', () => {
  const limits = { agents: { claude: { daily_jobs: 1 } }, models: { opus: { hourly_requests: 1 } } };
  const agents = [agent('claude', { takes_model: true })];
  const uses = { agent: { claude: { jobs: 1 } }, model: { opus: { requests: 1 } } };
  const both = route({ model: 'opus', agent: 'claude' }, scene({ limits, uses, fleet: { agents } }));
  expect(both).toMatchObject({ until: MIDNIGHT, detail: expect.stringMatching(/daily_jobs.*; .*hourly_requests/) });
  const alike = [agent('b', { program: 'b' }), agent('a', { program: 'a' })];
  const warned = { agents: { a: { daily_jobs: 10 }, b: { daily_jobs: 10 } } };
  const half = { agent: { a: { jobs: 8 }, b: { jobs: 8 } } };
  expect(route({}, scene({ limits: warned, uses: half, fleet: { agents: alike } }))).toMatchObject({ agent: 'a' });
});

test('what was changed at run time says so, where it is told and where it is shown', () => {
  const change = (what: LimitChange['what'], limit: number): [string, LimitChange] => [
    limitKey('agent', 'far', what),
    { of: 'agent', name: 'far', what, limit, reason: 'release', at: NOW, by: 'owner' },
  ];
  const limits = { agents: { far: { daily_jobs: 2, max_job_duration: '5m' } } };
  const on = scene({ limits, uses: { agent: { far: { jobs: 2, tokens: 9 } } } });
  const changes = new Map([change('daily_jobs', 2), change('daily_tokens', 0), change('concurrent_jobs', 0)]);
  const fleet = { ...on, allowance: { ...(on.allowance as FleetAllowance), changes } };
  expect(nextReset(fleet, NOW)).toBe(MIDNIGHT);
  expect(verdictOn(agentLimits('far', fleet.allowance, NOW))).toMatchObject({
    detail: expect.stringContaining('(allowance.agents.far.daily_jobs, changed at run time)'),
  });
  const [shown] = allowanceView(fleet, String, NOW);
  const reason = { reason: 'release', by: 'owner' };
  expect(shown?.limits).toEqual([
    expect.objectContaining({ what: 'daily_jobs', used: 2, limit: 2, changed: expect.objectContaining(reason) }),
    { what: 'max_job_duration', limit: 300_000, state: 'ok' },
    { what: 'daily_tokens', used: 9, state: 'ok', changed: expect.objectContaining(reason) },
    { what: 'concurrent_jobs', state: 'ok', changed: expect.objectContaining(reason) },
  ]);
});

test('a change for what is gone is shown all the same', () => {
  const gone: LimitChange = { of: 'project', name: 'old', what: 'cooldown', limit: 1, reason: 'x', at: NOW };
  const on = scene({ limits: {} });
  const changes = new Map([[limitKey('project', 'old', 'cooldown'), gone]]);
  const views = allowanceView({ ...on, allowance: { ...(on.allowance as FleetAllowance), changes } }, String, NOW);
  expect(views).toEqual([
    { of: 'project', name: 'old', state: 'ok', limits: [{ what: 'cooldown', state: 'ok', changed: gone }] },
  ]);
});

test('a rest is shown with its length, and with its end while it lasts', () => {
  const limits = { projects: { shop: { cooldown: '10m' } } };
  const on = scene({ limits, uses: { project: { [SHOP]: { failed_at: NOW } } } });
  const shown = (now: number) => allowanceView(on, () => 'shop', now)[0]?.limits;
  expect(shown(NOW)).toEqual([{ what: 'cooldown', limit: 600_000, state: 'exceeded', resets_at: NOW + 600_000 }]);
  expect(shown(NOW + 600_000)).toEqual([{ what: 'cooldown', limit: 600_000, state: 'ok' }]);
});

test('what is shown: limits with use, remainder and reset, the worst first; use without a limit; nothing else', () => {
  const limits = {
    agents: { far: { daily_jobs: 2 }, idle: { daily_jobs: 9 } },
    models: { big: { cost_ceiling_usd: 1 } },
  };
  const uses = {
    agent: { claude: { jobs: 1, tokens: 5, money: { EUR: 2 } } },
    model: { big: { money: { USD: 0.9 } } },
  };
  const shown = allowanceView(scene({ limits, uses, claims: { agent: { far: 2 } } }), String, NOW);
  expect(shown).toEqual<AllowanceView[]>([
    {
      ...{ of: 'agent', name: 'far', state: 'exceeded' },
      limits: [{ what: 'daily_jobs', used: 2, limit: 2, remaining: 0, resets_at: MIDNIGHT, state: 'exceeded' }],
    },
    {
      ...{ of: 'model', name: 'big', state: 'warning' },
      limits: [
        {
          ...{ what: 'cost_ceiling_usd', used: 0.9, limit: 1, remaining: 0.1, currency: 'USD' },
          ...{ resets_at: MIDNIGHT, state: 'warning' },
        },
      ],
    },
    {
      ...{ of: 'agent', name: 'idle', state: 'ok' },
      limits: [{ what: 'daily_jobs', used: 0, limit: 9, remaining: 9, resets_at: MIDNIGHT, state: 'ok' }],
    },
    {
      ...{ of: 'agent', name: 'claude', state: 'ok' },
      limits: [
        { what: 'daily_jobs', used: 1, state: 'ok' },
        { what: 'daily_tokens', used: 5, state: 'ok' },
        { what: 'daily_cost', used: 2, currency: 'EUR', state: 'ok' },
      ],
    },
  ]);
});
