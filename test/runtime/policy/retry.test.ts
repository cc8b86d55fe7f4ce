import { describe, expect, it } from 'vitest';
import { ErrorClass } from '../../../src/runtime/model/spec.ts';
import { afterFailure } from '../../../src/runtime/policy/retry.ts';

const now = 1_000_000;
const situation = {
  spent: 1,
  max_attempts: 3,
  now,
  fraction: 0.5,
  before: [],
  classes: {},
  backoff: 5_000,
  backoff_max: 600_000,
  rejected: 0,
  verify_retries: 1,
};

type Row = [
  ErrorClass,
  { spent?: number; before?: ErrorClass[]; rejected?: number; verify_retries?: number },
  'failed' | { after: number; spent: boolean },
];
const table: Row[] = [
  ['tool_failure', {}, { after: 5_000, spent: true }],
  ['tool_failure', { spent: 2, before: ['tool_failure'] }, 'failed'],
  ['tool_failure', { spent: 2, before: ['crash'] }, { after: 10_000, spent: true }],
  ['tool_failure', { spent: 3 }, 'failed'],
  ['context_overflow', {}, { after: 5_000, spent: true }],
  ['context_overflow', { spent: 2, before: ['context_overflow'] }, 'failed'],
  ['timeout', { spent: 2, before: ['timeout'] }, { after: 10_000, spent: true }],
  ['timeout', { spent: 3 }, 'failed'],
  ['crash', { spent: 2, before: ['crash'] }, { after: 10_000, spent: true }],
  ['crash', { spent: 3 }, 'failed'],
  ['rate_limit', { spent: 3 }, { after: 30_000, spent: false }],
  ['auth', { spent: 3 }, { after: 600_000, spent: false }],
  ['billing', { spent: 3 }, { after: 600_000, spent: false }],
  ['verify', { rejected: 0 }, { after: 0, spent: false }],
  ['verify', { rejected: 1 }, 'failed'],
  ['verify', { rejected: 1, verify_retries: 2, spent: 3 }, { after: 0, spent: false }],
  ['stopped', { spent: 3 }, { after: 0, spent: false }],
  ['logic_error', {}, 'failed'],
  ['budget', {}, 'failed'],
  ['permission', {}, 'failed'],
  ['invalid', {}, 'failed'],
  ['dependency', {}, 'failed'],
  ['upstream', {}, 'failed'],
  ['unconfirmed', {}, 'failed'],
];

describe('after a failure', () => {
  it.each(table)('of class %s in %j: %j', (errorClass, given, expected) => {
    const end = afterFailure({ class: errorClass, reason: 'why' }, { ...situation, ...given });
    expect(end).toEqual(
      expected === 'failed'
        ? { kind: 'finished', outcome: { state: 'failed', error_class: errorClass, reason: 'why' } }
        : {
            kind: 'requeue',
            class: errorClass,
            reason: 'why',
            not_before: now + expected.after,
            spent: expected.spent,
          },
    );
  });

  it('every class has its rows', () => {
    expect(new Set(table.map(([errorClass]) => errorClass))).toEqual(new Set(ErrorClass.options));
  });

  it('that another try can not mend, there is none', () => {
    const end = afterFailure({ class: 'crash', reason: 'why', final: true, exit_code: 127 }, situation);
    expect(end).toMatchObject({ kind: 'finished', outcome: { exit_code: 127 } });
    expect(end).not.toHaveProperty('outcome.final');
  });

  it.each(['rate_limit', 'auth', 'billing'] as const)(
    'of an account (%s) that a gate holds, nothing else is waited for',
    (errorClass) => {
      const failure = { class: errorClass, reason: 'why', reset_at: now + 99_000 };
      const end = afterFailure(failure, { ...situation, spent: 3, gated: true });
      expect(end).toEqual({ kind: 'requeue', class: errorClass, reason: 'why', not_before: now, spent: false });
    },
  );

  it('that no account is the reason of, a gate changes nothing', () => {
    for (const [errorClass, given] of table.filter(([one]) => !['rate_limit', 'auth', 'billing'].includes(one))) {
      const failure = { class: errorClass, reason: 'why' };
      const gated = afterFailure(failure, { ...situation, ...given, gated: true });
      expect(gated).toEqual(afterFailure(failure, { ...situation, ...given }));
    }
  });

  it('by a limit that says when it ends, it is tried then', () => {
    const limited = { class: 'rate_limit', reason: 'why' } as const;
    expect(afterFailure({ ...limited, reset_at: now + 99 }, situation)).toMatchObject({ not_before: now + 99 });
    expect(afterFailure({ ...limited, reset_at: 5 }, situation)).toMatchObject({ not_before: now });
  });
});

describe('the backoff', () => {
  const waits = (spent: number, fraction: number) => {
    const end = afterFailure({ class: 'crash', reason: '' }, { ...situation, spent, fraction, max_attempts: 99 });
    return end.kind === 'requeue' ? end.not_before - now : undefined;
  };

  it('doubles up to its bound', () => {
    expect([1, 2, 3, 4, 8, 20].map((spent) => waits(spent, 0.5))).toEqual([
      5_000, 10_000, 20_000, 40_000, 600_000, 600_000,
    ]);
  });

  it('is a quarter shorter to a quarter longer by chance', () => {
    expect([waits(1, 0), waits(1, 0.999)]).toEqual([3_750, 6_248]);
  });
});
