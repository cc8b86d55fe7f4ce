import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isLive, type OpenTask } from '../../../../src/runtime/model/task.ts';
import { type Act, Actors, Broken, type Ending, leaseOf } from './acts.ts';
import { checkLaws, scan } from './laws.ts';
import { Ledger } from './ledger.ts';
import { Machine } from './machine.ts';

/*
 * Random histories of a store on a disk that forgets what was not synced. After each of its deaths the store is opened
 * again, and everything that it ever acknowledged or showed must be so still (laws 1, 2, 3 and 6).
 */

type Fault = { readonly at: number; readonly kind: 'ENOSPC' | 'EIO' | 'dies'; readonly times: number };
type End = 'none' | 'close' | 'kill' | 'cut, same boot' | 'cut, another boot';
interface Step {
  /** Done at the same time. */
  readonly acts: readonly Act[];
  readonly fault: Fault | undefined;
  readonly end: End;
  /** How the next opening dies, if it does. */
  readonly openingFault: Fault | undefined;
}
interface Story {
  readonly seed: number;
  readonly segmentBytes: number;
  readonly steps: readonly Step[];
}

const nth = fc.nat(20);
const size = fc.constantFrom(5, 60, 400);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('enqueue' as const),
      count: fc.integer({ min: 1, max: 4 }),
      size,
      key: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('enqueue' as const), count: fc.constant(1), size, after: nth }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('drop' as const), size, synced: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clash' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('repeat' as const), nth }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      nth,
      where: fc.constantFrom('agent' as const, 'agent' as const, 'provider' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('started' as const, 'stale' as const), nth }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom<Ending>('finish', 'finish', 'fail', 'requeue', 'void'), nth }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'retry' as const, 'restore' as const), nth }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'checkpoint' as const }) },
);
const fault = (kinds: Fault['kind'][]) =>
  fc.record({ at: fc.integer({ min: 1, max: 40 }), kind: fc.constantFrom(...kinds), times: fc.constantFrom(1, 1, 3) });
const step: fc.Arbitrary<Step> = fc.record({
  acts: fc.array(act, { minLength: 1, maxLength: 4 }),
  fault: fc.option(fault(['ENOSPC', 'EIO', 'dies']), { nil: undefined, freq: 2 }),
  end: fc.constantFrom<End>(
    'none',
    'none',
    'none',
    'none',
    'close',
    'kill',
    'cut, same boot',
    'cut, another boot',
    'cut, another boot',
  ),
  openingFault: fc.option(fault(['ENOSPC', 'EIO', 'dies']), { nil: undefined, freq: 4 }),
});
const story = (segmentBytes: number): fc.Arbitrary<Story> =>
  fc.record({
    seed: fc.nat(),
    segmentBytes: fc.constant(segmentBytes),
    steps: fc.array(step, { minLength: 1, maxLength: 10 }),
  });

async function play({ seed, segmentBytes, steps }: Story): Promise<void> {
  const machine = new Machine(seed, segmentBytes);
  const ledger = new Ledger();
  const actors = new Actors(machine, ledger);
  await machine.setUp();
  await machine.open();
  for (const one of steps) {
    if (one.fault) machine.files.failAt(one.fault.at, one.fault.kind, one.fault.times);
    await together(
      machine,
      one.acts.map((what) => actors.act(what)),
    );
    machine.files.heal();
    if (machine.up) {
      await ledger.observe(machine.store, false);
      if (one.end === 'none') continue;
    }
    await die(machine, one.end);
    await rise(machine, one);
    await recover(machine, ledger, actors);
  }
  await die(machine, 'cut, another boot');
  await machine.open();
  await recover(machine, ledger, actors);
}

/** Waits for all of them; only a broken law is worth more than a note that nothing was acknowledged. */
async function together(machine: Machine, acts: readonly Promise<unknown>[]): Promise<void> {
  let broken: unknown;
  await machine.during(
    acts.map((one) =>
      one.catch((error) => {
        if (error instanceof Broken) broken ??= error;
      }),
    ),
  );
  if (broken) throw broken;
}

async function die(machine: Machine, how: End): Promise<void> {
  switch (how) {
    case 'close':
      return machine.up ? machine.close() : machine.kill();
    case 'none':
    case 'kill':
      return machine.kill();
    case 'cut, same boot':
      return machine.cutPower('none');
    case 'cut, another boot':
      return machine.cutPower('boot');
  }
}

/** A start may fail on a broken disk, or be cut short; the one after it must not. */
async function rise(machine: Machine, { openingFault, end }: Step): Promise<void> {
  if (openingFault) {
    machine.files.failAt(openingFault.at, openingFault.kind, openingFault.times);
    if ((await machine.open()) && machine.up) return machine.files.heal();
    await die(machine, end);
  }
  expect(await machine.open(), 'the store opens').toBe(true);
}

async function recover(machine: Machine, ledger: Ledger, actors: Actors): Promise<void> {
  await ledger.observe(machine.store, true);
  await together(machine, [actors.callAgain()]);
  await settle(machine, ledger);
  for (const entry of ledger.all()) await runnerLooks(machine, entry, actors);
  await settle(machine, ledger);
}

/** Until nothing is left to do; then all laws hold. */
async function settle(machine: Machine, ledger: Ledger): Promise<void> {
  await machine.converge();
  await together(machine, [scan(machine, ledger)]);
  await machine.converge();
  await ledger.observe(machine.store, false);
  await checkLaws(machine, ledger);
}

/** What became of an attempt that was under way is for its runner to say. */
async function runnerLooks(machine: Machine, entry: Parameters<typeof leaseOf>[0], actors: Actors): Promise<void> {
  const lease = leaseOf(entry, machine.store.epoch);
  if (!lease || machine.chance.fraction() < 0.3) return;
  const began = isLive(entry.seen as OpenTask) && entry.seen.state === 'running';
  const ways = began ? (['finish', 'fail', 'requeue'] as const) : (['void', 'void', 'requeue'] as const);
  await together(machine, [
    actors.end(entry, lease, ways[Math.floor(machine.chance.fraction() * ways.length)] ?? 'requeue'),
  ]);
}

/** `POWER_CUT_SEED`, `POWER_CUT_RUNS` and `POWER_CUT_PATH` play a history again. */
export function powerCutHistories(segmentBytes: number): void {
  const { POWER_CUT_SEED, POWER_CUT_RUNS, POWER_CUT_PATH: path } = process.env;
  const seed = Number(POWER_CUT_SEED ?? 2_115_974_667);
  const numRuns = Number(POWER_CUT_RUNS ?? 1_000);
  const again = path === undefined ? {} : { path, endOnFailure: true };

  describe('a store on a disk that forgets what was not synced', () => {
    it(`keeps its laws through ${numRuns} histories of power cuts, kills and full disks (seed ${seed})`, async () => {
      await fc.assert(fc.asyncProperty(story(segmentBytes), play), { seed, numRuns, ...again });
    }, 240_000);
  });
}
