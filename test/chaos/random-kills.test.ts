import { expect, test } from 'vitest';
import { killAtRandom } from './random-kills.ts';

const kills = Number(process.env.CHAOS_KILLS ?? 20);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

test(`the laws hold after ${kills} kill -9 of the runtime at work`, { timeout: 120_000 + kills * 8_000 }, async () => {
  const told = await killAtRandom({ seed, kills, forgetful: kills > 100, endMs: kills > 100 ? 600_000 : 60_000 });
  process.stdout.write(`CHAOS_SEED=${seed} CHAOS_KILLS=${kills}: ${told.kills} kills, ${told.tasks} tasks\n`);
  expect(told.wrong, `CHAOS_SEED=${seed} CHAOS_KILLS=${kills}`).toEqual([]);
});
