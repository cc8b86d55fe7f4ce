import fc from 'fast-check';
import { type Act, Actors } from './acts.ts';
import type { Told } from './ledger.ts';
import { compare, PROJECTS, written } from './rules.ts';
import { Yard } from './yard.ts';

/*
 * Random histories of a runtime whose allowance is short of everything: what begins, ends, is cancelled, voided, sent twice
 * or too late, while the process dies, the power fails and the clock jumps. After each step the books say what a ledger
 * says that was kept beside them, no limit was passed by a start, and nothing is taken to be at work that is not.
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SMALL_SEGMENTS = 6_000;
const ONE_SEGMENT = 10_000_000;

interface Step {
  /** Done at the same time. */
  readonly acts: readonly Act[];
  /** The process dies at this change of the disk. */
  readonly dies: number | undefined;
  readonly time: { readonly how: 'passes' | 'jumps'; readonly ms: number } | undefined;
  readonly end: 'none' | 'close' | 'kill' | 'cut, same boot' | 'cut, another boot';
}
interface Story {
  readonly seed: number;
  readonly segmentBytes: number;
  readonly steps: readonly Step[];
}

const nth = fc.nat(40);
const report = fc
  .record({
    tokens: fc.nat(400),
    usage: fc.boolean(),
    cents: fc.constantFrom(0, 0, 1, 10, 29, 70),
    currency: fc.constantFrom('USD' as const, 'CAD' as const, 'EUR' as const),
  })
  .chain((said) => fc.constantFrom(said, { ...said, model: 'opus' }));
const told: fc.Arbitrary<Told> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ how: fc.constantFrom('done' as const, 'done' as const, 'failed' as const), report }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ how: fc.constant('requeue' as const), report, spent: fc.boolean(), kept: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.constant({ how: 'void' as const }) },
);
const rarely = fc.constantFrom(true, false, false, false);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      count: fc.integer({ min: 1, max: 6 }),
      nth,
      urgent: rarely,
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant('end' as const), nth, told, early: fc.boolean(), twice: rarely }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('late' as const), nth, told }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('started' as const, 'cancel' as const), nth }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom('retry' as const, 'edit' as const, 'vanish' as const), nth }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('hold' as const, 'resume' as const), nth }) },
  { weight: 1, arbitrary: fc.constant({ do: 'checkpoint' as const }) },
);
const time = fc.oneof(
  fc.record({ how: fc.constant('passes' as const), ms: fc.constantFrom(1_000, 31_000, 2 * MINUTE, 10 * MINUTE) }),
  fc.record({ how: fc.constant('jumps' as const), ms: fc.constantFrom(DAY, -HOUR, HOUR, 12 * HOUR, -DAY, 3 * DAY) }),
);
const seldom = <T>(what: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: what });
const step: fc.Arbitrary<Step> = fc.record({
  acts: fc.array(act, { minLength: 1, maxLength: 4 }),
  dies: seldom(fc.integer({ min: 1, max: 30 })),
  time: seldom(time),
  end: fc.oneof(
    { weight: 12, arbitrary: fc.constant('none' as const) },
    { weight: 1, arbitrary: fc.constantFrom<Step['end']>('close', 'kill', 'cut, same boot', 'cut, another boot') },
  ),
});
const story: fc.Arbitrary<Story> = fc.record({
  seed: fc.nat(),
  segmentBytes: fc.constantFrom(ONE_SEGMENT, ONE_SEGMENT, SMALL_SEGMENTS),
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
});

export interface Played {
  readonly histories: number;
  readonly starts: number;
  readonly deaths: number;
}

export interface Plan {
  readonly seed: number;
  readonly numRuns: number;
  /** One of them again, as a failure has named it. */
  readonly path?: string;
  /** The first one that goes wrong is good enough: none shorter is looked for. */
  readonly endOnFailure?: boolean;
}

/** Plays so many histories; throws with the shortest one that goes wrong. */
export async function playHistories(plan: Plan): Promise<Played> {
  const played = { histories: 0, starts: 0, deaths: 0 };
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      const { starts, deaths } = await play(told);
      played.histories += 1;
      played.starts += starts;
      played.deaths += deaths;
    }),
    plan,
  );
  return played;
}

async function play({ seed, segmentBytes, steps }: Story): Promise<{ starts: number; deaths: number }> {
  const yard = new Yard(seed, segmentBytes);
  const actors = new Actors(yard);
  await yard.machine.setUp();
  await yard.begin();
  for (const { id, name } of yard.store.projects()) PROJECTS.set(id, name);
  let deaths = 0;
  for (const { acts, dies, time, end } of steps) {
    if (dies !== undefined) yard.machine.files.failAt(dies, 'dies');
    await yard.machine.during(acts.map((one) => actors.act(one)));
    await yard.quiet();
    yard.machine.files.heal();
    if (yard.machine.up) await pass(yard, time);
    if (yard.machine.up) rightOrThrow(compare(yard));
    if (yard.machine.up && end === 'none') continue;
    await again(yard, end === 'none' ? 'kill' : end);
    deaths += 1;
  }
  await endAll(yard, actors);
  await again(yard, 'close');
  await yard.end('close');
  return { starts: yard.starts, deaths };
}

/** A clock that was set tells nobody: what waits for a time looks now and then. */
async function pass(yard: Yard, time: Step['time']): Promise<void> {
  if (!time) return;
  if (time.how === 'jumps') yard.wall.now += time.ms;
  else await yard.life.clock.pass(time.ms);
  await yard.quiet();
}

/** Another runtime: it finds the books as the one before has left them. */
async function again(yard: Yard, how: 'close' | 'kill' | 'cut, same boot' | 'cut, another boot'): Promise<void> {
  const closed = how === 'close' && yard.machine.up ? yard.store : undefined;
  await yard.end(how);
  const left = closed && written(closed.books());
  await yard.begin();
  if (left !== undefined && left !== written(yard.store.books()))
    throw new Error(`a restart changed the books:\n${left}`);
  await yard.quiet();
  if (yard.machine.up) rightOrThrow(compare(yard));
}

/** Everything that is at work ends: then nothing is. */
async function endAll(yard: Yard, actors: Actors): Promise<void> {
  const { store, life } = yard;
  await store.hold({ of: 'fleet' }, { kind: 'drain', reason: 'the end' }, { by: 'owner' });
  for (let left = yard.ledger.live.size; left > 0; left--) {
    await actors.act({ do: 'end', nth: 0, told: { how: 'failed', report: { tokens: 3 } }, early: false, twice: false });
    await yard.quiet();
  }
  rightOrThrow(compare(yard));
  const { at_work } = life.load.allowance;
  if (yard.ledger.live.size + at_work.size > 0) throw new Error(`at work at the end: ${[...at_work]}`);
}

function rightOrThrow(wrong: readonly string[]): void {
  if (wrong.length > 0) throw new Error([...new Set(wrong)].join('\n'));
}
