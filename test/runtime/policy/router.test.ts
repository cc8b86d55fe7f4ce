import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { FleetAgent } from '../../../src/runtime/model/fleet.ts';
import type { AccountWindow } from '../../../src/runtime/model/profile.ts';
import type { TaskSpecInput } from '../../../src/runtime/model/spec.ts';
import { askFor } from '../../../src/runtime/policy/ask.ts';
import { decide } from '../../../src/runtime/policy/decide.ts';
import { agent, fleet, NOW, SHOP, spec } from './fixtures.ts';

/* Which of the places that could take a task gets it. */

const HOUR = 3_600_000;
const used = (share: number, left_h = 4): AccountWindow[] => [
  { name: 'five_hour', used: share, resets_at: NOW + left_h * HOUR, length_ms: 5 * HOUR },
];
const at = (id: string, load: number, max: number, more: Partial<FleetAgent> = {}) =>
  agent(id, { program: id, kind: 'command', load, max, capabilities: [], ...more });

function chosen(agents: readonly FleetAgent[], input: TaskSpecInput = {}) {
  const route = decide(askFor(spec(input), SHOP), fleet({ agents }), NOW);
  return route.to === 'agent' ? route.agent : route.to === 'wait' ? route.reason : route.to;
}

describe('the place with most room', () => {
  const table: [string, FleetAgent[], string][] = [
    ['has the largest free share, not the most free places', [at('a', 4, 10), at('b', 1, 2), at('c', 1, 5)], 'c'],
    ['is one without a limit, however much it does', [at('a', 0, 3), at('b', 50, 0, { rank: 1 })], 'b'],
    ['is without a limit as good as with nothing to do', [at('b', 9, 0), at('a', 0, 1)], 'a'],
    ['is the first by rank among equals', [at('a', 0, 1, { rank: 2 }), at('b', 0, 1, { rank: 1 })], 'b'],
    ['has a rank before one without', [at('a', 0, 1), at('b', 0, 1, { rank: 9 })], 'b'],
    ['is the first by id among equals', [at('c', 1, 2), at('b', 1, 2), at('d', 1, 2)], 'b'],
    ['is not full', [at('a', 2, 2), at('b', 9, 10)], 'b'],
    ['is not offline', [at('a', 0, 1, { status: 'offline' }), at('b', 9, 10)], 'b'],
    ['is none where all are full', [at('a', 1, 1), at('b', 2, 2)], 'no_free_agent'],
    ['has windows with room', [at('a', 0, 2, { windows: used(0.9) }), at('b', 1, 2)], 'b'],
    ['has a window that ends soon', [at('a', 0, 2, { windows: used(0.9, 0.1) }), at('b', 1, 2)], 'a'],
    ['has a window that is over', [at('a', 0, 2, { windows: used(1, 0) }), at('b', 1, 2)], 'a'],
    ['is a full account rather than none', [at('a', 0, 1, { windows: used(1) })], 'a'],
    ['weighs load with windows', [at('a', 1, 2, { windows: used(0.2) }), at('b', 0, 2, { windows: used(0.5) })], 'b'],
  ];
  test.each(table)('%s', (_, agents, expected) => {
    expect(chosen(agents)).toBe(expected);
    expect(chosen([...agents].reverse())).toBe(expected);
  });
});

describe('critical work', () => {
  const table: [string, FleetAgent[], string][] = [
    ['goes where least is going on', [at('a', 2, 100), at('b', 1, 2)], 'b'],
    ['counts load before windows', [at('a', 1, 100), at('b', 0, 2, { windows: used(0.99) })], 'b'],
    ['takes the roomier window among equals', [at('a', 1, 9, { windows: used(0.9) }), at('b', 1, 2)], 'b'],
    ['then the rank, then the id', [at('b', 0, 1, { rank: 1 }), at('c', 0, 1, { rank: 1 }), at('a', 0, 1)], 'b'],
  ];
  test.each(table)('%s', (_, agents, expected) => {
    expect(chosen(agents, { priority: 'critical' })).toBe(expected);
  });
});

test('only those that can do what is required are weighed', () => {
  const agents = [at('a', 0, 9, { capabilities: ['lint'] }), at('b', 8, 9, { capabilities: ['test', 'lint'] })];
  expect(chosen(agents, { requires: ['test'] })).toBe('b');
  expect(chosen(agents, { requires: ['lint', 'test'] })).toBe('b');
  expect(chosen(agents, { requires: ['lint'] })).toBe('a');
  expect(chosen(agents, { requires: ['deploy'] })).toBe('no_eligible_agent');
});

it('says which window it looked at', () => {
  const agents = [at('claude-work', 0, 2, { windows: used(0.82) })];
  const { rules } = decide(askFor(spec({}), SHOP), fleet({ agents }), NOW);
  const until = new Date(NOW + 4 * HOUR).toISOString();
  expect(rules.at(-1)?.says).toBe(
    `claude-work: most room, 0 at work of 2; its five_hour window is 82 % used, resets ${until}`,
  );
});

const anyWindow = fc.record({
  name: fc.constantFrom('five_hour', 'seven_day'),
  used: fc.constantFrom(0, 0.3, 0.5, 0.9, 1),
  resets_at: fc.constantFrom(NOW - 1, NOW + HOUR, NOW + 4 * HOUR),
  length_ms: fc.constant(5 * HOUR),
});
const anyPlace = fc.record({
  load: fc.nat(3),
  max: fc.nat(3),
  rank: fc.option(fc.nat(2), { nil: undefined }),
  windows: fc.array(anyWindow, { maxLength: 2 }),
});
const places = fc
  .array(anyPlace, { minLength: 1, maxLength: 6 })
  .map((all) =>
    all.map(({ load, max, rank, windows }, index) =>
      at(`p${index}`, load, max, { windows, ...(rank !== undefined && { rank }) }),
    ),
  );
const priority = fc.constantFrom('critical' as const, 'default' as const);

test('the answer does not depend on the order in which the places are listed', () => {
  const shuffled = places.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, priority, ([all, mixed], wanted) => {
      expect(chosen(mixed, { priority: wanted })).toBe(chosen(all, { priority: wanted }));
    }),
    { numRuns: 1_000 },
  );
});

test('a place that gains room keeps the task that it would have got', () => {
  fc.assert(
    fc.property(places, (all) => {
      const first = chosen(all);
      const roomier = all.map((one) => (one.id === first ? { ...one, windows: [] } : one));
      expect(chosen(roomier)).toBe(first);
    }),
    { numRuns: 1_000 },
  );
});
