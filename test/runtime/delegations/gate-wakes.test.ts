import { expect, it } from 'vitest';
import { Gate } from '../../../src/runtime/delegations/gate.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { VirtualClock } from '../../fakes/virtual-clock.ts';

it('tells when the pause that a provider asked for is over, also where its breaker opened and closed meanwhile', async () => {
  const clock = new VirtualClock();
  const told: number[] = [];
  const start = clock.now();
  const rule = () => ({ after: 2, pause_ms: 1_000 });
  const gate = new Gate({ clock, chance: seededChance(1), rule, changed: () => told.push(clock.now() - start) });
  gate.heard({ kind: 'busy', reason: 'HTTP 429', until: start + 10_000 });
  for (let n = 0; n < 2; n++) gate.heard({ kind: 'trouble', reason: 'HTTP 500' }); // they were under way before
  await clock.advance(20_000);
  expect(told.at(-1)).toBe(10_000);
  expect(gate.away(() => 0)).toMatchObject({ max: 1 });
  gate.close();
});
