import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/world.ts';
import { check } from './checker.ts';
import type { Talk } from './client.ts';
import { ended, sceneOf } from './random-kills.ts';
import { isAlive, Site, type SiteOptions } from './site.ts';
import { Trap } from './strace.ts';

/** The system calls by which the runtime changes something that outlives it. */
export const CALLS = ['write', 'fdatasync', 'fsync', 'rename', 'link', 'unlink'] as const;
export type Call = (typeof CALLS)[number];

/** One thing that the runtime does, again and again under new names. */
export interface Step {
  readonly options?: SiteOptions;
  /** What must be there before the first time. */
  begin?(stage: Stage): Promise<void>;
  /** What must be there before each time. */
  ready?(stage: Stage, nth: number): Promise<void>;
  /** Sets it going; what it promises comes when somebody has its word. */
  go(stage: Stage, nth: number): Promise<unknown>;
  /** Whether it is done. */
  done(stage: Stage, nth: number): boolean | Promise<boolean>;
  /** What has to happen so that nothing stays open at the end. */
  finish?(stage: Stage): Promise<void>;
}

export interface Stage {
  readonly site: Site;
  readonly talk: Talk;
}

/** How many of each call the runtime made, at least, until the step was through. */
export type Made = Partial<Record<Call, number>>;

const FAR = 400; // no step makes so many calls

/**
 * Kills the runtime in place of the first, second, … of each call, until the step completes. Most writes only wake
 * another thread of the same process: unless `everyWrite`, those to the journal count alone.
 */
export async function killAtEachCall(
  step: Step,
  { calls = CALLS, everyWrite = false }: { calls?: readonly Call[]; everyWrite?: boolean } = {},
): Promise<{ made: Made; wrong: string[] }> {
  const site = new Site(step.options);
  try {
    const stage = { site, talk: await site.talk() };
    await settled(stage);
    await step.begin?.(stage);
    const made: Made = {};
    let round = 0;
    for (const call of calls) {
      let nth = 1;
      const set = (pid: number) =>
        Trap.set(pid, call, nth, call === 'write' && !everyWrite ? journalOf(site) : undefined);
      while (await diesAt(step, stage, set, ++round)) {
        if (++nth > FAR) throw new Error(`it never completes under ${call}`);
      }
      made[call] = nth - 1;
    }
    await step.finish?.(stage);
    await ended(stage.talk, 30_000);
    return { made, wrong: await check({ ...sceneOf(site), maxAttempts: 3 }, stage.talk) };
  } finally {
    await site.end();
  }
}

/** Whether the runtime died of it. Either way, the step is done afterwards. */
async function diesAt(step: Step, stage: Stage, set: (pid: number) => Promise<Trap>, round: number): Promise<boolean> {
  await step.ready?.(stage, round);
  const pid = await settled(stage);
  const trap = await set(pid);
  const acknowledged = step.go(stage, round);
  await until(async () => !isAlive(pid) || (await step.done(stage, round)));
  if (isAlive(pid)) await Promise.race([settled(stage), until(() => !isAlive(pid))]); // its last calls
  const died = !isAlive(pid);
  await trap.open();
  await acknowledged;
  await until(() => step.done(stage, round));
  return died;
}

/** The segment that is being written. */
export function journalOf(site: Site): string {
  const dir = join(site.home, 'journal');
  return join(
    dir,
    readdirSync(dir)
      .filter((name) => name.endsWith('.jsonl'))
      .sort()
      .at(-1) ?? '',
  );
}

/** The pid of a runtime that has nothing to do. */
export async function settled({ site, talk }: Stage): Promise<number> {
  while (true) {
    const before = site.pid();
    const { converged } = await talk.ask('fleet_status');
    if (converged === true && before !== undefined && site.pid() === before) return before;
    await sleep(30); // each question costs the runtime a write
  }
}
