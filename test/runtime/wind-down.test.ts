import { expect, test } from 'vitest';
import { WindDown } from '../../src/runtime/wind-down.ts';
import type { RunAtWork } from '../../src/runtime/yard.ts';
import { VirtualClock } from '../fakes/virtual-clock.ts';

const MINUTE = 60_000;

/** Runs end when the test says so; `endAll` ends those that mind it. */
function world(names: string[], { stubborn = false, mortal }: { stubborn?: boolean; mortal?: string } = {}) {
  const clock = new VirtualClock();
  const state = { runs: names.map(run), halted: false, ended: false };
  const listeners = new Set<() => void>();
  const done = (...those: string[]) => {
    state.runs = state.runs.filter(({ name }) => !those.includes(name));
    for (const changed of [...listeners]) changed();
  };
  const windDown = new WindDown({
    clock,
    wait: () => MINUTE,
    grace: () => 5_000,
    halt: async () => {
      state.halted = true;
    },
    atWork: () => state.runs,
    subscribe: (changed) => {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
    endAll: async () => {
      state.ended = true;
      if (!stubborn) done(...names);
    },
    endMortal: async () => {
      if (mortal !== undefined) done(mortal);
    },
    say: () => {},
  });
  return { windDown, clock, state, done };
}

function run(name: string): RunAtWork {
  return { name, agent: 'bot', attempt: 1, since: 0 };
}

test('with nothing at work it is over at once, and nothing new is started any more', async () => {
  const { windDown, state, clock } = world([]);
  expect(windDown.state).toBeUndefined();
  expect(await windDown.begin()).toEqual([]);
  expect(state.halted).toBe(true);
  expect(windDown.state).toMatchObject({ over: true });
  expect(clock.pending).toBe(0);
});

test('it is over with the end of the last run, and says what it waits for until then', async () => {
  const { windDown, done, clock } = world(['a', 'b']);
  const over = windDown.begin();
  await clock.advance(1_000);
  expect(windDown.state).toMatchObject({ over: false, until: clock.now() - 1_000 + MINUTE });
  const news = windDown.news(2, MINUTE);
  done('a');
  await news;
  expect(windDown.state?.runs).toMatchObject([{ name: 'b' }]);
  done('b');
  expect(await over).toEqual([]);
});

test('what has not ended in time is left as it is', async () => {
  const { windDown, state, clock } = world(['a']);
  const over = windDown.begin();
  await clock.advance(MINUTE);
  expect(await over).toMatchObject([{ name: 'a' }]);
  expect(state.ended).toBe(false);
});

test('or it is ended then, when that was asked for', async () => {
  const { windDown, state, clock } = world(['a']);
  const over = windDown.begin({ kill: true });
  await clock.advance(MINUTE - 1_000);
  expect(state.ended).toBe(false);
  await clock.advance(1_000);
  expect(await over).toEqual([]);
  expect(state.ended).toBe(true);
});

test('what does not end although it was ended keeps nobody for ever', async () => {
  const { windDown, clock } = world(['a'], { stubborn: true });
  const over = windDown.begin({ kill: true, now: true });
  await clock.advance(0);
  await clock.advance(10_000);
  expect(await over).toMatchObject([{ name: 'a' }]);
});

test('a second order hurries: it leaves at once, also what was to be ended', async () => {
  const { windDown, state, clock } = world(['a']);
  const over = windDown.begin({ kill: true });
  await clock.advance(1_000);
  void windDown.begin({ now: true });
  expect(await over).toMatchObject([{ name: 'a' }]);
  expect(state.ended).toBe(false);
});

test('what can’t go on without the runtime has the time of the others, and is not left', async () => {
  const { windDown, clock, state } = world(['a', 'request'], { mortal: 'request' });
  const over = windDown.begin();
  await clock.advance(MINUTE - 1);
  expect(state.runs).toHaveLength(2);
  await clock.advance(1);
  expect(await over).toMatchObject([{ name: 'a' }]);
});
