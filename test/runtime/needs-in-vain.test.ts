import { expect, test } from 'vitest';
import { type NeedsView, needsOf } from '../../src/runtime/needs.ts';
import { Told } from '../fakes/allowance-state.ts';

const limit = { error_class: 'auth', reason: 'logged out', spent: false } as const;

function needs(told: Told): string[] {
  const view: Partial<NeedsView> = {
    ...{ open: told.state.open, recentlyFailed: [], projectName: () => 'shop', troubles: [], wrongConfig: [] },
    ...{ undelivered: [], awaitingRestart: [], offline: new Map(), refused: [], heldDrops: [] },
    ...{ hopeless: () => undefined, spent: () => undefined },
  };
  return needsOf(view as NeedsView).map(({ what }) => what);
}

test('what goes back again and again without costing an attempt becomes a need, once for those alike', () => {
  const told = new Told(Date.UTC(2026, 0, 1));
  for (const id of ['a', 'b']) told.queue(id);
  for (let round = 0; round < 5; round++) {
    expect(needs(told)).toEqual([]);
    for (const id of ['a', 'b']) {
      told.claim(id);
      told.requeue(id, limit);
    }
  }
  expect(needs(told)).toEqual([
    'task a and 1 more: 5 attempts in a row since 2026-01-01T00:00:00.000Z ended so and cost none: auth: logged out',
  ]);
  expect(told.task('a')).toMatchObject({ attempt: 5, spent: 0 });
  for (const id of ['a', 'b']) {
    told.claim(id);
    told.requeue(id); // the work itself failed
  }
  expect(needs(told)).toEqual([]);
});
