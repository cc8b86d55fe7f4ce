import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../../../src/runtime/ports.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { until } from '../../support/world.ts';
import type { Talk } from '../client.ts';
import { ended } from '../random-kills.ts';
import { check } from './checker.ts';
import { SEATS, SessionSite } from './site.ts';
import { Work } from './work.ts';

const VICTIMS = ['agent', 'tmux', 'runtime', 'all'] as const;
type Victim = (typeof VICTIMS)[number];

export interface Told {
  readonly wrong: string[];
  readonly tasks: number;
  readonly kills: Readonly<Record<Victim, number>>;
}

/** Agents at work in terminals while what they depend on is killed, one after another or all at once; then what is wrong. */
export async function killAroundSessions(story: { seed: number; kills: number; endMs?: number }): Promise<Told> {
  const { seed, kills, endMs = 60_000 } = story;
  const chance = seededChance(seed);
  const site = new SessionSite();
  const done: Record<Victim, number> = { agent: 0, tmux: 0, runtime: 0, all: 0 };
  try {
    const talk = await site.talk();
    const work = new Work(site, talk, chance);
    for (let round = 0; round < kills; round++) {
      const victim = VICTIMS[round < VICTIMS.length ? round : Math.floor(chance.fraction() * VICTIMS.length)] as Victim;
      while (work.open() < SEATS + 2) await work.enqueue();
      await until(() => site.working().length > 0);
      await sleep(chance.fraction() ** 2 * 1_000);
      await kill(site, victim, chance);
      done[victim]++;
      await talk.ask('fleet_status'); // it is there again, whoever started it
    }
    await ended(talk, endMs);
    const wrong = await check(site, work, talk);
    return { wrong: [...wrong, ...(await stop(site, talk))], tasks: work.given.length, kills: done };
  } finally {
    await site.end();
  }
}

/** At any moment of whatever they do. */
async function kill(site: SessionSite, victim: Victim, chance: Chance): Promise<void> {
  const pids = pidsOf(site, victim, chance);
  for (const pid of pids) killNow(pid);
  await until(() => pids.every((pid) => !site.left().some((one) => one.startsWith(`${pid} `))));
}

function pidsOf(site: SessionSite, victim: Victim, chance: Chance): number[] {
  const working = site.working();
  const agent = working.slice(Math.floor(chance.fraction() * working.length)).slice(0, 1);
  const runtime = [site.pid() ?? []].flat();
  switch (victim) {
    case 'agent':
      return agent;
    case 'tmux':
      return site.servers();
    case 'runtime':
      return runtime;
    case 'all':
      return [...runtime, ...site.servers(), ...agent];
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it was faster
  }
}

/** In order: then nothing at all is left. Sessions outlive the runtime, but not their server. */
async function stop(site: SessionSite, talk: Talk): Promise<string[]> {
  await talk.close();
  const runtime = site.pid();
  if (runtime !== undefined) process.kill(runtime, 'SIGTERM');
  await until(() => site.pid() === undefined);
  for (const server of site.servers()) process.kill(server, 'SIGTERM');
  await until(() => site.left().length === 0, 15_000).catch(() => undefined);
  return site.left().map((one) => `left when all was stopped: ${one}`);
}
