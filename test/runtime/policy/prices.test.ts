import { expect, test } from 'vitest';
import { Prices } from '../../../src/runtime/model/provider.ts';
import { costOf } from '../../../src/runtime/policy/prices.ts';

const prices = Prices.parse({
  currency: 'EUR',
  models: { small: { input: 0.1, output: 0.2 }, big: { input: 3, output: 15, cached_input: 0.3 } },
});
const usage = (input: number, output: number, read = 0, write = 0) => ({
  ...{ input_tokens: input, output_tokens: output, cache_read_tokens: read, cache_write_tokens: write },
});

test('prices are for a million tokens, each kind at its own', () => {
  expect(costOf(prices, 'big', usage(1_000_000, 100_000, 2_000_000))).toEqual({ amount: 5.1, currency: 'EUR' });
  expect(costOf(prices, 'small', usage(1, 1))).toEqual({ amount: 3e-7, currency: 'EUR' }); // no 0.30000000000000004
});

test('what is read from a cache costs as input where the table has no price for it, and so does what is written', () => {
  expect(costOf(prices, 'small', usage(0, 0, 1_000_000))?.amount).toBe(0.1);
  expect(costOf(prices, 'big', usage(0, 0, 0, 1_000_000))?.amount).toBe(3);
});

test('unknown stays unknown: another model, no model, no table, counts that are none', () => {
  expect(costOf(prices, 'big-2026', usage(1, 1))).toBeUndefined();
  expect(costOf(prices, undefined, usage(1, 1))).toBeUndefined();
  expect(costOf(undefined, 'big', usage(1, 1))).toBeUndefined();
  expect(costOf(prices, 'constructor', usage(1, 1))).toBeUndefined();
  expect(costOf(prices, 'big', usage(Number.NaN, 1))).toBeUndefined();
  expect(costOf(prices, 'big', usage(-1, 1))).toBeUndefined();
});

test('nothing used costs nothing, where the price is known', () => {
  expect(costOf(prices, 'big', usage(0, 0))).toEqual({ amount: 0, currency: 'EUR' });
});
