import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Config } from '../../../src/runtime/model/config.ts';
import { type PoolStep, type PoolView, planPool } from '../../../src/runtime/policy/pool.ts';
import { isAdopted, occupantOf, placeSeats, wantedSeats } from '../../../src/runtime/policy/seats.ts';
import type { PaneView } from '../../../src/runtime/terminals.ts';

const MARK = 'home';
const MINUTE = 60_000;

const pool = (given: object) => Config.parse({ pool: given }).pool;
const autonomous = (min: number, max: number) => pool({ autonomous: { prefix: 'a', start_index: 1, min, max } });

/** A placeholder in the seat, unless it is said otherwise. */
function pane(n: number, name: string | undefined, more: Partial<PaneView> = {}): PaneView {
  return {
    ...{ pane: `%${n}`, session: name ?? `s${n}`, pid: 100 + n, life: { kind: 'live' }, command: 'cat', title: '' },
    ...{ width: 80, height: 24, in_mode: false, attached: 0, active_at: 0, home: MARK },
    facts: { ...(name !== undefined && { name }), state: 'idle' },
    ...more,
  };
}

const dead = { life: { kind: 'dead', status: 1 } } as const;
const left = (name: string) => ({ command: 'claude', facts: { name, state: 'working', task: 't' } });
const adopted = (name: string) => ({ command: 'vim', facts: { name, state: 'adopted' } });

function view(given: Config['pool'], panes: readonly PaneView[], more: Partial<PoolView> = {}): PoolView {
  const none = new Set<string>();
  return {
    ...{ wanted: wantedSeats(given), min: given.autonomous.min, panes, mark: MARK },
    ...{ live: none, cooling: none, in_use: none, released: none, idle_ms: new Map() },
    ...{ shrink_after: 10 * MINUTE, linger: 5 * MINUTE },
    ...more,
  };
}

const short = (step: PoolStep) =>
  step.kind === 'create' ? `create ${step.seat.name}` : `${step.kind} ${step.pane.pane} of ${step.name}: ${step.why}`;
const plan = (of: PoolView) => planPool(of).map(short);

describe('the seats that the configuration wants', () => {
  test('are the dedicated ones, then the numbered ones', () => {
    const seats = wantedSeats(
      pool({
        dedicated: [{ name: 'shop', project: '/shop', agent: 'claude' }],
        autonomous: { prefix: 'ccl-auto-', start_index: 11, max: 2 },
      }),
    );
    expect(seats).toEqual([
      { name: 'shop', project: '/shop', agent: 'claude', kind: 'dedicated' },
      { name: 'ccl-auto-11', agent: 'claude', kind: 'autonomous' },
      { name: 'ccl-auto-12', agent: 'claude', kind: 'autonomous' },
    ]);
  });
});

describe('what is done after a look', () => {
  const idle = (...names: string[]) => ({ idle_ms: new Map(names.map((name) => [name, 11 * MINUTE])) });
  const live = (...names: string[]) => ({ live: new Set(names) });
  const foreign = (n: number, session: string) => pane(n, undefined, { session, home: undefined as never, facts: {} });
  const table: [string, Config['pool'], PaneView[], Partial<PoolView>, string[]][] = [
    ['the least are made, the lowest first', autonomous(2, 4), [], {}, ['create a1', 'create a2']],
    ['what is there counts, whatever its number', autonomous(2, 4), [pane(1, 'a4')], {}, ['create a1']],
    ['one that will be made by its attempt counts', autonomous(1, 4), [], live('a3'), []],
    ['a foreign name is passed over', autonomous(1, 2), [foreign(1, 'a1')], {}, ['create a2']],
    ['nothing is made while it cools', autonomous(2, 2), [], { cooling: new Set(['a1']) }, ['create a2']],
    ['a dedicated one is always made', pool({ dedicated: [{ name: 'd', project: '/d' }] }), [], {}, ['create d']],
    ['what has ended gets its placeholder', autonomous(1, 1), [pane(1, 'a1', dead)], {}, ['rest %1 of a1: ended']],
    ['not at work', autonomous(1, 1), [pane(1, 'a1', dead)], live('a1'), []],
    ['not while it cools', autonomous(1, 1), [pane(1, 'a1', dead)], { cooling: new Set(['a1']) }, []],
    ['an agent that is done stays open', autonomous(1, 1), [pane(1, 'a1', left('a1'))], {}, []],
    ['for a while', autonomous(1, 1), [pane(1, 'a1', left('a1'))], idle('a1'), ['rest %1 of a1: done']],
    [
      'unless it is used',
      autonomous(1, 1),
      [pane(1, 'a1', left('a1'))],
      { ...idle('a1'), in_use: new Set(['a1']) },
      [],
    ],
    [
      'or its attempt gave it up',
      autonomous(1, 1),
      [pane(1, 'a1', left('a1'))],
      { released: new Set(['a1']) },
      ['rest %1 of a1: done'],
    ],
    [
      'idle ones beyond the least are closed, the highest first',
      autonomous(1, 3),
      [pane(1, 'a1'), pane(2, 'a2'), pane(3, 'a3')],
      idle('a1', 'a2', 'a3'),
      ['close %2 of a2: idle', 'close %3 of a3: idle'],
    ],
    ['none that is looked at', autonomous(0, 1), [pane(1, 'a1', { attached: 1 })], idle('a1'), []],
    ['none that is short of its time', autonomous(0, 1), [pane(1, 'a1')], {}, []],
    ['none with a program of a person', autonomous(0, 1), [pane(1, 'a1', { command: 'vim' })], idle('a1'), []],
    ['dedicated ones stay', pool({ dedicated: [{ name: 'd', project: '/d' }] }), [pane(1, 'd')], idle('d'), []],
    ['what is wanted no more is closed', autonomous(0, 0), [pane(1, 'a1')], {}, ['close %1 of a1: removed']],
    ['when its attempt is over', autonomous(0, 0), [pane(1, 'a1', left('a1'))], live('a1'), []],
    ['and its agent was looked at', autonomous(0, 0), [pane(1, 'a1', left('a1'))], {}, []],
    ['but not what was adopted', autonomous(0, 0), [pane(1, 'a1', adopted('a1'))], idle('a1'), []],
    [
      'an adopted one that ended is a seat',
      autonomous(1, 1),
      [pane(1, 'a1', { ...adopted('a1'), ...dead })],
      {},
      ['rest %1 of a1: ended'],
    ],
    [
      'a second pane of one name is closed',
      autonomous(1, 1),
      [pane(1, 'a1'), pane(2, 'a1', left('a1'))],
      {},
      ['close %1 of a1: double'],
    ],
    ['unless both are at work', autonomous(1, 1), [pane(1, 'a1', left('a1')), pane(2, 'a1', left('a1'))], {}, []],
    [
      'what others have is left alone',
      autonomous(0, 1),
      [foreign(1, 'a1'), pane(2, 'a2', { home: 'other' })],
      idle('a1', 'a2'),
      [],
    ],
  ];
  test.each(table)('%s', (_, given, panes, more, steps) => {
    expect(plan(view(given, panes, more))).toEqual(steps);
  });

  test('a seat is its pane, wherever that went', () => {
    const panes = [pane(1, 'a1', { session: 'mine' }), pane(2, 'a2', { session: 'a3' }), foreign(4, 'a4')];
    const placed = placeSeats(['a1', 'a2', 'a3', 'a4', 'a5'], panes, MARK);
    expect([...placed].map(([name, at]) => [name, at.kind])).toEqual([
      ['a1', 'there'],
      ['a2', 'there'],
      ['a3', 'foreign'],
      ['a4', 'foreign'],
      ['a5', 'absent'],
    ]);
  });
});

/* Any world: some seats, any panes of ours and of others, any state of attempts. */

const NAMES = ['a1', 'a2', 'a3', 'a4', 'd1', 'd2', 'x'];
const someNames = fc.subarray(NAMES).map((names) => new Set(names));
const anyPane = fc.record({
  name: fc.constantFrom(...NAMES),
  session: fc.option(fc.constantFrom(...NAMES, 'his')),
  home: fc.constantFrom(MARK, MARK, MARK, undefined, 'other'),
  life: fc.constantFrom<PaneView['life'][]>({ kind: 'live' }, { kind: 'dead', status: 0 }, { kind: 'hung_up' }),
  what: fc.constantFrom('placeholder', 'left', 'adopted', 'nothing'),
  command: fc.constantFrom('cat', 'sh', 'claude', 'vim'),
  attached: fc.nat(1),
});
const anyView: fc.Arbitrary<PoolView> = fc
  .record({
    ...{
      min: fc.nat(3),
      more: fc.nat(2),
      dedicated: fc.subarray(['d1', 'd2']),
      panes: fc.array(anyPane, { maxLength: 8 }),
    },
    ...{ live: someNames, cooling: someNames, in_use: someNames, released: someNames },
    idle: fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(0, 6 * MINUTE, 11 * MINUTE))),
    ...{ shrink_after: fc.constantFrom(0, 10 * MINUTE), linger: fc.constantFrom(0, 5 * MINUTE) },
  })
  .map(({ min, more, dedicated, panes, idle, ...rest }) => {
    const given = pool({
      dedicated: dedicated.map((name) => ({ name, project: '/d' })),
      autonomous: { prefix: 'a', start_index: 1, min, max: Math.min(4, min + more) },
    });
    const made = panes.map(({ name, session, home, what, ...other }, n) => {
      const facts = {
        placeholder: { name, state: 'idle' },
        left: { name, state: 'working', task: 't' },
        adopted: { name, state: 'adopted' },
        nothing: {},
      }[what];
      const at = pane(n, name, { ...other, session: session ?? name, facts: facts ?? {} });
      const { home: _, ...bare } = at;
      return home === undefined ? { ...bare, facts: {} } : { ...at, home };
    });
    return view(given, made, { ...rest, idle_ms: new Map(idle) });
  });

const check = (holds: (of: PoolView, steps: readonly PoolStep[]) => void) =>
  fc.assert(
    fc.property(anyView, (of) => holds(of, planPool(of))),
    { numRuns: 3_000 },
  );

const nameOf = (step: PoolStep) => (step.kind === 'create' ? step.seat.name : step.name);

/** The world as it is when all steps were done. */
function after(of: PoolView, steps: readonly PoolStep[]): PoolView {
  let panes = [...of.panes];
  let next = 100;
  for (const step of steps) {
    if (step.kind === 'create') panes.push(pane(next++, step.seat.name));
    else if (step.kind === 'close') panes = panes.filter((one) => one !== step.pane);
    else
      panes = panes.map((one) =>
        one === step.pane
          ? { ...pane(next++, step.name), pane: one.pane, session: one.session, attached: one.attached }
          : one,
      );
  }
  return { ...of, panes };
}

const there = ({ panes, wanted, mark }: PoolView) =>
  [
    ...placeSeats(
      wanted.map(({ name }) => name),
      panes,
      mark,
    ),
  ].filter(([name, at]) => {
    const isNumbered = wanted.some((seat) => seat.name === name && seat.kind === 'autonomous');
    return isNumbered && 'pane' in at;
  }).length;

test('L1: a seat with a live attempt is left alone', () => {
  check((of, steps) => {
    for (const step of steps) expect(of.live.has(nameOf(step))).toBe(false);
  });
});

test('L2: only panes with our mark are touched, and no program of a person is ended', () => {
  check((of, steps) => {
    for (const step of steps) {
      if (step.kind === 'create') continue;
      expect(step.pane.home).toBe(MARK);
      expect(step.pane.facts.name).toBe(step.name);
      if (step.pane.life.kind !== 'live') continue;
      expect(occupantOf(step.pane)).toBeUndefined();
      expect(isAdopted(step.pane)).toBe(false);
      if (!of.released.has(step.name)) expect(of.in_use.has(step.name)).toBe(false);
    }
  });
});

test('L3: never more than the configuration names, never fewer than the least while that can be had', () => {
  check((of, steps) => {
    const { panes, wanted } = of;
    const names = wanted.map(({ name }) => name);
    for (const step of steps) if (step.kind === 'create') expect(names).toContain(step.seat.name);
    const made = steps.flatMap((step) => (step.kind === 'create' ? [step.seat.name] : []));
    const sessions = new Set(panes.map(({ session }) => session));
    for (const name of made) expect(sessions.has(name)).toBe(false);
    const first = after(of, steps);
    expect(there(first)).toBeGreaterThanOrEqual(Math.min(there(of), of.min));
    const second = after(first, planPool(first));
    if (of.live.size > 0 || of.cooling.size > 0 || there(second) >= of.min) return;
    const placed = placeSeats(names, second.panes, MARK);
    for (const [name, at] of placed) if (/^a/.test(name)) expect(at.kind).not.toBe('absent');
  });
});

test('L4: when all is done nothing more is to be done, but where names were mixed up', () => {
  check((of, steps) => {
    const first = after(of, steps);
    const ours = of.panes.filter(({ home }) => home === MARK).map(({ facts }) => facts.name);
    const isPlain = of.panes.every(({ session, facts }) => facts.name === undefined || facts.name === session);
    if (isPlain && new Set(ours).size === ours.length) expect(plan(first)).toEqual([]);
    const second = after(first, planPool(first));
    expect(plan(after(second, planPool(second)))).toEqual([]);
  });
});
