import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Death, mortal } from './death.ts';
import { MINUTE, World } from './world.ts';

const KINDS = {
  'honours keys': [{ honour_keys: true }, { idempotent_submit: true }],
  'ignores keys': [{ honour_keys: false }, { idempotent_submit: false }],
  'can look keys up': [{ honour_keys: false }, { paths: { find: '/api/v1/jobs?idempotency_key={key}' } }],
} as const;

describe('a runtime that is killed', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.make();
  });
  afterEach(() => world.close());

  async function live(at: number, when: 'before' | 'after', kind: keyof typeof KINDS) {
    const [service_options, config] = KINDS[kind];
    const service = await world.service('far', { ...service_options, statuses: ['processing', 'completed'] });
    const death = new Death(at, when);
    const [dying, ports] = mortal(world, death, world.provider('far', config));
    const first = world.runtime([dying], {}, ports);
    await first.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    const life = first.submit(lease, task, bytes).then(() => world.untilEnded(first));
    await Promise.race([life, death.dead]);
    world.bury(first);
    return { service, death, provider: world.provider('far', config) };
  }

  // The effects of an undisturbed life, in order: what the invariants of submit.ts promise.
  const LIFE = ['marker', 'started', 'submit', 'jobAccepted', 'marker', 'look', 'look', 'end', 'unmark'];

  it('has these effects when nothing happens to it', async () => {
    const { death } = await live(Number.POSITIVE_INFINITY, 'after', 'honours keys');
    expect(death.seen).toEqual(LIFE);
  });

  it('is not asked again under its key at another address, where that would be a second job', async () => {
    const [options, config] = KINDS['honours keys'];
    await live(3, 'after', 'honours keys');
    const first = world.services.get('far');
    const other = await world.service('far', options);
    const second = world.runtime([world.provider('far', config)]);
    await second.start();
    await world.untilEnded(second);
    expect(world.store.ends).toHaveLength(0); // base_url may be put right again
    await world.untilEnded(second, 100, 60 * MINUTE);
    expect([first?.jobs.size, other.jobs.size]).toEqual([1, 0]);
    expect(other.requests).toEqual([]);
    expect(world.lastEnd).toMatchObject({ outcome: { error_class: 'unconfirmed' } });
    await first?.close();
  });

  it('is asked again where only the spelling of its address has changed', async () => {
    const { service } = await live(3, 'after', 'honours keys');
    const second = world.runtime([world.provider('far', { ...KINDS['honours keys'][1], base_url: `${service.url}/` })]);
    await second.start();
    await world.untilEnded(second);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    expect(service.jobs.size).toBe(1);
  });

  const deaths = LIFE.flatMap((effect, n) => [
    [n + 1, 'before', effect],
    [n + 1, 'after', effect],
  ]) as [number, 'before' | 'after', string][];

  for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
    it.each(deaths)(`at effect %i, %s %s, by a provider that ${kind}: one job or an honest word`, async (at, when) => {
      const { service, provider } = await live(at, when, kind);
      const second = world.runtime([provider]);
      await second.start();
      await world.untilEnded(second);

      expect(world.store.tasks.size).toBe(0);
      expect(world.store.ends).toHaveLength(1);
      expect(service.jobs.size).toBeLessThanOrEqual(1);
      const outcome = world.lastEnd?.kind === 'finished' ? world.lastEnd.outcome : undefined;
      // Doubt is only there between the journalled start and the journalled job.
      const inDoubt = (at === 2 && when === 'after') || at === 3 || (at === 4 && when === 'before');
      const reached = (at === 3 && when === 'after') || (at === 4 && when === 'before');
      const honest = kind === 'ignores keys' ? inDoubt : kind === 'can look keys up' && inDoubt && !reached;
      if (honest) {
        expect(outcome).toMatchObject({ state: 'failed', error_class: 'unconfirmed' });
        expect(service.jobs.size).toBe(reached ? 1 : 0);
      } else {
        expect(outcome).toMatchObject({ state: 'done', job_id: 'job-1' });
        expect(service.jobs.size).toBe(1);
      }
    });
  }

  it('takes the job’s name from the marker when the journal has lost it', async () => {
    const service = await world.service('far', { honour_keys: false, statuses: ['completed'] });
    const provider = world.provider('far');
    const first = world.runtime([provider]);
    await first.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await first.submit(lease, task, bytes);
    await first.stop();
    for (const [key, open] of world.store.tasks) {
      if (open.state !== 'running') throw new Error('expected it to run');
      const { job_id: _lost, ...rest } = open;
      world.store.tasks.set(key, rest);
    }
    const second = world.runtime([provider]);
    await second.start();
    await world.untilEnded(second);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', job_id: 'job-1' } });
    expect(service.requests.filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  it('does not believe a marker of another attempt, nor a broken one', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    const provider = world.provider('far', { idempotent_submit: true });
    const claim = world.store.claim('login', { provider: 'far' });
    await world.store.started(claim.lease);
    const marker = {
      project: 'shop',
      task_file: 'login.md',
      job_id: 'job-7',
      provider: 'far',
      started_at: 'x',
      attempt: 9,
    };
    const path = join(world.inbox, 'login.md.delegated');
    await writeFile(path, JSON.stringify(marker));
    const runtime = world.runtime([provider]);
    await runtime.start();
    await runtime.tick();
    expect([...world.store.tasks.values()][0]).toMatchObject({ job_id: 'job-1' });
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ job_id: 'job-1', attempt: 1 });
    await runtime.stop();
    await writeFile(path, '{"job_id":');
    await runtime.start();
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', job_id: 'job-1' } });
    expect(service.jobs.size).toBe(1);
  });

  it('does not ask again for an answer that was kept, not even where its provider is gone', async () => {
    const { lease } = world.store.claim('paid', { provider: 'far' });
    await world.store.started(lease);
    await world.store.jobAccepted(lease, 'job-1');
    const outcome = { state: 'done', result: 'Paid for.', provider: 'far', job_id: 'job-1' } as const;
    const answers = {
      judge: async () => ({ kind: 'done', outcome }) as const,
      stop: async () => undefined,
      kept: async () => outcome,
    };
    const runtime = world.runtime([], {}, { answers });
    await runtime.start();
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', result: 'Paid for.' } });
  });

  it('follows a job that was taken over while it runs', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    const other = world.provider('far');
    const key = 'of-the-older-queue';
    const order = { key, type: 'analyze', priority: 'normal', prompt: 'Do it.', source: 'seed' };
    await other.submit(order, new AbortController().signal);
    const { lease } = world.store.claim('seed', { provider: 'far' });
    await world.store.started(lease);
    await world.store.jobAccepted(lease, 'job-1');
    while (!runtime.job(lease.task)) await new Promise((resolve) => setImmediate(resolve));
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', result: 'Answer to: Do it.' } });
    expect(service.jobs.size).toBe(1);
  });
});
