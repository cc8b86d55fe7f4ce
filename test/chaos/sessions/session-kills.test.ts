import { expect, test } from 'vitest';
import { killAroundSessions } from './session-kills.ts';

const kills = Number(process.env.CHAOS_SESSIONS ?? 4);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);

test(`each task is done once while agents, tmux and the runtime are killed ${kills} times`, {
  timeout: 120_000 + kills * 15_000,
}, async () => {
  const told = await killAroundSessions({ seed, kills, endMs: 60_000 + kills * 2_000 });
  process.stdout.write(
    `CHAOS_SEED=${seed} CHAOS_SESSIONS=${kills}: ${JSON.stringify(told.kills)}, ${told.tasks} tasks\n`,
  );
  expect(told.wrong, `CHAOS_SEED=${seed} CHAOS_SESSIONS=${kills}`).toEqual([]);
});
