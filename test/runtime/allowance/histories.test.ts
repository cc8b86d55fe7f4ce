import { expect, test } from 'vitest';
import { playHistories } from './histories.ts';

/* `BOOKS_SEED`, `BOOKS_RUNS` and `BOOKS_PATH` play histories again. */

const { BOOKS_SEED, BOOKS_RUNS, BOOKS_PATH: path } = process.env;
const seed = Number(BOOKS_SEED ?? Date.now() % 1_000_000_000);
const numRuns = Number(BOOKS_RUNS ?? 400);

test(`the books are right through ${numRuns} histories (BOOKS_SEED=${seed})`, {
  timeout: 120_000 + numRuns * 100,
}, async () => {
  const played = await playHistories({ seed, numRuns, ...(path !== undefined && { path, endOnFailure: true }) });
  process.stdout.write(`BOOKS_SEED=${seed}: ${JSON.stringify(played)}\n`);
  expect(played.starts).toBeGreaterThan(played.histories);
});
