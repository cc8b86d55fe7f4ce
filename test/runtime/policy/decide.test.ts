import { describe, expect, it, test } from 'vitest';
import type { Fleet, FleetAgent } from '../../../src/runtime/model/fleet.ts';
import type { TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { askFor, type RouteAsk } from '../../../src/runtime/policy/ask.ts';
import { decide } from '../../../src/runtime/policy/decide.ts';
import { agent, fleet, NOW, project, provider, SHOP, SITE, spec } from './fixtures.ts';

function route(input: TaskSpecInput, on: Partial<Fleet> = {}, more: Partial<RouteAsk> = {}) {
  return decide({ ...askFor(spec(input), SHOP), ...more }, fleet(on), NOW);
}

/** `agent:claude`, `provider:alpha+gpu`, `wait:paused`, `refuse`, and the rules that spoke. */
function short(input: TaskSpecInput, on: Partial<Fleet> = {}, more: Partial<RouteAsk> = {}): string {
  const to = route(input, on, more);
  switch (to.to) {
    case 'agent':
      return `agent:${to.agent}`;
    case 'provider':
      return `provider:${to.provider}${to.ai ? `+${to.ai}` : ''}`;
    case 'wait':
      return `wait:${to.reason}`;
    case 'refuse':
      return 'refuse';
  }
}

const rulesOf = (input: TaskSpecInput, on: Partial<Fleet> = {}) => route(input, on).rules.map((said) => said.rule);

describe('local or remote: the first key that speaks', () => {
  const table: [TaskSpecInput, string, string][] = [
    [{}, 'agent:claude', 'local'],
    [{ complexity_hint: 'simple' }, 'agent:claude', 'local'],
    [{ complexity_hint: 'complex' }, 'agent:claude', 'local'],
    [{ needs_claude_code: true }, 'agent:claude', 'needs_claude_code'],
    [{ needs_claude_code: true, preferred_ai: 'alpha', allow_delegation: true }, 'agent:claude', 'needs_claude_code'],
    [{ needs_claude_code: true, preferred_ai: 'claude-code' }, 'agent:claude', 'needs_claude_code'],
    [{ needs_claude_code: false, preferred_ai: 'alpha' }, 'provider:alpha', 'preferred_ai'],
    [{ preferred_ai: 'claude-code' }, 'agent:claude', 'preferred_ai'],
    [{ preferred_ai: 'claude-code', allow_delegation: true }, 'agent:claude', 'preferred_ai'],
    [{ allow_delegation: false }, 'agent:claude', 'allow_delegation'],
    [{ allow_delegation: false, preferred_ai: 'alpha' }, 'agent:claude', 'allow_delegation'],
    [{ allow_delegation: false, preferred_ai: 'auto' }, 'agent:claude', 'allow_delegation'],
    [{ allow_delegation: true }, 'agent:claude', 'allow_delegation'],
    [{ allow_delegation: true, complexity_hint: 'simple' }, 'agent:claude', 'allow_delegation'],
    [{ preferred_ai: 'alpha' }, 'provider:alpha', 'preferred_ai'],
    [{ preferred_ai: 'beta', allow_delegation: true }, 'provider:beta', 'preferred_ai'],
    [{ preferred_ai: 'gpu' }, 'provider:alpha+gpu', 'preferred_ai'],
    [{ preferred_ai: 'gemini' }, 'provider:alpha+gemini', 'preferred_ai'],
    [{ preferred_ai: 'claude-api' }, 'provider:beta+claude-api', 'preferred_ai'],
    [{ preferred_ai: 'auto' }, 'provider:alpha', 'preferred_ai'],
    [{ preferred_ai: 'nobody' }, 'agent:claude', 'preferred_ai'],
    [{ preferred_ai: 'nobody', allow_delegation: true }, 'agent:claude', 'preferred_ai'],
    [{ preferred_ai: 'worker' }, 'agent:worker', 'preferred_ai'],
  ];
  test.each(table)('%j → %s by %s', (input, expected, first) => {
    expect(short(input)).toBe(expected);
    expect(rulesOf(input)[0]).toBe(first);
  });

  it('asks the default provider first for an AI that several serve, and for auto', () => {
    expect(short({ preferred_ai: 'gemini' }, { default_provider: 'beta' })).toBe('provider:beta+gemini');
    expect(short({ preferred_ai: 'auto' }, { default_provider: 'beta' })).toBe('provider:beta');
    expect(short({ preferred_ai: 'gpu' }, { default_provider: 'beta' })).toBe('provider:alpha+gpu');
  });

  it('takes a name for a provider before it takes it for an AI, and passes it on where that provider serves it', () => {
    const providers = [provider('a', { ai: ['gemini'] }), provider('gemini')];
    expect(short({ preferred_ai: 'gemini' }, { providers })).toBe('provider:gemini');
    expect(short({ preferred_ai: 'gemini' }, { providers: [provider('gemini', { ai: ['gemini'] })] })).toBe(
      'provider:gemini+gemini',
    );
  });

  it('says that a provider is unknown, and which ones are known', () => {
    expect(route({ preferred_ai: 'nobody' }).rules[0]?.says).toBe(
      'no provider is or serves nobody (known: alpha, beta): it stays on this machine',
    );
  });

  it('stays local for auto without a provider', () => {
    expect(short({ preferred_ai: 'auto' }, { providers: [] })).toBe('agent:claude');
  });

  it('leaves the machine by allow_delegation alone only where no agent could ever take the task', () => {
    expect(short({ allow_delegation: true }, { agents: [] })).toBe('provider:alpha');
    expect(short({ allow_delegation: true, requires: ['lint'] })).toBe('provider:alpha');
    expect(short({ allow_delegation: true }, { agents: [agent('claude', { status: 'offline' })] })).toBe(
      'wait:no_free_agent',
    );
    expect(short({ allow_delegation: true, agent: 'nobody' })).toBe('wait:no_eligible_agent');
    expect(short({ allow_delegation: true, mode: 'session' })).toBe('wait:no_eligible_agent');
    expect(short({}, { agents: [] })).toBe('wait:no_eligible_agent');
    expect(short({ complexity_hint: 'simple' }, { agents: [] })).toBe('wait:no_eligible_agent');
  });

  it('shows the complexity hint', () => {
    expect(rulesOf({ complexity_hint: 'simple' })).toContain('complexity_hint');
  });
});

describe('agents without a terminal', () => {
  const headless = (program: string, more: Partial<FleetAgent> = {}) =>
    agent(program, { kind: 'headless', takes_model: true, max: 2, ...more });
  const session = (id: string, more: Partial<FleetAgent> = {}) =>
    agent(id, { kind: 'session', program: 'claude', takes_model: true, ...more });

  it('take what any agent may, and what asks for their mode', () => {
    const agents = [headless('claude')];
    expect(route({}, { agents })).toMatchObject({ to: 'agent', agent: 'claude', kind: 'headless', model: 'sonnet' });
    expect(short({ mode: 'headless' }, { agents })).toBe('agent:claude');
    expect(short({ mode: 'session' }, { agents })).toBe('wait:no_eligible_agent');
  });

  it('leave a task without a mode to the sessions of their program, busy or not', () => {
    const agents = [headless('claude'), session('one', { load: 1, status: 'busy' })];
    expect(short({}, { agents })).toBe('wait:no_free_agent');
    expect(short({ agent: 'claude' }, { agents })).toBe('wait:no_free_agent');
    expect(short({ mode: 'headless' }, { agents })).toBe('agent:claude');
    expect(short({}, { agents: [headless('codex'), ...agents] })).toBe('agent:codex');
  });

  it('take what no session of their program could: of another project, or with what none keeps', () => {
    const agents = [headless('claude'), session('other', { project: SITE, keeps: [] })];
    expect(short({}, { agents })).toBe('agent:claude');
    const own = [headless('claude'), session('own', { project: SHOP, keeps: [] })];
    expect(short({ budget_usd: 1 }, { agents: own })).toBe('agent:claude');
    expect(short({}, { agents: own })).toBe('agent:own');
  });

  it('are there for a task that names them, whatever is configured', () => {
    const agents = [agent('worker'), headless('codex', { when_named: true })];
    expect(short({}, { agents })).toBe('agent:worker');
    expect(short({ agent: 'codex' }, { agents })).toBe('agent:codex');
    expect(short({ preferred_ai: 'codex' }, { agents, providers: [] })).toBe('agent:codex');
    expect(short({ mode: 'headless' }, { agents })).toBe('agent:worker');
    expect(route({ agent: 'nobody' }, { agents })).toMatchObject({
      detail: expect.stringContaining('(known: worker;'),
    });
  });

  it('that only a preference names give way where they can’t be started; a task that must have one waits', () => {
    const gone = { status: 'offline' as const, detail: 'codex is not on the PATH', missing: true as const };
    const missing = { ...gone, when_named: true as const };
    const agents = [agent('worker'), headless('codex', missing)];
    expect(short({ preferred_ai: 'codex' }, { agents, providers: [] })).toBe('agent:worker');
    expect(route({ agent: 'codex' }, { agents })).toMatchObject({
      to: 'wait',
      reason: 'no_eligible_agent', // a person must act
      detail: 'codex is offline (codex is not on the PATH)',
    });
    expect(short({ preferred_ai: 'codex' }, { agents: [headless('codex', gone)], providers: [] })).toBe(
      'wait:no_eligible_agent',
    );
    expect(short({}, { agents: [headless('codex', gone), agent('worker', { load: 1 })] })).toBe('wait:no_free_agent');
    expect(short({ allow_delegation: true }, { agents: [headless('codex', gone)] })).toBe('wait:no_eligible_agent');
  });

  it('run at most so many at once: each of its own, and all of them together', () => {
    const agents = [headless('claude', { load: 2, status: 'busy' })];
    expect(short({}, { agents })).toBe('wait:no_free_agent');
    const full = { running: 2, max: 2 };
    expect(route({}, { agents: [headless('claude')], headless: full })).toMatchObject({
      reason: 'no_free_agent',
      detail: expect.stringContaining('headless.max_running'),
    });
  });
});

describe('sessions', () => {
  const session = (id: string, more: Partial<FleetAgent> = {}) =>
    agent(id, { kind: 'session', program: 'claude', takes_model: true, ...more });
  const cooling = { status: 'offline' as const, detail: 'it rests: claude was not found' };

  it('are taken by rank: those that are there before those that would have to be made', () => {
    const agents = [session('a', { rank: 2_000 }), session('b', { rank: 1 }), session('c', { rank: 2 })];
    expect(short({}, { agents })).toBe('agent:b');
    expect(short({ priority: 'critical' }, { agents })).toBe('agent:b');
    expect(short({}, { agents: [agent('command'), session('z', { rank: 9_999 })] })).toBe('agent:z');
    expect(short({}, { agents: [session('b', { rank: 1, load: 1 }), session('c', { rank: 2 })] })).toBe('agent:c');
  });

  it('go by the name of their agent and by their own, and take only the tasks of their project', () => {
    const agents = [session('shop-main', { project: SHOP }), session('site-main', { project: SITE }), agent('worker')];
    expect(short({ agent: 'claude' }, { agents })).toBe('agent:shop-main');
    expect(short({ agent: 'shop-main' }, { agents })).toBe('agent:shop-main');
    expect(short({ agent: 'site-main' }, { agents })).toBe('wait:no_eligible_agent');
    expect(short({ mode: 'session' }, { agents })).toBe('agent:shop-main');
    expect(short({ mode: 'session' }, { agents: [agent('worker')] })).toBe('wait:no_eligible_agent');
  });

  it('that are all away until a time make the task wait until the first of them is back', () => {
    const away = [session('a', { ...cooling, until: NOW + 9 }), session('b', { ...cooling, until: NOW + 5 })];
    expect(route({}, { agents: away })).toMatchObject({
      reason: 'no_free_agent',
      until: NOW + 5,
      detail: `a is offline (it rests: claude was not found), b is offline (it rests: claude was not found); until ${new Date(NOW + 5).toISOString()}`,
    });
    const one = (last: FleetAgent) => route({}, { agents: [...away, last] });
    expect(one(session('c', { load: 1, status: 'busy' }))).not.toHaveProperty('until'); // it may be free any moment
    expect(one(session('c', { status: 'offline', detail: 'foreign' }))).not.toHaveProperty('until');
  });

  it('of which many are away for one reason say it once', () => {
    const paused = { status: 'offline' as const, detail: 'every account of claude is paused' };
    const agents = ['a', 'b', 'c', 'd', 'e'].map((id) => session(id, paused));
    expect(route({}, { agents: [...agents, session('f', { load: 1, status: 'busy' })] })).toMatchObject({
      detail: 'a is offline (every account of claude is paused), like 4 others, f has 1 of 1 runs',
    });
  });
});

describe('a spec that contradicts itself is refused', () => {
  it('needs Claude Code and names another agent', () => {
    expect(route({ needs_claude_code: true, agent: 'worker' })).toMatchObject({
      to: 'refuse',
      reason: 'needs_claude_code: true and agent: worker exclude each other',
    });
    expect(short({ needs_claude_code: true, agent: 'claude' })).toBe('agent:claude');
    const agents = [agent('main', { program: 'claude' }), agent('other', { program: 'claude' })];
    expect(short({ needs_claude_code: true, agent: 'other' }, { agents })).toBe('agent:other');
  });

  it('names an agent of this machine and a provider', () => {
    expect(short({ agent: 'worker', preferred_ai: 'alpha' })).toBe('refuse');
    expect(short({ agent: 'worker', preferred_ai: 'alpha', allow_delegation: false })).toBe('agent:worker');
    expect(short({ agent: 'worker', preferred_ai: 'nobody' })).toBe('agent:worker');
  });
});

describe('which agent', () => {
  const lint = agent('lint-bot', { capabilities: ['lint', 'format'], max: 2 });

  it('needs all capabilities that the task requires', () => {
    const agents = [agent('claude'), lint];
    expect(short({ requires: ['lint'] }, { agents })).toBe('agent:lint-bot');
    expect(short({ requires: ['lint', 'format'] }, { agents })).toBe('agent:lint-bot');
    expect(route({ requires: ['lint', 'cook'] }, { agents })).toMatchObject({
      reason: 'no_eligible_agent',
      detail: 'claude lacks lint, cook, lint-bot lacks cook',
    });
  });

  it('is only the named one, and an unknown name lists the known ones', () => {
    expect(short({ agent: 'worker' })).toBe('agent:worker');
    expect(route({ agent: 'nobody' })).toMatchObject({
      to: 'wait',
      reason: 'no_eligible_agent',
      detail: 'no agent nobody is configured (known: claude, worker; yardmaster doctor says which programs are there)',
    });
    expect(route({ agent: 'codex' })).toMatchObject({
      detail: expect.stringMatching(/^no session of codex is configured.*known: claude, worker;.*yardmaster doctor/),
    });
    expect(short({ agent: 'worker' }, { agents: [agent('claude'), agent('worker', { load: 1 })] })).toBe(
      'wait:no_free_agent',
    );
    expect(short({ agent: 'claude', requires: ['lint'] }, { agents: [agent('claude'), lint] })).toBe(
      'wait:no_eligible_agent',
    );
  });

  it('is Claude where Claude Code is needed, and no other takes its place', () => {
    expect(short({ needs_claude_code: true }, { agents: [agent('worker')] })).toBe('wait:no_eligible_agent');
    const busy = [agent('claude', { load: 1, status: 'busy' }), agent('worker')];
    expect(short({ needs_claude_code: true }, { agents: busy })).toBe('wait:no_free_agent');
    expect(short({ preferred_ai: 'claude-code' }, { agents: busy })).toBe('wait:no_free_agent');
    expect(short({ preferred_ai: 'claude-code' }, { agents: [agent('worker')] })).toBe('agent:worker');
  });

  it("is the project's default, unless that one lacks what the task requires", () => {
    const projects = new Map([[SHOP, project({ agent: 'worker' })]]);
    expect(short({}, { projects })).toBe('agent:worker');
    expect(short({ agent: 'claude' }, { projects })).toBe('agent:claude');
    const agents = [agent('worker'), lint];
    expect(short({ requires: ['lint'] }, { projects, agents })).toBe('agent:lint-bot');
    expect(short({}, { projects, agents: [agent('claude')] })).toBe('wait:no_eligible_agent');
  });

  it('keeps dedicated agents for their project and excluded ones out', () => {
    const agents = [agent('claude', { project: SITE }), agent('worker')];
    expect(short({}, { agents })).toBe('agent:worker');
    expect(short({}, { agents }, { project: SITE })).toBe('agent:claude');
    expect(short({}, {}, { exclude: ['claude'] })).toBe('agent:worker');
  });

  it('follows the mode; a command takes both unless a session is asked for', () => {
    const session = agent('s1', { kind: 'session', program: 'claude' });
    const headless = agent('h1', { kind: 'headless', program: 'claude' });
    expect(short({ mode: 'session' }, { agents: [headless, session] })).toBe('agent:s1');
    expect(short({ mode: 'headless' }, { agents: [session, headless] })).toBe('agent:h1');
    expect(short({ mode: 'headless' })).toBe('agent:claude');
    expect(short({ mode: 'session' })).toBe('wait:no_eligible_agent');
  });

  it('is the least loaded for critical tasks, else the one with most room, ties by id', () => {
    const agents = [
      agent('big', { load: 2, max: 10, status: 'busy' }),
      agent('small', { load: 1, max: 2, status: 'busy' }),
      agent('tiny', { load: 1, max: 2, status: 'busy' }),
    ];
    expect(short({ priority: 'critical' }, { agents })).toBe('agent:small');
    expect(short({ priority: 'high' }, { agents })).toBe('agent:big');
    expect(short({}, { agents: [...agents, agent('endless', { load: 99, max: 0, status: 'busy' })] })).toBe(
      'agent:endless',
    );
    expect(short({}, { agents: [agent('b'), agent('a')] })).toBe('agent:a');
  });

  it('passes a model only to agents that take one', () => {
    const agents = [agent('claude', { takes_model: true })];
    expect(route({}, { agents })).toMatchObject({ model: 'sonnet' });
    expect(route({ priority: 'critical' }, { agents })).toMatchObject({ model: 'opus' });
    expect(route({ priority: 'high' }, { agents, models: { high: 'haiku' } })).toMatchObject({ model: 'haiku' });
    expect(route({ priority: 'critical', model: 'mine' }, { agents })).toMatchObject({ model: 'mine' });
    expect(route({ priority: 'low' }, { agents, models: {} })).not.toHaveProperty('model');
    expect(route({ model: 'mine' })).not.toHaveProperty('model');
    expect(route({}, { agents: [agent('s', { kind: 'session' })] })).toMatchObject({ model: 'sonnet' });
  });
});

describe('why it waits', () => {
  const at = (more: Parameters<typeof project>[0]) => ({ projects: new Map([[SHOP, project(more)]]) });
  const table: [string, TaskSpecInput, Partial<Fleet>, Partial<RouteAsk>][] = [
    ['paused', {}, { paused: true }, {}],
    ['paused', { preferred_ai: 'alpha' }, { paused: true }, {}],
    ['paused', {}, at({ paused: true }), {}],
    ['dependency', {}, {}, { waits_for: ['other'] }],
    ['not_before', {}, {}, { not_before: NOW + 1 }],
    ['not_before', { not_before: '2026-06-01T00:00:00Z' }, {}, {}],
    ['backoff', {}, {}, { not_before: NOW + 1, backoff: true }],
    ['project_limit', {}, at({ running: 2, max_running: 2 }), {}],
    ['project_limit', { preferred_ai: 'alpha' }, at({ running: 2, max_running: 2 }), {}],
    ['checkout_busy', {}, at({ checkout_busy: true }), {}],
    ['no_free_agent', {}, { agents: [agent('claude', { status: 'offline' })] }, {}],
    ['no_free_agent', {}, { headless: { running: 2, max: 2 } }, {}],
    ['no_free_agent', { preferred_ai: 'alpha' }, { providers: [provider('alpha', { status: 'offline' })] }, {}],
    ['no_free_agent', { preferred_ai: 'alpha' }, { providers: [provider('alpha', { load: 3, max: 3 })] }, {}],
    ['no_eligible_agent', { agent: 'nobody' }, { paused: true }, { waits_for: ['other'] }],
  ];
  test.each(table)('%s: %j on %j with %j', (reason, input, on, more) => {
    expect(short(input, on, more)).toBe(`wait:${reason}`);
  });

  it('does not wait where the reason does not hold', () => {
    expect(short({}, {}, { not_before: NOW })).toBe('agent:claude');
    expect(short({ workspace: 'worktree' }, at({ checkout_busy: true }))).toBe('agent:claude');
    expect(short({ preferred_ai: 'alpha' }, at({ checkout_busy: true }))).toBe('provider:alpha');
    expect(short({}, at({ running: 5 }))).toBe('agent:claude');
    expect(short({}, { headless: { running: 5, max: 0 } })).toBe('agent:claude');
    const session = [agent('s', { kind: 'session' })];
    expect(short({}, { agents: session, headless: { running: 2, max: 2 } })).toBe('agent:s');
  });

  it('tells the first reason, until when, and all others among its rules', () => {
    const on = {
      paused: true,
      ...at({ running: 1, max_running: 1, checkout_busy: true }),
      agents: [agent('a', { load: 1 })],
    };
    const told = route({}, on, { waits_for: ['x'], not_before: NOW + 5 });
    expect(told).toMatchObject({ to: 'wait', reason: 'paused' });
    const reasons = ['paused', 'dependency', 'not_before', 'project_limit', 'checkout_busy', 'no_free_agent'];
    expect(told.rules.map((said) => said.rule)).toEqual(['local', 'eligible', ...reasons]);
    expect(route({}, {}, { not_before: NOW + 5 })).toMatchObject({ until: NOW + 5 });
  });
});

describe('a wait for agents that are away', () => {
  const away = (id: string, until?: number, detail = 'all its accounts rest (work: weekly limit)') =>
    agent(id, { ...{ kind: 'session', program: 'claude', status: 'offline', detail }, ...(until && { until }) });

  it('says why, and until when the first of them is back', () => {
    const agents = [away('auto-2', NOW + 9_000), away('auto-1', NOW + 5_000)];
    expect(route({}, { agents })).toMatchObject({
      ...{ to: 'wait', reason: 'no_free_agent', until: NOW + 5_000 },
      detail: expect.stringMatching(/^auto-1 is offline \(all its accounts rest .*; until /),
    });
  });

  it('has no time where a person is waited for, or where one may be free at any moment', () => {
    expect(route({}, { agents: [away('auto-1')] })).not.toHaveProperty('until');
    const busy = agent('auto-3', { kind: 'session', program: 'claude', load: 1 });
    const waits = route({}, { agents: [away('auto-1', NOW + 5_000), busy] });
    expect(waits).not.toHaveProperty('until');
    expect(waits).toMatchObject({
      detail: 'auto-1 is offline (all its accounts rest (work: weekly limit)), auto-3 has 1 of 1 runs',
    });
  });
});
