import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/*
 * Small versions of `npm run bench -- scale`, `watches` and `day`. Bounds are wide: they catch what grows with the
 * history, not what a busy machine does.
 */

const PROGRAM = fileURLToPath(new URL('../../bench/measure.mjs', import.meta.url));

async function measured<T>(bench: string, given: object): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, bench, JSON.stringify(given)]);
  return JSON.parse(stdout) as T;
}

interface Shown {
  /** Milliseconds that the runtime was at work for one of them, the median. */
  readonly work50: number;
}

interface Scale {
  readonly lists: Readonly<Record<string, Shown & { readonly tasks: number }>>;
  readonly resources: Readonly<Record<string, Shown>>;
  readonly asked: Readonly<Record<string, Shown>>;
  readonly atRest: { readonly resident: number };
  readonly after: { readonly resident: number };
}

test('a page, a question and the memory are the same after 20,000 tasks as after 4,000', async () => {
  const effort = { starts: 1, pages: 30, asked: 40 };
  const young = await measured<Scale>('scale', { finished: 4_000, open: 200, effort });
  const old = await measured<Scale>('scale', { finished: 20_000, open: 200, effort });
  expect(old.lists['all tasks']?.tasks).toBe(20_200);
  expect(old.lists['a group of all times']?.tasks).toBe(20);
  expect(old.lists['a project left long ago']?.tasks).toBe(40);
  for (const part of ['lists', 'resources', 'asked'] as const) {
    for (const [what, { work50 }] of Object.entries(old[part]))
      expect.soft(work50, what).toBeLessThan(3 * (young[part][what]?.work50 ?? 0) + 3);
  }
  expect(old.atRest.resident).toBeLessThan(young.atRest.resident + 30);
  expect(old.after.resident).toBeLessThan(young.after.resident + 80);
}, 600_000);

test('the kernel watches inboxes, not files', async () => {
  const { watches } = await measured<{ watches: number }>('watches', { inboxes: 5, files: 50 });
  expect(watches).toBe(5);
}, 120_000);

interface Held {
  readonly descriptors: number;
  readonly watches: number;
  readonly journal: number;
}

interface Day {
  readonly restarts: number;
  readonly counted: Readonly<Record<'ran' | 'listed' | 'files', number>>;
  readonly distinct: Readonly<Record<'ran' | 'listed' | 'files', number>>;
  readonly left: number;
  readonly first: Held;
  readonly last: Held;
}

test('a day with restarts: every task runs and ends once, and nothing piles up', async () => {
  const day = await measured<Day>('day', { tasks: 300, restarts: 4, segment: 65_536 });
  expect(day.restarts).toBe(4);
  const once = { ran: 300, listed: 300, files: 300 };
  expect(day.counted).toEqual(once);
  expect(day.distinct).toEqual(once);
  expect(day.left).toBe(0);
  expect(day.last.watches).toBeLessThanOrEqual(day.first.watches + 1);
  expect(day.last.descriptors).toBeLessThanOrEqual(day.first.descriptors + 8);
  expect(day.last.journal).toBeLessThan(Math.max(1, 3 * day.first.journal));
}, 600_000);
