import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { seededChance } from '../fakes/seeded-chance.ts';
import { until } from '../support/world.ts';
import { BrokenBuild } from './broken.ts';
import type { AgentLine } from './ledger.ts';
import { Site } from './site.ts';

/*
 * An allowance while the runtime is killed again and again: what really ran is what the agents wrote down about themselves.
 */

const kills = Number(process.env.CHAOS_ALLOWANCE ?? 6);
const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000);
const AT_ONCE = 2;
const A_DAY = 10;

let site: Site;
afterEach(() => site?.end());

test(`no more than ${AT_ONCE} at once, and ${A_DAY} a day, through ${kills} kill -9`, {
  timeout: 120_000 + kills * 8_000,
}, async () => {
  const told = await work(kills);
  expect(told.begun, `CHAOS_SEED=${seed}`).toBe(A_DAY); // all that may, and no more
  expect(told.most, `CHAOS_SEED=${seed}`).toBe(AT_ONCE);
  expect(told.overlaps, `CHAOS_SEED=${seed}`).toBe(0);
  expect(told.view).toMatchObject({ daily_jobs: { used: A_DAY, limit: A_DAY }, concurrent_jobs: { used: 0 } });
});

test('a product that keeps no books is found out', { timeout: 120_000 }, async () => {
  const build = new BrokenBuild([['runtime/store/state.js', 'foldBooks(this.books, before, event, at);', '']]);
  try {
    expect((await work(1, build.program)).begun).toBeGreaterThan(A_DAY);
  } finally {
    build.remove();
  }
});

async function work(times: number, program?: string) {
  const limits = { concurrent_jobs: AT_ONCE, daily_jobs: A_DAY };
  const allowance = { agents: { fake: limits } };
  site = new Site({ config: { allowance }, ...(program !== undefined && { program }) });
  const chance = seededChance(seed);
  const talk = await site.talk();
  await untilAnEarlyHour();
  const tasks = Array.from({ length: A_DAY + 3 }, (_, n) => ({
    ...{ project: 'alpha', id: `t${n}`, title: `t${n}` },
    body: `pause=${(0.1 + chance.fraction() ** 4 * 2).toFixed(2)}; until=1;`,
  }));
  await talk.ask('enqueue_task', { tasks });
  for (let killed = 0; killed < times; ) {
    await talk.ask('fleet_status');
    await sleep(chance.fraction() ** 2 * 700);
    killed += Number(await site.kill());
  }
  await calm(async () => {
    const { counts } = (await talk.ask('fleet_status')) as { counts: Record<string, number> };
    return `${counts.done} ${counts.running || counts.claimed ? Date.now() : ''}`;
  });
  const lines = site.ledger.agents();
  return { ...told(lines), view: viewOf(await talk.ask('fleet_status')) };
}

/** The day of the books must not end in the middle of it. */
async function untilAnEarlyHour(): Promise<void> {
  const left = 86_400_000 - (Date.now() % 86_400_000);
  if (left < 180_000) await sleep(left);
}

/** Nothing works, and nothing more is done for as long as a start takes. */
async function calm(look: () => Promise<string>): Promise<void> {
  let before = '';
  let same = 0;
  await until(async () => {
    const now = await look();
    same = now === before ? same + 1 : 0;
    before = now;
    await sleep(150);
    return same >= 5;
  }, 60_000);
}

/** Of one log that all of them write to: how many began, how many at once. */
function told(lines: readonly AgentLine[]) {
  let now = 0;
  let most = 0;
  for (const { what } of lines) {
    if (what === 'start') now += 1;
    if (what === 'end' || what === 'failed') now -= 1;
    most = Math.max(most, now);
  }
  return {
    begun: lines.filter(({ what }) => what === 'start').length,
    overlaps: lines.filter(({ what }) => what === 'overlap').length,
    most,
  };
}

function viewOf(status: Record<string, unknown>) {
  const views = status.allowance as { name: string; limits: { what: string }[] }[];
  return Object.fromEntries((views.find(({ name }) => name === 'fake')?.limits ?? []).map((one) => [one.what, one]));
}
