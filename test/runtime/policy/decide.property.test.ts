import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Allowance } from '../../../src/runtime/model/allowance.ts';
import { dayOf, emptyBooks, hourOf } from '../../../src/runtime/model/books.ts';
import type { Fleet, FleetAgent, FleetAllowance } from '../../../src/runtime/model/fleet.ts';
import type { Hold } from '../../../src/runtime/model/hold.ts';
import { Route } from '../../../src/runtime/model/route.ts';
import { agentLimits, modelLimits, verdictOn } from '../../../src/runtime/policy/allowance.ts';
import { type RouteAsk, signatureOf } from '../../../src/runtime/policy/ask.ts';
import { anyRoom, decide } from '../../../src/runtime/policy/decide.ts';
import { hasRoom } from '../../../src/runtime/policy/local.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { agent, fleet, NOW, project, provider, SHOP, SITE, spec } from './fixtures.ts';

const maybe = <T>(...values: T[]) => fc.constantFrom(undefined, ...values);
const clean = (value: object) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined));

const anySpec = fc
  .record({
    priority: fc.constantFrom('critical', 'high', 'default', 'low'),
    needs_claude_code: maybe(true, false),
    preferred_ai: maybe('claude-code', 'auto', 'alpha', 'beta', 'gemini', 'gpu', 'nobody', 'worker'),
    allow_delegation: maybe(true, false),
    complexity_hint: maybe('simple', 'complex'),
    agent: maybe('claude', 'worker', 'lint-bot', 'nobody'),
    mode: maybe('session', 'headless'),
    model: maybe('mine'),
    workspace: fc.constantFrom('project', 'worktree'),
    requires: fc.subarray(['lint', 'test']),
  })
  .map((input) => spec(clean(input)));

const place = fc.record({
  status: fc.constantFrom('available' as const, 'offline' as const),
  load: fc.nat(3),
  max: fc.nat(3),
});
const anyAgent = fc
  .tuple(
    fc.constantFrom('claude', 'worker', 'lint-bot'),
    fc.constantFrom('command' as const, 'headless' as const, 'session' as const),
    fc.subarray(['lint', 'test']),
    place,
    maybe(SHOP, SITE),
    fc.boolean(),
  )
  .map(([program, kind, capabilities, at, own, takes_model]) =>
    agent(program, { kind, capabilities, takes_model, ...at, ...(own && { project: own }) }),
  );
const limit = fc.record({ daily_jobs: fc.nat(3), concurrent_jobs: fc.nat(3) });
const counts = (...names: string[]) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), fc.nat(3))));
const anyAllowance = fc
  .record({
    limits: fc.record({ claude: limit, worker: limit, alpha: limit, a: limit }, { requiredKeys: [] }),
    requests: fc.nat(3),
    models: fc.subarray(['sonnet', 'mine'], { minLength: 1 }),
    instead: maybe('opus'),
    jobs: counts('claude', 'worker', 'alpha', 'a'),
    at_work: counts('claude', 'worker', 'alpha', 'a'),
    asked: fc.nat(3),
  })
  .map(({ limits, requests, models, instead, jobs, at_work, asked }): FleetAllowance => {
    const agents = { ...limits, ...(limits.claude && { claude: { ...limits.claude, models } }) };
    const sonnet = { hourly_requests: requests, ...(instead && { instead }) };
    const parsed = Allowance.parse({ agents, models: { sonnet } });
    const books = emptyBooks();
    const account = new Map(jobs.map(([name, count]) => [name, { jobs: count, tokens: 0, money: {} }]));
    books.days.set(dayOf(NOW), { agent: account, model: new Map(), project: new Map() });
    books.hours.set(hourOf(NOW), new Map([['sonnet', asked]]));
    const claims = { agent: new Map(), model: new Map(), project: new Map() };
    return { agents: parsed.agents, models: parsed.models, books, load: { at_work: new Map(at_work), claims } };
  });
const anyFleet: fc.Arbitrary<Fleet> = fc
  .record({
    agents: fc.uniqueArray(anyAgent, { maxLength: 3, selector: (one) => one.id }),
    providers: fc
      .subarray(['alpha', 'beta'])
      .chain((ids) => fc.tuple(...ids.map((id) => place.map((at) => provider(id, { ai: ['gemini'], ...at }))))),
    default_provider: maybe('alpha', 'beta'),
    paused: fc.boolean(),
    own: fc.record({ paused: fc.boolean(), running: fc.nat(3), max_running: fc.nat(3), checkout_busy: fc.boolean() }),
    usual: maybe('claude', 'nobody'),
    headless: fc.record({ running: fc.nat(3), max: fc.nat(3) }),
    allowance: fc.option(anyAllowance, { nil: undefined }),
  })
  .map(({ own, usual, default_provider, allowance, ...rest }) =>
    fleet({
      ...rest,
      ...(allowance && { allowance }),
      ...(default_provider && { default_provider }),
      projects: new Map([[SHOP, project({ ...own, ...(usual && { agent: usual }) })]]),
    }),
  );
/** Many places of few programs: sessions, ties, and places that are held or not there. */
const crowd: fc.Arbitrary<Fleet> = fc
  .tuple(
    anyFleet,
    fc.uniqueArray(
      fc.tuple(
        fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
        anyAgent,
        maybe(0, 0, 1),
        fc.constantFrom<'held' | 'missing' | 'when_named' | 'there'>(
          'there',
          'there',
          'there',
          'held',
          'missing',
          'when_named',
        ),
      ),
      { maxLength: 7, selector: ([id]) => id },
    ),
  )
  .map(([on, more]) => ({
    ...on,
    agents: [...on.agents, ...more.map(([id, one, rank, how]) => placed(id, one, rank, how))],
  }));

function placed(
  id: string,
  one: FleetAgent,
  rank: number | undefined,
  how: 'held' | 'missing' | 'when_named' | 'there',
) {
  const held: Hold = { scope: { of: 'agent', agent: id }, kind: 'pause', reason: 'x', at: NOW, by: 'person' };
  const more: Record<typeof how, Partial<FleetAgent>> = {
    held: { status: 'offline', held },
    missing: { status: 'offline', missing: true },
    when_named: { when_named: true },
    there: {},
  };
  return { ...one, id, ...(rank !== undefined && { rank }), ...more[how] };
}

const anyAsk: fc.Arbitrary<RouteAsk> = fc
  .record({
    spec: anySpec,
    project: maybe(SHOP, SITE),
    waits_for: fc.subarray(['x', 'y']),
    not_before: maybe(NOW - 1, NOW, NOW + 1),
    backoff: maybe(true),
  })
  .map((ask) => clean(ask) as unknown as RouteAsk);

const check = (holds: (ask: RouteAsk, on: Fleet) => void) =>
  fc.assert(fc.property(anyAsk, anyFleet, holds), { numRuns: 2_000 });

test('every answer is a route with rules, and the same question gets the same answer', () => {
  check((ask, on) => {
    const route = decide(ask, on, NOW);
    expect(Route.parse(route)).toEqual(route);
    expect(route.rules.length).toBeGreaterThan(0);
    expect(decide(structuredClone(ask), structuredClone(on), NOW)).toEqual(route);
  });
});

test('the order in which a fleet is listed changes nothing, however often it is asked', () => {
  fc.assert(
    fc.property(anyAsk, crowd, fc.nat(), (ask, on, seed) => {
      const route = decide(ask, on, NOW);
      const { allowance } = on;
      const { fraction } = seededChance(seed);
      const shuffled = <T>(all: readonly T[]): T[] =>
        all
          .map((one) => ({ one, at: fraction() }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
      const other: Fleet = {
        ...on,
        agents: shuffled(on.agents).map((one) => ({ ...one, capabilities: shuffled(one.capabilities) })),
        providers: shuffled(on.providers),
        projects: new Map(shuffled([...on.projects])),
        ...(allowance && {
          allowance: { ...allowance, agents: Object.fromEntries(shuffled(Object.entries(allowance.agents))) },
        }),
      };
      expect(decide(ask, other, NOW)).toEqual(route);
      expect(decide(ask, on, NOW)).toEqual(route);
    }),
    { numRuns: 2_000 },
  );
});

test('no agent is picked that lacks something, is away, held or full, or whose allowance is spent', () => {
  fc.assert(
    fc.property(anyAsk, crowd, (ask, on) => {
      const route = decide(ask, on, NOW);
      if (route.to !== 'agent') return;
      const { allowance } = on;
      const it = on.agents.find(({ id }) => id === route.agent) as FleetAgent;
      expect(ask.spec.requires.filter((one) => !it.capabilities.includes(one))).toEqual([]);
      expect(it.status).not.toBe('offline');
      expect(it.missing).toBeUndefined();
      expect(it.held).toBeUndefined();
      if (it.max > 0) expect(it.load).toBeLessThan(it.max);
      if (it.project) expect(it.project).toBe(ask.project);
      if (ask.spec.mode) expect(ask.spec.mode === 'session' ? it.kind === 'session' : it.kind !== 'session').toBe(true);
      if (!allowance) return;
      for (const name of [it.id, it.program]) {
        const limits = agentLimits(name, allowance, NOW);
        expect(limits.filter(({ used, limit }) => used >= limit)).toEqual([]);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('nothing leaves the machine unless the task opted in and nothing above in the precedence keeps it', () => {
  check((ask, on) => {
    if (decide(ask, on, NOW).to !== 'provider') return;
    const { needs_claude_code, preferred_ai, allow_delegation, agent } = ask.spec;
    expect(preferred_ai !== undefined || allow_delegation === true).toBe(true);
    expect(needs_claude_code).not.toBe(true);
    expect(preferred_ai).not.toBe('claude-code');
    expect(allow_delegation).not.toBe(false);
    expect(agent).toBeUndefined();
  });
});

test('a task runs only where there is room, by an agent that fits', () => {
  check((ask, on) => {
    const route = decide(ask, on, NOW);
    if (route.to !== 'agent') return;
    const chosen = on.agents.find((one) => one.id === route.agent);
    expect(chosen && hasRoom(chosen)).toBe(true);
    expect(chosen?.capabilities).toEqual(expect.arrayContaining([...ask.spec.requires]));
    if (chosen?.project) expect(chosen.project).toBe(ask.project);
    if (ask.spec.agent) expect(chosen?.program).toBe(ask.spec.agent);
    if (ask.spec.needs_claude_code) expect(chosen?.program).toBe('claude');
    if (chosen?.kind !== 'session' && on.headless?.max) expect(on.headless.running).toBeLessThan(on.headless.max);
  });
});

test('what runs was held by nothing, and needs room somewhere', () => {
  check((ask, on) => {
    const route = decide(ask, on, NOW);
    if (route.to !== 'agent' && route.to !== 'provider') return;
    expect(anyRoom(on)).toBe(true);
    expect(ask.waits_for).toEqual([]);
    expect(ask.not_before ?? 0).toBeLessThanOrEqual(NOW);
    const own = ask.project && on.projects.get(ask.project);
    expect(own?.paused).not.toBe(true);
    if (own?.max_running) expect(own.running).toBeLessThan(own.max_running);
    if (route.to === 'agent' && ask.spec.workspace === 'project') expect(own?.checkout_busy).not.toBe(true);
  });
});

test('what runs is spent nowhere, and nothing waits for allowance that was given back', () => {
  check((ask, on) => {
    const route = decide(ask, on, NOW);
    const { allowance } = on;
    if (!allowance) {
      expect(route).not.toMatchObject({ reason: 'allowance' });
      return;
    }
    const isSpent = (name: string) => verdictOn(agentLimits(name, allowance, NOW)).state === 'exceeded';
    if (route.to === 'agent' || route.to === 'provider') {
      const name = route.to === 'agent' ? route.agent : route.provider;
      expect(isSpent(name)).toBe(false);
      const model = route.model ?? 'none';
      expect(verdictOn(modelLimits(model, allowance, NOW)).state).not.toBe('exceeded');
      const allowed = allowance.agents[name]?.models;
      if (allowed && route.model !== undefined) expect(allowed).toContain(route.model);
    } else if (route.to === 'wait' && route.reason === 'allowance') {
      const lifted = {
        ...on,
        allowance: { ...allowance, books: emptyBooks(), load: { ...allowance.load, at_work: new Map() } },
      };
      expect(decide(ask, lifted, NOW)).not.toMatchObject({ reason: 'allowance' });
    }
  });
});

test('the complexity hint changes nothing but what is said', () => {
  check((ask, on) => {
    const { complexity_hint: _, ...rest } = ask.spec;
    const without = decide({ ...ask, spec: rest }, on, NOW);
    const route = decide(ask, on, NOW);
    expect({ ...route, rules: route.rules.filter((said) => said.rule !== 'complexity_hint') }).toEqual(without);
  });
});

test('tasks of one signature get one answer', () => {
  check((ask, on) => {
    const other = spec({ ...ask.spec, title: 'another', tags: ['x'], ttl_seconds: 60, group: 'g' });
    expect(signatureOf(other)).toBe(signatureOf(ask.spec));
    expect(decide({ ...ask, spec: other }, on, NOW)).toEqual(decide(ask, on, NOW));
  });
});
