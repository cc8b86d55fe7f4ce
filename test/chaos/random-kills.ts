import { setTimeout as sleep } from 'node:timers/promises';
import type { Chance } from '../../src/runtime/ports.ts';
import { JobService } from '../fakes/job-service.ts';
import { seededChance } from '../fakes/seeded-chance.ts';
import { until } from '../support/world.ts';
import { check } from './checker.ts';
import type { Talk } from './client.ts';
import { Load } from './load.ts';
import { PROJECTS, Site } from './site.ts';

export interface Story {
  readonly seed: number;
  readonly kills: number;
  readonly program?: string;
  /** Also a provider that makes two jobs of two requests; its doubts take minutes to settle. */
  readonly forgetful?: boolean;
  readonly endMs?: number;
  /** Also the supervisors of runs, before, after or without their runtime. */
  readonly supervisors?: boolean;
}

export interface Told {
  readonly wrong: string[];
  readonly kills: number;
  /** How many supervisors were killed. */
  readonly lost: number;
  readonly tasks: number;
}

/** A mixed load while the runtime is killed again and again; then what the checker finds. */
export async function killAtRandom(story: Story): Promise<Told> {
  const { seed, kills, program, forgetful = false, endMs = 60_000 } = story;
  const chance = seededChance(seed);
  const keyed = await JobService.start({ latency_ms: 30 });
  const plain = await JobService.start({ latency_ms: 30, honour_keys: false });
  const site = new Site({
    ...(program !== undefined && { program }),
    config: {
      delegation: {
        interval: '200ms',
        default_provider: 'keyed',
        providers: {
          keyed: { kind: 'jobs', base_url: keyed.url, idempotent_submit: true },
          plain: { kind: 'jobs', base_url: plain.url },
        },
      },
    },
  });
  try {
    const talk = await site.talk();
    await talk.ask('fleet_status');
    const load = new Load(site, talk, chance, {
      providers: forgetful ? ['keyed', 'plain'] : ['keyed'],
      seconds: mostlyShort,
    });
    const running = load.run(60);
    let killed = 0;
    let lost = 0;
    while (killed < kills) {
      if (story.supervisors) lost += await killSupervisorsSoon(site, chance);
      killed += await killSoon(site, seededChance(seed + killed + 1));
      if (killed % 3 === 0) await talk.ask('fleet_status'); // who never lives long enough can't answer anybody
    }
    load.stop();
    const refused = await running;
    await ended(talk, endMs);
    const jobs = [...keyed.jobs.values(), ...plain.jobs.values()];
    site.ledger.noteJobs(jobs.map(({ job_id, key, order }) => ({ job_id, key, prompt: order.prompt })));
    const scene = { ...sceneOf(site), maxAttempts: 3 };
    const { counts } = await talk.ask('fleet_status');
    const tasks = Object.values(counts as Record<string, number>).reduce((sum, one) => sum + one, 0);
    return { wrong: [...refused, ...(await check(scene, talk))], kills: killed, lost, tasks };
  } finally {
    await site.end();
    await Promise.all([keyed.close(), plain.close()]);
  }
}

/** Some agents outlive the runtime that started them. */
function mostlyShort(luck: number): number {
  return luck ** 4 * 3;
}

async function killSupervisorsSoon(site: Site, chance: Chance): Promise<number> {
  let killed = 0;
  await until(() => site.hasSupervisor());
  await sleep(chance.fraction() * 300);
  await until(() => {
    killed += site.killSupervisors();
    return killed > 0;
  });
  return killed;
}

/** At any moment: while it starts, recovers, works, or answers. How many died. */
async function killSoon(site: Site, chance: Chance): Promise<number> {
  await until(() => site.pid() !== undefined);
  await sleep(chance.fraction() ** 2 * 1_200);
  return Number(await site.kill());
}

export function sceneOf(site: Site) {
  return {
    projects: PROJECTS,
    queue: (project: string, ...below: string[]) => site.queue(project, ...below),
    ledger: site.ledger,
    agents: () => site.agents(),
  };
}

/** Waits until nothing is open any more. That it never comes is for the checker to say. */
export async function ended(talk: Talk, ms: number): Promise<void> {
  let calm = 0; // the inbox hears of the last files a moment after they are written
  await until(async () => {
    const { converged, counts } = (await talk.ask('fleet_status')) as unknown as Fleet;
    const over = converged && [counts.queued, counts.claimed, counts.running, counts.unknown].every((n) => !n);
    calm = over ? calm + 1 : 0;
    if (over) await sleep(200);
    return calm === 3;
  }, ms).catch(() => undefined);
}

interface Fleet {
  readonly converged: boolean;
  readonly counts: Readonly<Record<string, number | undefined>>;
}
