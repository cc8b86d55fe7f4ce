import { describe, expect, it, test } from 'vitest';
import type { ModelTokens } from '../../../src/runtime/model/usage.ts';
import { keptByPrices } from '../../../src/runtime/policy/abilities.ts';
import { type Bill, billOf, budgetPassed, withSubagents } from '../../../src/runtime/policy/budget.ts';

const prices = { currency: 'USD', models: { big: { input: 10, output: 50, cached_input: 1, cache_write: 12.5 } } };
const tokens = (input: number, output = 0, read = 0, written = 0) => ({
  ...{ input_tokens: input, output_tokens: output, cache_read_tokens: read, cache_write_tokens: written },
});
const of = (model: string | undefined, ...counts: [number, number?, number?, number?]): ModelTokens => ({
  ...(model !== undefined && { model }),
  tokens: tokens(...counts),
});

describe('a bill', () => {
  const table: [string, Parameters<typeof billOf>, Bill][] = [
    ['is nothing where nothing was taken', [undefined, [], undefined], { usd: 0 }],
    ['prices each kind of token', [undefined, [of('big', 1e6, 1e6, 1e6, 1e6)], prices], { usd: 73.5 }],
    ['adds what is priced to what was told', [0.5, [of('big', 1e5)], prices], { usd: 1.5 }],
    ['is what was told where a part has no price yet', [0.5, [of('other', 1e5)], prices], { usd: 0.5 }],
    [
      'is not known with a model without a price',
      [undefined, [of('big', 1), of('other', 1)], prices],
      { unpriced: 'other' },
    ],
    ['does not mind a model that took nothing', [undefined, [of('other', 0)], prices], { usd: 0 }],
    ['is not known without prices', [undefined, [of('big', 1)], undefined], { unpriced: 'big' }],
    [
      'is not known in another currency',
      [undefined, [of('big', 1)], { ...prices, currency: 'EUR' }],
      { unpriced: 'big' },
    ],
    [
      'is not known of a model that nobody names',
      [undefined, [of(undefined, 1)], prices],
      { unpriced: 'a model that it does not name' },
    ],
  ];
  test.each(table)('%s', (_, given, expected) => {
    expect(billOf(...given)).toEqual(expected);
  });
});

describe('a budget', () => {
  const why = (bill: Bill, tells = false) => budgetPassed(0.05, bill, { tells, key: 'agents.codex.prices' });

  it('is passed by more than it, with the figures', () => {
    expect(why({ usd: 0.05 })).toBeUndefined();
    expect(why({ usd: 0.0523 })).toBe('it has cost 0.0523 USD so far, more than its budget_usd of 0.05');
  });

  it('can not be kept where the cost is not known, unless the program keeps it itself', () => {
    expect(why({ unpriced: 'gpt-9' })).toContain('agents.codex.prices names no price of gpt-9');
    expect(why({ unpriced: 'gpt-9' }, true)).toBeUndefined();
  });

  it('is kept by prices in its currency alone', () => {
    expect(keptByPrices({ prices })).toEqual(['budget_usd']);
    expect(keptByPrices({ prices: { ...prices, currency: 'EUR' } })).toEqual([]);
    expect(keptByPrices({ prices: { ...prices, models: {} } })).toEqual([]);
    expect(keptByPrices({})).toEqual([]);
  });
});

test('what subagents took counts too', () => {
  const alone = { usage: tokens(10, 1), spent: [of('big', 10, 1)] };
  expect(withSubagents(alone, [of('small', 5, 2)])).toEqual({
    usage: tokens(15, 3),
    spent: [of('big', 10, 1), of('small', 5, 2)],
  });
});
