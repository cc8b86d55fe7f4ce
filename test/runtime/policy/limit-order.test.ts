import { expect, test } from 'vitest';
import type { LimitWanted } from '../../../src/runtime/model/quota.ts';
import { limitOrder } from '../../../src/runtime/policy/limit-order.ts';

const NOW = Date.UTC(2026, 0, 1, 10);
const jobs = { of: 'agent', name: 'claude', what: 'daily_jobs', reason: 'release' };
const time = { ...jobs, what: 'max_job_duration' };
const cost = { ...jobs, what: 'daily_cost' };
const ceiling = { ...jobs, of: 'model', what: 'cost_ceiling_usd' };

const order = (wanted: object, configured?: string) =>
  limitOrder({ value: '1', ...wanted } as LimitWanted, { configured, counted: ['CRD'], now: NOW });

const taken: [what: string, wanted: object, is: object][] = [
  ['a number', { ...jobs, value: '60' }, { limit: 60 }],
  ['a number with marks', { ...jobs, value: ' 5_000_000 ' }, { limit: 5_000_000 }],
  ['no limit', { ...jobs, value: '0' }, { limit: 0 }],
  ['a duration', { ...time, value: '30m' }, { limit: 1_800_000 }],
  ['seconds', { ...time, value: '90' }, { limit: 90_000 }],
  ['money', { ...cost, value: '2.50', currency: 'USD' }, { limit: 2.5, currency: 'USD' }],
  ['money in what something is billed in', { ...cost, value: '2', currency: 'CRD' }, { limit: 2, currency: 'CRD' }],
  ['a ceiling', { ...ceiling, value: '50.01' }, { limit: 50.01 }],
  ['an end', { ...jobs, until: NOW + 1 }, { until: NOW + 1 }],
  ['a reason on several lines', { ...jobs, reason: 'one\n\u001b[31mtwo' }, { reason: 'one two' }],
];
test.each(taken)('%s is understood', (_, wanted, is) => {
  expect(order(wanted)).toMatchObject(is);
  expect(order(wanted)).not.toHaveProperty('refused');
});

test('a cost goes on in the currency that is limited already', () => {
  expect(order({ ...cost, value: '3' }, 'CAD')).toMatchObject({ limit: 3, currency: 'CAD' });
});

const refused: [what: string, wanted: object, says: string][] = [
  ['an unknown holder', { ...jobs, of: 'team' }, 'agent'],
  ['another holder’s limit', { ...jobs, of: 'model' }, 'hourly_requests'],
  ['an unknown limit', { ...jobs, what: 'constructor' }, 'concurrent_jobs'],
  ...['-5', 'NaN', 'Infinity', '1e3', '', '1.5', '0x10', '99999999999999999999'].map(
    (value): [string, object, string] => [`"${value}" jobs`, { ...jobs, value }, 'a whole number'],
  ),
  ...['5 minutes', '-1s', 'soon', '1h30'].map((value): [string, object, string] => [
    `a time of "${value}"`,
    { ...time, value },
    'a duration such as',
  ]),
  ...['-1', 'NaN', '1e9', '1.', '2,50', '$5'].map((value): [string, object, string] => [
    `"${value}" of money`,
    { ...cost, value, currency: 'USD' },
    'an amount',
  ]),
  ['money of no currency', cost, '--currency'],
  ['a currency in small letters', { ...cost, currency: 'eur' }, 'did you mean EUR'],
  ['a currency that nobody bills in', { ...cost, currency: 'UDS' }, 'such as USD'],
  ['a currency of jobs', { ...jobs, currency: 'USD' }, 'leave --currency out'],
  ['a ceiling in another currency', { ...ceiling, currency: 'CAD' }, 'leave --currency out'],
  ['no reason', { ...jobs, reason: ' \n ' }, '1 to 500'],
  ['a long reason', { ...jobs, reason: 'x'.repeat(501) }, '1 to 500'],
  ['no name', { ...jobs, name: '' }, 'on one line'],
  ['a name of two lines', { ...jobs, name: 'a\nb' }, 'on one line'],
  ['an end that is over', { ...jobs, until: NOW }, 'a later one'],
  ['an end that is none', { ...jobs, until: Number.NaN }, 'a later one'],
];
test.each(refused)('%s is refused', (_, wanted, says) => {
  expect(order(wanted)).toMatchObject({ refused: true, code: 'invalid', hint: expect.stringContaining(says) });
});
