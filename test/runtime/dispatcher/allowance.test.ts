import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import { buildFleet } from '../../../src/runtime/fleet.ts';
import { Load } from '../../../src/runtime/load.ts';
import { dayOf, spentBy } from '../../../src/runtime/model/books.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { keyOf, type ProjectId, type TaskRef } from '../../../src/runtime/model/ids.ts';
import { refuse } from '../../../src/runtime/model/refusal.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import { isLive, type LiveTask, type QueuedTask } from '../../../src/runtime/model/task.ts';
import type { Change } from '../../../src/runtime/ports.ts';
import { SHOP, Told } from '../../fakes/allowance-state.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOON = Date.UTC(2026, 5, 1, 12);
const PROVIDERS = { providers: { far: { kind: 'jobs', base_url: 'https://far.example' } } };
const SHARED = { projects: [{ name: 'shop', path: '/shop', shared_checkout: true }] };

/** A dispatcher on the real state and the real books; only time and the journal are a test's. */
class Yard {
  readonly told = new Told(NOON);
  readonly clock: VirtualClock;
  readonly launched: string[] = [];
  /** How many claims are refused before one is taken. */
  refusing = 0;
  /** How often a fleet was asked for: what a busy loop would show. */
  looks = 0;
  load = new Load();
  dispatcher: Dispatcher;
  readonly #config: Config;

  constructor(allowance: object, more: object = {}) {
    this.clock = new VirtualClock(NOON);
    this.#config = Config.parse({ delegation: PROVIDERS, ...SHARED, ...more, allowance });
    this.dispatcher = this.#start();
  }

  fleet() {
    this.looks += 1;
    return buildFleet({
      config: this.#config,
      projects: [{ id: SHOP, path: '/shop', name: 'shop', adopted_at: 0 }],
      load: this.load,
      paused: { all: false, projects: new Set<ProjectId>() },
      providers: [{ id: 'far', ai: [] }],
      books: this.told.state.books,
    });
  }

  async queue(...ids: string[]): Promise<void> {
    this.told.at = this.clock.now();
    for (const id of ids) this.told.queue(id, { preferred_ai: 'far' });
    await settled();
  }

  async after(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.told.at = this.clock.now();
  }

  async restart(): Promise<void> {
    await this.dispatcher.stop();
    this.told.restart();
    this.load = new Load(this.told.state.open.values());
    this.dispatcher = this.#start();
    await settled();
  }

  live(): LiveTask[] {
    return [...this.told.state.open.values()].filter(isLive);
  }

  why(id: string) {
    return this.dispatcher.waiting(this.told.task(id) as QueuedTask);
  }

  #start(): Dispatcher {
    const { told, clock } = this;
    const listeners = new Set<(changes: readonly Change[]) => void>();
    told.heard = (changes) => {
      this.load.apply(changes);
      for (const listener of listeners) listener(changes);
    };
    const store = {
      open: () => told.state.open,
      subscribe: (listener: (changes: readonly Change[]) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      claim: async (ref: TaskRef, route: RunRoute) => {
        await Promise.resolve(); // others are chosen meanwhile
        if (this.refusing-- > 0) return refuse('stale', 'its file was changed', 'it is looked at again');
        told.at = clock.now();
        told.claim(ref.id, route);
        const task = told.state.open.get(keyOf(ref)) as LiveTask;
        const lease = { task: ref, attempt: task.attempt, epoch: 'e', token: 't' };
        return { lease, task, bytes: new Uint8Array() };
      },
    };
    const launch = async ({ task }: { task: LiveTask }) => void this.launched.push(task.id);
    const dispatcher = new Dispatcher({
      ...{ store, clock, load: this.load, fleet: () => this.fleet(), ageStep: () => HOUR },
      launch: { launch, delegate: launch },
      report: (problem) => {
        throw problem;
      },
    });
    dispatcher.start();
    return dispatcher;
  }
}

describe('what is spent', () => {
  it('makes a task wait until midnight, wakes it then, and costs it no attempt', async () => {
    const yard = new Yard({ agents: { far: { daily_jobs: 2 } } });
    await yard.queue('a', 'b', 'c');
    expect(yard.launched).toEqual(['a', 'b']);
    expect(yard.why('c')).toMatchObject({ reason: 'allowance', until: NOON + 12 * HOUR });
    await yard.after(12 * HOUR - 1);
    expect(yard.launched).toHaveLength(2);
    await yard.after(1);
    expect(yard.launched).toEqual(['a', 'b', 'c']);
    expect(yard.told.task('c')).toMatchObject({ attempt: 1, spent: 1 });
  });

  it('is still spent after a restart', async () => {
    const yard = new Yard({ agents: { far: { daily_jobs: 2 } } });
    await yard.queue('a', 'b', 'c');
    yard.told.end('a', { state: 'done', result: 'x' });
    await yard.restart();
    expect(yard.launched).toEqual(['a', 'b']);
    await yard.after(12 * HOUR);
    expect(yard.launched).toHaveLength(3);
  });

  it('costs next to nothing to wait for', async () => {
    const yard = new Yard({ agents: { far: { daily_jobs: 1 } } });
    await yard.queue('a', 'b');
    yard.looks = 0;
    await yard.after(12 * HOUR - 1);
    expect(yard.looks).toBeLessThan(200); // a look every few minutes
  });

  it('is looked at when an end gives a job back', async () => {
    const yard = new Yard({ agents: { far: { daily_jobs: 1, concurrent_jobs: 1 } } });
    await yard.queue('a', 'b');
    expect(yard.launched).toEqual(['a']);
    yard.told.end('a', { state: 'cancelled', reason: 'x', never_began: true });
    await settled();
    expect(yard.launched).toEqual(['a', 'b']);
  });

  it('is looked at now and then before its time, because clocks jump', async () => {
    const yard = new Yard({ projects: { shop: { cooldown: '300d' } } });
    await yard.queue('a');
    yard.told.end('a', { state: 'failed', error_class: 'crash', reason: 'x' });
    await yard.queue('b');
    expect(yard.why('b')).toMatchObject({ reason: 'allowance', until: NOON + 300 * DAY });
    yard.told.state.books.failures.set(SHOP, NOON + 2 * DAY); // as if the failure were of a clock that was wrong
    await yard.after(HOUR);
    expect(yard.launched).toEqual(['a', 'b']);
  });

  it('holds a project back after a failure, for as long as it is told to', async () => {
    const yard = new Yard({ projects: { shop: { cooldown: '10m' } } });
    await yard.queue('a');
    yard.told.end('a', { state: 'failed', error_class: 'crash', reason: 'x' });
    await yard.queue('b');
    await yard.after(600_000 - 1);
    expect(yard.launched).toEqual(['a']);
    await yard.after(1);
    expect(yard.launched).toEqual(['a', 'b']);
  });

  it('is not taken twice by claims that are under way together', async () => {
    const yard = new Yard({ agents: { far: { daily_jobs: 3, concurrent_jobs: 2 } } });
    yard.refusing = 1;
    await yard.queue(...Array.from({ length: 20 }, (_, n) => `t${n}`));
    expect(yard.live()).toHaveLength(2);
    await yard.after(5_000);
    expect(yard.live()).toHaveLength(2);
  });
});

test('no interleaving of starts, refusals, ends, crashes and days passes a limit', async () => {
  const act = fc.record({
    what: fc.constantFrom('queue', 'queue', 'done', 'failed', 'requeue', 'void', 'refuse', 'restart', 'hours' as const),
    n: fc.nat(20),
  });
  const limits = { agents: { far: { daily_jobs: 5, concurrent_jobs: 3 } }, projects: { shop: { daily_jobs: 7 } } };
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 50 }), async (acts) => {
      const yard = new Yard(limits);
      let count = 0;
      for (const { what, n } of acts) {
        const live = yard.live();
        const id = live[n % Math.max(1, live.length)]?.id;
        if (what === 'queue') await yard.queue(`t${count++}`, `t${count++}`);
        else if (what === 'refuse') yard.refusing = n % 3;
        else if (what === 'restart') await yard.restart();
        else if (what === 'hours') await yard.after(n * HOUR);
        else if (id !== undefined && what === 'done') yard.told.end(id, { state: 'done', result: 'x' });
        else if (id !== undefined && what === 'failed')
          yard.told.end(id, { state: 'failed', error_class: 'crash', reason: 'x' });
        else if (id !== undefined && what === 'requeue') yard.told.requeue(id);
        else if (id !== undefined) yard.told.void(id);
        await settled();
        expect(yard.live().length).toBeLessThanOrEqual(3);
        expect(yard.load.allowance.at_work.get('far') ?? 0).toBe(yard.live().length);
        expect([...yard.load.allowance.claims.agent]).toEqual([]);
        for (const day of yard.told.state.books.days.keys()) {
          const { jobs } = spentBy(yard.told.state.books, 'agent', 'far', day * DAY);
          expect(jobs).toBeGreaterThanOrEqual(0);
          expect(jobs).toBeLessThanOrEqual(5);
        }
      }
      expect(dayOf(yard.clock.now())).toBeGreaterThanOrEqual(dayOf(NOON));
      await yard.dispatcher.stop();
      expect(yard.clock.pending).toBe(0);
    }),
    { numRuns: 100 },
  );
});
