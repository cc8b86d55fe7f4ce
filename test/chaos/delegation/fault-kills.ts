import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../../../src/runtime/ports.ts';
import { seededChance } from '../../fakes/seeded-chance.ts';
import { until } from '../../support/world.ts';
import { Away, PROVIDERS } from './away.ts';
import { FORGOTTEN, MISCHIEF, type Mischief } from './faults.ts';

export interface Story {
  readonly seed: number;
  readonly kills: number;
  /** How many kinds of mischief are tried, drawn by the seed; default: all. */
  readonly some?: number;
  readonly program?: string;
  /** Also what takes minutes. */
  readonly patient?: boolean;
}

/** Tasks that meet every fault, with each provider, while their runtime is killed at random moments. */
export async function killAmongFaults({ seed, kills, some, program, patient = false }: Story): Promise<string[]> {
  const chance = seededChance(seed);
  const drawn = shuffled([...MISCHIEF], chance).slice(0, some);
  const away = await Away.open(program === undefined ? {} : { program });
  try {
    const sending = sendAll(away, patient ? [...drawn, FORGOTTEN] : drawn);
    while (away.kills.length < kills) {
      await until(() => away.site.pid() !== undefined);
      await sleep(150 + chance.fraction() * 1_500);
      await away.kill();
    }
    await sending;
    return await away.wrong(patient ? 240_000 : 90_000);
  } finally {
    await away.close();
  }
}

async function sendAll(away: Away, all: readonly Mischief[]): Promise<void> {
  for (const mischief of all)
    for (const provider of PROVIDERS) {
      const id = `${mischief.name}-${provider}`;
      for (const [endpoint, fault, times] of mischief.faults ?? [])
        await away.services[provider].tell({ fault: [endpoint, fault, times, `Task: ${id}.md`] });
      if (mischief.statuses) await away.services[provider].tell({ plan: [`Task: ${id}.md`, mischief.statuses] });
      await away.send(provider, id, mischief);
    }
}

function shuffled<T>(all: T[], chance: Chance): T[] {
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(chance.fraction() * (i + 1));
    [all[i], all[j]] = [all[j] as T, all[i] as T];
  }
  return all;
}
