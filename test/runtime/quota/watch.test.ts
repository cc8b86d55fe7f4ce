import { expect, onTestFinished, test } from 'vitest';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { Load } from '../../../src/runtime/load.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import type { ToldEvent } from '../../../src/runtime/model/event.ts';
import type { ProjectId } from '../../../src/runtime/model/ids.ts';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import type { Change } from '../../../src/runtime/ports.ts';
import { Quota } from '../../../src/runtime/quota/quota.ts';
import { FAR, SHOP, Told } from '../../fakes/allowance-state.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 5, 1, 12);
const PROJECT = { id: SHOP, path: '/shop', name: 'shop', adopted_at: 0 };

/** The service on the real fold of a journal that a test writes. */
class Yard {
  readonly told = new Told(NOON);
  readonly clock = new VirtualClock(NOON);
  readonly config: Config;
  changed = 0;
  failing = 0;
  news: string[] = [];
  quota: Quota;
  #n = 0;

  constructor(allowance: object) {
    const providers = { far: { kind: 'jobs', base_url: 'https://far.example' } };
    const projects = [{ name: 'shop', path: '/shop' }];
    this.config = Config.parse({ delegation: { providers }, projects, allowance });
    this.quota = this.#start();
  }

  /** Some jobs that begin and end. */
  async jobs(count: number, end: 'done' | 'void' | 'failed' = 'done'): Promise<void> {
    this.told.at = this.clock.now();
    for (let n = 0; n < count; n++) {
      const id = `t${++this.#n}`;
      this.told.queue(id);
      this.told.claim(id, FAR);
      if (end === 'void') this.told.void(id);
      else if (end === 'failed') this.told.end(id, { state: 'failed', error_class: 'crash', reason: 'x' });
      else this.told.end(id, { state: 'done', result: '', tokens: 100 });
    }
    await this.after(1_000);
  }

  async set(what: string, value: string, more: object = {}): Promise<void> {
    const wanted = { of: 'agent', name: 'far', what, value, reason: 'because', ...more };
    const answer = await this.quota.change(wanted, { by: 'owner' });
    if (isRefusal(answer)) throw new Error(answer.message);
    await this.after(1_000);
  }

  async restore(what: string): Promise<void> {
    await this.quota.restore({ of: 'agent', name: 'far', what, reason: 'over' }, { by: 'owner' });
    await this.after(1_000);
  }

  async after(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.told.at = this.clock.now();
    await settled();
  }

  async restart(): Promise<void> {
    await this.quota.stop();
    this.told.restart();
    this.quota = this.#start();
    await this.after(1_000);
  }

  /** What was told since the last look. */
  heard(): string[] {
    return this.news.splice(0);
  }

  #start(): Quota {
    const { told, clock, config } = this;
    const listeners = new Set<(changes: readonly Change[]) => void>();
    told.heard = (changes) => {
      for (const listener of listeners) listener(changes);
    };
    const quota: Quota = new Quota({
      ...{ clock, config },
      store: {
        quota: () => told.state.quota,
        projects: () => [PROJECT],
        subscribe: (listener) => {
          listeners.add(listener);
          return () => listeners.delete(listener);
        },
        record: async (event: ToldEvent) => {
          if (this.failing-- > 0) throw new Error('the disk is full');
          told.at = clock.now();
          told.tell(event);
          if ('used' in event && 'what' in event)
            this.news.push(`${event.type} ${event.what} ${event.used}/${event.limit}`);
        },
      },
      fleet: () =>
        buildFleet({
          ...{ config, projects: [PROJECT], load: new Load(told.state.open.values()) },
          paused: { all: false, projects: new Set<ProjectId>() },
          providers: [{ id: 'far', ai: [] }],
          books: told.state.books,
          limits: quota.limits(),
        }),
      projectName: () => 'shop',
      changed: () => {
        this.changed += 1;
      },
      say: () => undefined,
    });
    quota.start();
    onTestFinished(() => quota.stop());
    return quota;
  }
}

const tenJobs = () => new Yard({ agents: { far: { daily_jobs: 10 } } });

test('nearly spent and spent are told once each a day, however many jobs there are, and again the next day', async () => {
  const yard = tenJobs();
  await yard.jobs(7);
  expect(yard.heard()).toEqual([]);
  await yard.jobs(1);
  expect(yard.heard()).toEqual(['quota_warning daily_jobs 8/10']);
  await yard.jobs(1);
  expect(yard.heard()).toEqual([]);
  await yard.jobs(1);
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 10/10']);
  for (let n = 0; n < 20; n++) await yard.jobs(1, 'void');
  expect(yard.heard()).toEqual([]);
  await yard.after(12 * HOUR);
  await yard.jobs(10);
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 10/10']); // in one go: only the worse
});

test('a restart tells nothing twice, and tells what a kill has kept from being told', async () => {
  const yard = tenJobs();
  await yard.jobs(8);
  expect(yard.heard()).toHaveLength(1);
  await yard.restart();
  expect(yard.heard()).toEqual([]);
  await yard.quota.stop(); // the next jobs end before anybody looks
  await yard.jobs(2);
  expect(yard.heard()).toEqual([]);
  await yard.restart();
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 10/10']);
});

test('a limit that is lowered below its use is told, one that is raised is told anew when it is reached', async () => {
  const yard = tenJobs();
  await yard.jobs(5);
  await yard.set('daily_jobs', '5');
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 5/5']);
  await yard.set('daily_jobs', '6');
  expect(yard.heard()).toEqual(['quota_warning daily_jobs 5/6']);
  await yard.jobs(1);
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 6/6']);
  await yard.set('daily_jobs', '100');
  expect(yard.heard()).toEqual([]);
  await yard.restore('daily_jobs');
  await yard.jobs(4);
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 10/10']);
  await yard.set('daily_jobs', '0');
  await yard.restore('daily_jobs');
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 10/10']); // it was unlimited in between
});

test('a change ends by itself: everybody looks again, and what is spent then is told', async () => {
  const yard = tenJobs();
  await yard.jobs(10);
  yard.heard();
  await yard.set('daily_jobs', '20', { until: NOON + 2 * HOUR });
  await yard.restart();
  const before = yard.changed;
  await yard.after(HOUR);
  expect(yard.changed).toBe(before);
  await yard.after(HOUR);
  expect(yard.changed).toBe(before + 1);
  expect(yard.quota.limits().allowance.agents.far?.daily_jobs).toBe(10);
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 10/10']);
});

test('a clock that jumps tells the pages that it finds, and ends or revives a change without harm', async () => {
  const yard = tenJobs();
  await yard.jobs(10);
  await yard.set('daily_jobs', '20', { until: NOON + HOUR });
  yard.heard();
  const jobs = () => yard.quota.limits().allowance.agents.far?.daily_jobs;
  yard.clock.jump(48 * HOUR);
  await yard.after(300_000);
  expect(jobs()).toBe(10);
  await yard.jobs(1);
  expect(yard.heard()).toEqual([]);
  yard.clock.jump(-48 * HOUR);
  expect(jobs()).toBe(20);
  await yard.jobs(9);
  expect(yard.heard()).toEqual(['quota_warning daily_jobs 19/20']);
});

test('what is at work at once is told by nobody, a rest after a failure once', async () => {
  const yard = new Yard({ agents: { far: { concurrent_jobs: 1 } }, projects: { shop: { cooldown: '10m' } } });
  await yard.jobs(3);
  expect(yard.heard()).toEqual([]);
  await yard.jobs(1, 'failed');
  await yard.jobs(1);
  expect(yard.heard()).toEqual(['quota_exceeded cooldown 1/1']);
});

test('a disk that is full for a while loses no news', async () => {
  const yard = tenJobs();
  yard.failing = 2;
  await yard.jobs(10);
  expect(yard.heard()).toEqual([]);
  await yard.after(120_000);
  expect(yard.heard()).toEqual(['quota_exceeded daily_jobs 10/10']);
});

test('what is told stays bounded with what is limited: names of strangers make none', async () => {
  const yard = tenJobs();
  for (let n = 0; n < 300; n++) {
    const id = `s${n}`;
    yard.told.queue(id);
    yard.told.claim(id, { to: 'provider', provider: 'far', model: `model-${n}`, rules: [] });
  }
  await yard.after(1_000);
  expect([...yard.told.state.quota.told.keys()]).toEqual(['agent/daily_jobs/far']);
});
