import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Line, type Place } from '../../../src/runtime/dispatcher/line.ts';

const sorted = (places: Place[]) => places.sort((a, b) => a.at - b.at || a.seq - b.seq);

it('is always sorted, whoever joins and leaves', () => {
  const step = fc.record({ at: fc.nat(20), leave: fc.boolean(), pick: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const line = new Line<Place>();
      const model: Place[] = [];
      for (const [seq, { at, leave, pick }] of steps.entries()) {
        if (leave && model.length > 0) {
          const [gone] = model.splice(pick % model.length, 1);
          expect(line.leave(gone!)).toBe(true);
          expect(line.leave(gone!)).toBe(false);
        } else {
          line.join({ at, seq });
          sorted(model).push({ at, seq });
          sorted(model);
        }
        expect([line.size, line.head]).toEqual([model.length, model[0]]);
        for (const [n, place] of model.entries()) expect(line.before(place)).toBe(n);
      }
    }),
  );
});

it('forgets those who left at the front', () => {
  const line = new Line<Place>();
  for (let seq = 0; seq < 10_000; seq++) line.join({ at: 0, seq });
  for (let seq = 0; seq < 9_000; seq++) expect(line.leave({ at: 0, seq })).toBe(true);
  expect([line.size, line.head?.seq, line.before({ at: 0, seq: 9_500 })]).toEqual([1_000, 9_000, 500]);
});
