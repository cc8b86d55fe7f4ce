import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { dayOf, requestsOf, spentBy, writeBooks } from '../../../src/runtime/model/books.ts';
import { keyOf } from '../../../src/runtime/model/ids.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import type { OutcomeInput } from '../../../src/runtime/model/task.ts';
import { State } from '../../../src/runtime/store/state.ts';
import { FAR, SHOP, Told } from '../../fakes/allowance-state.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 5, 1, 12);

/** One attempt, begun and over, and what it left in the books. */
function after(end: (told: Told) => void, route: RunRoute = FAR) {
  const told = new Told(NOON);
  told.queue('a');
  told.claim('a', route);
  end(told);
  return { ...spent(told), requests: requestsOf(told.state.books, 'big', told.at) };
}

function spent(told: Told, at = told.at) {
  return spentBy(told.state.books, 'agent', 'far', at);
}

const failed = (more: object = {}): OutcomeInput => ({ state: 'failed', error_class: 'crash', reason: 'x', ...more });
const done = (more: object = {}): OutcomeInput => ({ state: 'done', result: 'x', ...more });
const used = { tokens: 101, cost: { amount: 0.3, currency: 'EUR' } };
const usage = { input_tokens: 1, output_tokens: 2, cache_read_tokens: 3, cache_write_tokens: 4 };

describe('what an attempt leaves in the books', () => {
  const table: [string, (told: Told) => void, number, number, object][] = [
    ['nothing yet', () => undefined, 1, 0, {}],
    ['done: all tokens', (t) => t.end('a', done({ tokens: 100, cost_cad: 0.5 })), 1, 100, { CAD: 0.5 }],
    ['done: kinds of tokens', (t) => t.end('a', done({ usage, cost_usd: 2 })), 1, 10, { USD: 2 }],
    ['done: another currency', (t) => t.end('a', done({ cost: used.cost })), 1, 0, { EUR: 0.3 }],
    ['failed: half, rounded up; all the money', (t) => t.end('a', failed({ used })), 1, 51, { EUR: 0.3 }],
    ['failed: one sum is one sum', (t) => t.end('a', failed({ cost_usd: 1, used: usd(1) })), 1, 0, { USD: 1 }],
    ['tried again: half', (t) => t.requeue('a', { used }), 1, 51, { EUR: 0.3 }],
    ['cancelled: no tokens; the money', (t) => t.end('a', cancelled({ used })), 1, 0, { EUR: 0.3 }],
    ['cancelled before it began', (t) => t.end('a', cancelled({ never_began: true })), 0, 0, {}],
    ['never began', (t) => t.void('a'), 0, 0, {}],
    ['turned away by its service', (t) => t.requeue('a', { error_class: 'rate_limit', spent: false }), 0, 0, {}],
    ['refused by its check', (t) => t.requeue('a', { error_class: 'verify', spent: false, used }), 1, 51, { EUR: 0.3 }],
    ['stopped by a person', (t) => t.requeue('a', { error_class: 'stopped', spent: false }), 1, 0, {}],
    ['nonsense', (t) => t.end('a', done({ tokens: -5, cost_usd: -1 })), 1, 0, {}],
  ];
  test.each(table)('%s', (_, end, jobs, tokens, money) => {
    expect(after(end)).toEqual({ jobs, tokens, money, requests: jobs });
  });

  it('goes on the account of a session and of its program, of the model and of the project', () => {
    const told = new Told(NOON);
    told.queue('a');
    const route: RunRoute = {
      to: 'agent',
      agent: 'auto-1',
      kind: 'session',
      program: 'claude',
      model: 'opus',
      rules: [],
    };
    told.claim('a', route);
    told.end('a', done({ tokens: 7, model: 'claude-opus-4-5' }));
    const { books } = told.state;
    const all = [
      spentBy(books, 'agent', 'auto-1', NOON),
      spentBy(books, 'agent', 'claude', NOON),
      spentBy(books, 'model', 'opus', NOON),
      spentBy(books, 'project', SHOP, NOON),
    ];
    expect(all).toEqual(all.map(() => ({ jobs: 1, tokens: 7, money: {} })));
    expect(spentBy(books, 'model', 'claude-opus-4-5', NOON).tokens).toBe(0);
  });

  it('goes on the model that was answered where none was asked for', () => {
    const told = new Told(NOON);
    told.queue('a');
    told.claim('a', { to: 'provider', provider: 'far', rules: [] });
    told.end('a', done({ tokens: 7, model: 'gpt' }));
    expect(spentBy(told.state.books, 'model', 'gpt', NOON)).toEqual({ jobs: 0, tokens: 7, money: {} });
  });

  it('is nothing for a task that never ran', () => {
    const told = new Told(NOON);
    told.queue('a');
    told.end('a', cancelled({ used }));
    expect(spent(told)).toEqual({ jobs: 0, tokens: 0, money: {} });
  });

  it('adds ten tenths up to one', () => {
    const told = new Told(NOON);
    for (let n = 0; n < 10; n++) {
      told.queue(`t${n}`);
      told.claim(`t${n}`);
      told.end(`t${n}`, done({ cost_usd: 0.1 }));
    }
    expect(spent(told).money).toEqual({ USD: 1 });
  });
});

test.each([
  [0, 0, 0],
  [1, 1, 1],
  [2, 2, 1],
  [3, 3, 2],
  [1_000_001, 1_000_001, 500_001],
])('of %i tokens: done counts %i, failed %i, cancelled none', (tokens, whole, half) => {
  expect(after((t) => t.end('a', done({ tokens }))).tokens).toBe(whole);
  expect(after((t) => t.end('a', failed({ used: { tokens } }))).tokens).toBe(half);
  expect(after((t) => t.requeue('a', { used: { tokens } })).tokens).toBe(half);
  expect(after((t) => t.end('a', cancelled({ used: { tokens } }))).tokens).toBe(0);
});

test('each try is a job of its own, and each end is booked once: three tries, two of them failed', () => {
  const told = new Told(NOON);
  told.queue('a');
  for (const end of ['again', 'again', 'done'] as const) {
    told.claim('a');
    if (end === 'done') told.end('a', done({ tokens: 10 }));
    else told.requeue('a', { used: { tokens: 10, cost: { amount: 1, currency: 'USD' } } });
  }
  expect(spent(told)).toEqual({ jobs: 3, tokens: 20, money: { USD: 2 } });
  expect(requestsOf(told.state.books, 'big', NOON)).toBe(3);
});

test('hours begin anew to the millisecond, and a request is given back to the hour in which it was taken', () => {
  const told = new Told(NOON - 1);
  told.queue('a');
  told.claim('a');
  told.at = NOON;
  told.queue('b');
  told.claim('b');
  const requests = () => [NOON - 1, NOON].map((at) => requestsOf(told.state.books, 'big', at));
  expect(requests()).toEqual([1, 1]);
  told.void('a');
  expect(requests()).toEqual([0, 1]);
  told.restart();
  told.at = NOON - 1; // the clock goes back over the hour
  told.queue('c');
  told.claim('c');
  expect(requests()).toEqual([1, 1]);
});

test('nothing goes below nothing, and a page that is gone gets nothing back', () => {
  const told = new Told(NOON);
  told.queue('a');
  told.claim('a');
  for (let n = 1; n <= 6; n++) {
    told.at = NOON + n * DAY;
    told.queue(`t${n}`);
    told.claim(`t${n}`);
  }
  told.void('a');
  expect(spent(told, NOON)).toEqual({ jobs: 0, tokens: 0, money: {} });
  expect(spent(told)).toMatchObject({ jobs: 1 });
});

describe('days', () => {
  it('begin anew at midnight, and a job that ends after it reports to the new day', () => {
    const told = new Told(NOON);
    told.queue('a');
    told.claim('a');
    told.at = NOON + 12 * HOUR;
    told.end('a', done({ tokens: 10 }));
    expect(spent(told, NOON)).toMatchObject({ jobs: 1, tokens: 0 });
    expect(spent(told)).toMatchObject({ jobs: 0, tokens: 10 });
  });

  it('give a job back where it was taken', () => {
    const told = new Told(NOON + 12 * HOUR - 1);
    told.queue('a');
    told.claim('a');
    told.at += 1;
    told.void('a');
    expect([spent(told), spent(told, told.at - 1)]).toMatchObject([{ jobs: 0 }, { jobs: 0 }]);
  });

  it('are found as they were by a clock that jumps', () => {
    const told = new Told(NOON);
    for (const [id, at] of [
      ['a', NOON],
      ['b', NOON + DAY], // forward
      ['c', NOON], // and back
      ['d', NOON - 400 * DAY], // far back
      ['e', NOON + 400 * DAY], // far forward
      ['f', NOON],
    ] as const) {
      told.at = at;
      told.queue(id);
      told.claim(id);
      told.end(id, done({ tokens: 1 }));
    }
    expect(spent(told)).toMatchObject({ jobs: 3, tokens: 3 });
    expect(spent(told, NOON + DAY)).toMatchObject({ jobs: 1, tokens: 1 });
  });

  it('are kept in a bounded number, with a bounded number of names', () => {
    const told = new Told(NOON);
    for (let n = 0; n < 1_200; n++) {
      told.queue(`t${n}`);
      told.claim(`t${n}`, { to: 'provider', provider: 'far', rules: [] });
      told.end(`t${n}`, done({ tokens: 1, model: `model-${n}-${'x'.repeat(300)}` }));
      if (n >= 1_100) told.at += DAY;
    }
    const { days, hours } = told.state.books;
    expect(days.size).toBeLessThanOrEqual(4);
    expect(hours.size).toBeLessThanOrEqual(4);
    for (const { model } of days.values()) expect(model.size).toBeLessThanOrEqual(1_001);
    expect([...days.keys()]).toContain(dayOf(told.at - DAY));
  });
});

test('a snapshot that was written before there were books still loads', () => {
  const { allowance: _, ...older } = new State().toJSON();
  expect(writeBooks(State.from(older).books)).toEqual({ days: [], hours: [], failures: [] });
});

test('the books are what was reported, in whatever order tasks begin, end, fail and clocks and runtimes jump', () => {
  const ends = ['done', 'failed', 'requeue', 'cancelled', 'void', 'again'] as const;
  const act = fc.record({
    id: fc.constantFrom('a', 'b', 'c'),
    end: fc.constantFrom(...ends),
    tokens: fc.nat(1_000),
    cents: fc.nat(100),
    hours: fc.integer({ min: 0, max: 83 }),
    restart: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const told = new Told(NOON);
      const expected = new Map<number, { jobs: number; tokens: number; cents: number }>();
      const add = (at: number, jobs: number, tokens: number, cents: number) => {
        const now = expected.get(dayOf(at)) ?? { jobs: 0, tokens: 0, cents: 0 };
        expected.set(dayOf(at), { jobs: now.jobs + jobs, tokens: now.tokens + tokens, cents: now.cents + cents });
      };
      const begun = new Map<string, number>();
      for (const { id, end, tokens, cents, hours, restart } of acts) {
        told.at = NOON + hours * HOUR; // any of four days, in any order
        const since = begun.get(id);
        if (since === undefined) {
          if (!told.state.open.has(keyOf(told.ref(id)))) told.queue(id);
          told.claim(id);
          begun.set(id, told.at);
          add(told.at, 1, 0, 0);
        } else {
          const report = { tokens, cost: { amount: cents / 100, currency: 'USD' } };
          begun.delete(id);
          if (end === 'done') told.end(id, done(report));
          else if (end === 'failed') told.end(id, failed({ used: report }));
          else if (end === 'cancelled') told.end(id, cancelled({ used: report }));
          else if (end === 'requeue') told.requeue(id, { used: report });
          else if (end === 'again') told.requeue(id, { used: report, spent: false, error_class: 'rate_limit' });
          else told.void(id);
          const counted = end === 'done' ? tokens : end === 'cancelled' || end === 'void' ? 0 : Math.ceil(tokens / 2);
          add(told.at, 0, counted, end === 'void' ? 0 : cents);
          if (end === 'void' || end === 'again') add(since, -1, 0, 0);
        }
        if (restart) told.restart();
      }
      for (const [day, { jobs, tokens, cents }] of expected) {
        for (const now of [spent(told, day * DAY), spentBy(told.state.books, 'project', SHOP, day * DAY)]) {
          expect(now).toMatchObject({ jobs, tokens });
          expect(now.money.USD ?? 0).toBeCloseTo(cents / 100, 6);
        }
      }
    }),
    { numRuns: 300 },
  );
});

function cancelled(more: object): OutcomeInput {
  return { state: 'cancelled', reason: 'x', ...more };
}

function usd(amount: number) {
  return { cost: { amount, currency: 'USD' } };
}
