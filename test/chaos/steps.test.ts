import { expect, test } from 'vitest';
import { cancel, enqueue, finishAndClaim, intake, rejection, snapshot } from './step-list.ts';
import { type Call, killAtEachCall, type Step } from './steps.ts';
import { isStraceThere } from './strace.ts';

// Each round starts a runtime, so by default only the calls that a step's promise rests on are tried, each one of them.
// CHAOS_STEPS=all: all calls and every write of whatever kind, a matter of many minutes.
const everyWrite = process.env.CHAOS_STEPS === 'all';
const there = isStraceThere();
if (!there && process.env.CI) throw new Error('strace is missing: nothing shows that a kill at each call is harmless');
if (!there) process.stderr.write('SKIPPED: strace is missing; kills at each system call are not tested\n');

/** The calls that each step certainly makes: without them its promise would not be kept. */
const steps: readonly [string, Step, readonly Call[]][] = [
  ['an enqueue', enqueue, ['write', 'fdatasync', 'link', 'unlink']],
  ['an intake', intake, ['write', 'fdatasync']],
  ['a finish and the next claim', finishAndClaim, ['write', 'fdatasync', 'rename', 'link', 'unlink']],
  ['a snapshot', snapshot(), ['fdatasync', 'rename', 'link']], // it begins a segment: its writes are to a new file
];
const more: typeof steps = [
  ['a rejected drop', rejection, ['write', 'fdatasync', 'fsync', 'link', 'unlink']],
  ['a cancel of what runs', cancel, ['write', 'fdatasync', 'link', 'unlink']],
];

test.runIf(there).each(everyWrite ? [...steps, ...more] : steps)(
  '%s can be killed at each call',
  { timeout: 1_200_000 },
  async (name, step, expected) => {
    const { made, wrong } = await killAtEachCall(step, everyWrite ? { everyWrite } : { calls: expected });
    process.stdout.write(`${name}: killed at ${JSON.stringify(made)}\n`);
    expect(wrong).toEqual([]);
    expect(Object.keys(made).filter((call) => made[call as Call])).toEqual(expect.arrayContaining([...expected]));
  },
);
