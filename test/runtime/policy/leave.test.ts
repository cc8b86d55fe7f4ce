import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fleet } from '../../../src/runtime/model/fleet.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import type { RouteAsk } from '../../../src/runtime/policy/ask.ts';
import { decide } from '../../../src/runtime/policy/decide.ts';
import { leave } from '../../../src/runtime/policy/leave.ts';
import { fleet, NOW, project, provider, SHOP, spec } from './fixtures.ts';

function asked(
  keys: TaskSpecInput,
  name = 'auto',
  on: Partial<Fleet> = {},
  more: Partial<RouteAsk> = {},
): ReturnType<typeof leave> {
  return leave({ spec: spec(keys), project: SHOP, ...more }, name, fleet(on), NOW);
}

/** A refusal in one line. */
function why(...given: Parameters<typeof asked>): string {
  const answer = asked(...given);
  return isRefusal(answer) ? `${answer.code}: ${answer.message}` : `goes to ${answer.provider}`;
}

describe('what may leave', () => {
  it('goes to the provider that is named, with the AI that is meant, though the task names nobody', () => {
    expect(asked({}, 'beta')).toMatchObject({ to: 'provider', provider: 'beta' });
    expect(asked({}, 'gpu')).toMatchObject({ to: 'provider', provider: 'alpha', ai: 'gpu' });
    expect(asked({ preferred_ai: 'gemini', requires: ['lint'] }, 'beta')).toMatchObject({ provider: 'beta' });
    expect(asked({}, 'beta')).toMatchObject({ rules: [{ rule: 'delegate', says: 'delegate asked for beta' }, {}, {}] });
    expect(asked({}, 'auto', { default_provider: 'beta' })).toMatchObject({ provider: 'beta' });
  });

  it('goes whatever local agents do: a busy checkout is no business of a provider', () => {
    const busy = new Map([[SHOP, project({ checkout_busy: true })]]);
    expect(why({}, 'alpha', { agents: [], projects: busy })).toBe('goes to alpha');
  });
});

describe('what stays', () => {
  it.each<[TaskSpecInput, RegExp]>([
    [{ needs_claude_code: true }, /^not_allowed: needs_claude_code: /],
    [{ needs_claude_code: true, preferred_ai: 'alpha' }, /^not_allowed: needs_claude_code: /],
    [{ allow_delegation: false }, /^not_allowed: allow_delegation: false/],
    [{ preferred_ai: 'claude-code' }, /^not_allowed: preferred_ai: claude-code runs on this machine/],
    [{ agent: 'worker' }, /^not_allowed: agent: worker runs on this machine/],
    [{ mode: 'session' }, /^not_allowed: mode: session runs on this machine/],
    [{ budget_usd: 2 }, /^not_allowed: .*can't keep budget_usd/],
    [{ continues: 'other' as never }, /^not_allowed: .*can't keep continues/],
    [{ workspace: 'worktree' }, /^not_allowed: .*can't keep workspace: worktree/],
    [{ verify: 'test' }, /^not_allowed: .*can't keep verify/],
  ])('%j', (keys, says) => {
    expect(why(keys)).toMatch(says);
  });

  it('is told how verify makes sense', () => {
    expect(asked({ verify: 'test' })).toMatchObject({ hint: expect.stringContaining('apply: worktree') });
    expect(why({ verify: 'test', apply: 'worktree', result_schema: {} }, 'alpha')).toBe('goes to alpha');
  });

  it('where no provider is meant', () => {
    expect(why({}, 'auto', { providers: [] })).toBe('not_configured: no provider is configured');
    expect(asked({}, 'moon')).toMatchObject({ code: 'not_configured', hint: 'configured: alpha, beta' });
  });
});

describe('what could go at another time', () => {
  const until = NOW + 60_000;
  const away = (more: Parameters<typeof provider>[1]) => ({ providers: [provider('alpha', more)] });

  it('says until when its provider is away, full, or the task held', () => {
    const offline = away({ status: 'offline', detail: '5 failures in a row', until });
    expect(why({}, 'auto', offline)).toBe(
      'not_possible: not now: provider alpha is offline (5 failures in a row), until 2026-01-01T00:01:00.000Z',
    );
    expect(why({}, 'auto', away({ load: 2, max: 2 }))).toMatch(/^not_possible: .* 2 of 2 jobs/);
    expect(why({}, 'auto', { paused: true })).toMatch(/^not_possible: .*everything is paused/);
    expect(why({}, 'auto', {}, { waits_for: ['build'] })).toMatch(/^not_possible: .*not done yet: build/);
    expect(why({}, 'auto', {}, { not_before: until })).toMatch(/^not_possible: not now: not before [^,]*$/);
    const full = new Map([[SHOP, project({ running: 1, max_running: 1 })]]);
    expect(why({}, 'auto', { projects: full })).toMatch(/^not_possible: .*1 of 1 run already/);
  });
});

it('is what decide says of a task that prefers that provider, whatever its keys', () => {
  const some = <T>(...values: T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
  const keys = fc.record({
    needs_claude_code: some(true, false),
    allow_delegation: some(true, false),
    agent: some('claude', 'worker'),
    mode: some('session' as const, 'headless' as const),
    verify: some('test'),
    apply: some('worktree' as const),
    max_turns: some(3),
  });
  const places = fc.record({
    status: fc.constantFrom('available' as const, 'offline' as const),
    load: fc.nat(2),
    max: fc.nat(2),
  });
  fc.assert(
    fc.property(keys, places, fc.constantFrom('alpha', 'gpu', 'auto'), (given, place, name) => {
      const wanted = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const on = fleet({ providers: [provider('alpha', { ai: ['gpu'], ...place })] });
      const route = decide({ spec: spec({ ...wanted, preferred_ai: name }), project: SHOP }, on, NOW);
      const answer = leave({ spec: spec(wanted), project: SHOP }, name, on, NOW);
      expect(isRefusal(answer)).toBe(route.to !== 'provider');
      if (!isRefusal(answer)) expect(answer.rules.slice(1)).toEqual(route.rules);
    }),
    { numRuns: 1_000 },
  );
});
