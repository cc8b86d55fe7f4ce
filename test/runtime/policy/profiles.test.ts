import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProfilePause } from '../../../src/runtime/model/profile.ts';
import { ErrorClass } from '../../../src/runtime/model/spec.ts';
import {
  type Account,
  type AccountFailure,
  changesRest,
  chooseAccount,
  restAfter,
  restOf,
} from '../../../src/runtime/policy/profiles.ts';

const NOW = Date.UTC(2026, 10, 21, 9);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const limit = (until?: number): ProfilePause => ({
  ...{ at: NOW - MINUTE, why: 'limit', reason: 'weekly limit' },
  ...(until !== undefined && { until }),
});

function account(name: string, { paused, chosen = false }: { paused?: ProfilePause; chosen?: boolean } = {}): Account {
  return { name, record: { agent: 'claude', name, chosen, ...(paused && { paused }) } };
}

const used = (accounts: readonly Account[], prefer?: string) => {
  const choice = chooseAccount(accounts, NOW, prefer);
  return choice.kind === 'use' ? choice.account.name : choice;
};

describe('the account of an attempt', () => {
  it('is the first as configured', () => {
    expect(used([{ name: 'work' }, { name: 'spare' }])).toBe('work');
  });

  it('is the chosen one before that, and that of the conversation before both', () => {
    const accounts = [account('work'), account('spare', { chosen: true }), account('third')];
    expect(used(accounts)).toBe('spare');
    expect(used(accounts, 'third')).toBe('third');
    expect(used(accounts, 'gone')).toBe('spare');
  });

  it('is not one that rests, and is again when its time has come', () => {
    const resting = account('work', { paused: limit(NOW + 1), chosen: true });
    expect(used([resting, account('spare')], 'work')).toBe('spare');
    expect(used([account('work', { paused: limit(NOW) }), account('spare')])).toBe('work');
  });

  it('is waited for where all rest: until the earliest, or without a time for a person', () => {
    const first = account('work', { paused: limit(NOW + 9) });
    const login: ProfilePause = { at: NOW, why: 'login', reason: 'logged out' };
    const other = account('spare', { paused: login });
    expect(used([first, other])).toEqual({
      kind: 'wait',
      until: NOW + 9,
      reason: 'all its accounts rest (work: weekly limit; spare: logged out)',
    });
    expect(used([other])).toEqual({ kind: 'wait', reason: 'its account rests (spare: logged out)' });
  });
});

describe('the rest after a failure', () => {
  const rest = (failure: Partial<AccountFailure>, last?: ProfilePause) =>
    restAfter({ class: 'rate_limit', reason: 'why', ...failure }, last, NOW);

  it('lasts until the reset that is known', () => {
    expect(rest({ account: 'limit', reset_at: NOW + DAY })).toEqual({
      ...{ at: NOW, why: 'limit', reason: 'why', until: NOW + DAY },
    });
  });

  it('believes no reset in the past or in months', () => {
    expect(rest({ account: 'limit', reset_at: NOW - DAY })).toMatchObject({ until: NOW + 5 * MINUTE, guessed: true });
    expect(rest({ account: 'limit', reset_at: NOW + 90 * DAY })).toMatchObject({ until: NOW + 8 * DAY, guessed: true });
    expect(rest({ account: 'limit', reset_at: Number.NaN })).toMatchObject({ until: NOW + 5 * MINUTE });
  });

  it('that was told to the minute, and is only just over, is tried again a minute later', () => {
    const after = (ms: number) => rest({ account: 'limit', reset_at: NOW - ms })?.until;
    expect([0, MINUTE, MINUTE + 1].map(after)).toEqual([NOW + MINUTE, NOW + MINUTE, NOW + 5 * MINUTE]);
  });

  it.each([
    ['login', { class: 'auth' }],
    ['login', { class: 'rate_limit', account: 'login' }],
    ['billing', { class: 'billing' }],
  ] as const)('for %s has no end of its own: %j', (why, failure) => {
    expect(rest({ ...failure, reset_at: NOW + 5 })).toEqual({ at: NOW, why, reason: 'why' });
  });

  it('is short where a service only turned a request away', () => {
    expect(rest({})).toEqual({ at: NOW, why: 'busy', reason: 'why', until: NOW + MINUTE / 2, guessed: true });
  });

  it('of an unknown length doubles when the account fails again after it, up to an hour', () => {
    const lengths: number[] = [];
    let last: ProfilePause | undefined;
    let now = NOW;
    for (let n = 0; n < 6; n++) {
      last = restAfter({ class: 'rate_limit', account: 'limit', reason: 'why' }, last, now);
      lengths.push(((last?.until ?? 0) - now) / MINUTE);
      now = (last?.until ?? 0) + MINUTE;
    }
    expect(lengths).toEqual([5, 10, 20, 40, 60, 60]);
    const later = restAfter({ class: 'rate_limit', account: 'limit', reason: 'why' }, last, now + DAY);
    expect(later?.until).toBe(now + DAY + 5 * MINUTE);
  });

  it('does not grow out of a known limit, nor of another kind', () => {
    expect(rest({ account: 'limit' }, { ...limit(NOW - 1), at: NOW - DAY })).toMatchObject({ until: NOW + 5 * MINUTE });
    const busy: ProfilePause = { at: NOW - 2, why: 'busy', reason: '', until: NOW - 1, guessed: true };
    expect(rest({ account: 'limit' }, busy)).toMatchObject({ until: NOW + 5 * MINUTE });
  });

  it('is none where the account is not the reason', () => {
    for (const error_class of ErrorClass.options.filter((one) => !['rate_limit', 'auth', 'billing'].includes(one)))
      expect(rest({ class: error_class })).toBeUndefined();
  });
});

describe('one limit that several sessions meet', () => {
  const guessed: ProfilePause = { ...limit(NOW + 5 * MINUTE), guessed: true };
  const login: ProfilePause = { at: NOW, why: 'login', reason: '' };

  it.each<[string, ProfilePause, ProfilePause, boolean]>([
    ['the same again', limit(NOW + DAY), limit(NOW + DAY), false],
    ['told to the minute', limit(NOW + DAY), limit(NOW + DAY + 30_000), false],
    ['a longer one', limit(NOW + DAY), limit(NOW + 2 * DAY), true],
    ['a shorter one', limit(NOW + DAY), limit(NOW + MINUTE), false],
    ['another guess', guessed, { ...guessed, until: NOW + 9 * MINUTE }, false],
    ['a known end instead of a guess', guessed, limit(NOW + 3 * MINUTE), true],
    ['a login instead of a limit', limit(NOW + DAY), login, true],
    ['a limit instead of a login', login, limit(NOW + DAY), false],
  ])('%s', (_, current, next, changes) => {
    expect(changesRest(current, next)).toBe(changes);
  });
});

describe('whatever happens', () => {
  const when = fc.integer({ min: -2 * DAY, max: 20 * DAY }).map((ms) => NOW + ms);
  const pause = fc
    .record({
      at: when,
      why: fc.constantFrom('limit' as const, 'busy' as const, 'login' as const, 'billing' as const, 'person' as const),
      until: fc.option(when, { nil: undefined }),
      guessed: fc.boolean(),
    })
    .map(({ until, ...rest }): ProfilePause => ({ ...rest, reason: '', ...(until !== undefined && { until }) }));
  const accounts = fc.uniqueArray(
    fc
      .tuple(fc.constantFrom('a', 'b', 'c'), fc.option(pause, { nil: undefined }), fc.boolean())
      .map(([name, paused, chosen]) => account(name, { chosen, ...(paused && { paused }) })),
    { minLength: 1, selector: ({ name }) => name },
  );

  it('a resting account is never used, and none waits while one is ready', () => {
    fc.assert(
      fc.property(accounts, fc.constantFrom('a', 'b', 'c', undefined), (all, prefer) => {
        const choice = chooseAccount(all, NOW, prefer);
        const ready = all.filter(({ record }) => !restOf(record, NOW));
        if (choice.kind === 'use') {
          expect(ready).toContain(choice.account);
          if (ready.some(({ name }) => name === prefer)) expect(choice.account.name).toBe(prefer);
        } else expect(ready).toEqual([]);
      }),
    );
  });

  it('who waited until the time that was named finds an account, and not before', () => {
    fc.assert(
      fc.property(accounts, (all) => {
        const choice = chooseAccount(all, NOW);
        if (choice.kind === 'use' || choice.until === undefined) return;
        expect(choice.until).toBeGreaterThan(NOW);
        expect(chooseAccount(all, choice.until).kind).toBe('use');
        expect(chooseAccount(all, choice.until - 1).kind).toBe('wait');
      }),
    );
  });

  it('a rest ends in the future, and within days', () => {
    const failure = fc.record(
      {
        class: fc.constantFrom(...ErrorClass.options),
        reason: fc.constant('why'),
        account: fc.constantFrom('limit' as const, 'login' as const, 'billing' as const),
        reset_at: fc.oneof(when, fc.constantFrom(0, -1, Number.NaN, Number.POSITIVE_INFINITY)),
      },
      { requiredKeys: ['class', 'reason'] },
    );
    fc.assert(
      fc.property(failure, fc.option(pause, { nil: undefined }), (failed, last) => {
        const next = restAfter(failed, last, NOW);
        if (next?.until === undefined) return;
        expect(next.until).toBeGreaterThan(NOW);
        expect(next.until).toBeLessThanOrEqual(NOW + 8 * DAY);
      }),
    );
  });
});
