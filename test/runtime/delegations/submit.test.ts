import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { settingsOf } from '../../../src/runtime/delegations/settings.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { MINUTE, World } from './world.ts';

describe('submitting a task to a provider', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.make();
  });
  afterEach(() => world.close());

  const idempotent = { idempotent_submit: true, timeout: 0.3 };
  const oneShot = { idempotent_submit: false, timeout: 0.3 };
  const FIND = { paths: { find: '/api/v1/jobs?idempotency_key={key}' } };

  it('leaves a marker, a job with the contract’s fields, and the job’s name in the journal', async () => {
    const service = await world.service('far');
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim(
      'login',
      { provider: 'far', ai: 'gemini' },
      { priority: 'critical' },
    );
    await runtime.submit(lease, task, bytes);

    const job = service.job('job-1');
    expect(job.order).toEqual({
      type: 'analyze',
      priority: 'high',
      prompt: 'Task: login.md\n\nDo login.',
      preferred_ai: 'gemini',
      source: 'yardmaster/dispatcher',
    });
    expect(await world.marker('login')).toEqual({
      project: 'shop',
      task_file: 'login.md',
      job_id: 'job-1',
      provider: 'far',
      started_at: '2026-11-20T08:00:00.000Z',
      attempt: 1,
      idempotency_key: job.key,
      address: service.url,
    });
    expect([...world.store.tasks.values()][0]).toMatchObject({ state: 'running', job_id: 'job-1' });
    world.clock.time += 90_000;
    const counters = {
      delegated_active: 1,
      delegated_completed_total: 0,
      delegated_failed_total: 0,
      delegated_polls_total: 0,
    };
    expect(runtime.status()).toEqual({
      ...counters,
      providers: { far: { ...counters, state: 'closed' } },
      jobs: [
        {
          ...{ job_id: 'job-1', project: 'shop', task_file: 'login.md', provider: 'far', duration: 90 },
          ...{ attempt: 1, status: 'submitted', heard_at: '2026-11-20T08:00:00.000Z' },
          next_look_at: '2026-11-20T08:00:30.000Z',
        },
      ],
    });
  });

  it('has the marker on disk and the start in the journal before the request', async () => {
    await world.service('far');
    const provider = world.provider('far');
    const seen: unknown[] = [];
    const runtime = world.runtime([
      {
        ...provider,
        id: 'far',
        look: provider.look.bind(provider),
        close: async () => {},
        submit: async (order, signal) => {
          seen.push(await world.marker('login'), [...world.store.tasks.values()][0]?.state, order.key);
          return provider.submit(order, signal);
        },
      },
    ]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    expect(seen).toEqual([expect.objectContaining({ job_id: null, idempotency_key: seen[2] }), 'running', seen[2]]);
  });

  it('asks the retry policy what follows a refusal, and sends nothing more', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'status', code: 401 });
    const runtime = world.runtime([world.provider('far', idempotent)]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    expect(world.lastEnd).toMatchObject({
      kind: 'finished',
      outcome: { state: 'failed', error_class: 'auth', reason: 'HTTP 401 scripted 401', provider: 'far' },
    });
    await world.untilEnded(runtime);
    expect(service.requests).toHaveLength(1);
    expect(runtime.status()).toMatchObject({ delegated_active: 0, delegated_failed_total: 1 });
    expect(await world.marker('login')).toBeUndefined();
  });

  it('puts a task back, unspent, when the provider is too busy, and not before the time it named', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'status', code: 429, retry_after: '120' });
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    const first = world.store.claim('login', { provider: 'far' });
    await runtime.submit(first.lease, first.task, first.bytes);
    expect(world.lastEnd).toMatchObject({ kind: 'requeue', class: 'rate_limit', spent: false });
    expect(world.lastEnd).toMatchObject({ not_before: world.clock.time + 2 * MINUTE });
    expect(await world.marker('login')).toBeUndefined();

    // The pause is the provider's: no other task of ours knocks meanwhile.
    const other = world.store.claim('logout', { provider: 'far' });
    await runtime.submit(other.lease, other.task, other.bytes);
    expect(world.lastEnd).toMatchObject({ kind: 'requeue', not_before: world.clock.time + 2 * MINUTE });
    expect(service.requests).toHaveLength(1);

    world.clock.time += 3 * MINUTE;
    const again = world.store.claim('login', { provider: 'far' });
    expect(again.lease.attempt).toBe(2);
    await runtime.submit(again.lease, again.task, again.bytes);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    expect(service.jobs.size).toBe(1);
  });

  it('submits nothing with local_only, neither for the first time nor again', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'drop', accepting: true });
    let local_only = false;
    const settings = () => ({ ...settingsOf(Config.parse({})), local_only });
    const runtime = world.runtime([world.provider('far', idempotent)], {}, { settings });
    await runtime.start();
    const doubtful = world.store.claim('login', { provider: 'far' });
    await runtime.submit(doubtful.lease, doubtful.task, doubtful.bytes);
    const before = service.requests.length;
    local_only = true;
    const first = world.store.claim('logout', { provider: 'far' });
    await runtime.submit(first.lease, first.task, first.bytes);
    expect(world.lastEnd).toMatchObject({
      kind: 'requeue',
      spent: false,
      reason: expect.stringContaining('local_only'),
    });
    for (let n = 0; n < 10; n++) {
      world.clock.time += MINUTE;
      await runtime.tick();
    }
    expect(service.requests).toHaveLength(before);
    local_only = false;
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    expect(service.jobs.size).toBe(1);
  });

  it('waits longer each time that nobody listens', async () => {
    const runtime = world.runtime([world.provider('nowhere')]);
    await runtime.start();
    const waits: number[] = [];
    for (let n = 0; n < 4; n++) {
      const { lease, task, bytes } = world.store.claim('login', { provider: 'nowhere' });
      await runtime.submit(lease, task, bytes);
      if (world.lastEnd?.kind === 'requeue') waits.push(world.lastEnd.not_before - world.clock.time);
    }
    expect(waits).toEqual([3_750, 7_500, 15_000, 30_000]);
  });

  it.each(['drop', 'stall', 'drip'] as const)(
    'sends the same key again after %s, and there is one job',
    async (kind) => {
      const service = await world.service('far');
      service.fault('submit', { kind, accepting: true }, 2);
      const runtime = world.runtime([world.provider('far', idempotent)]);
      await runtime.start();
      const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
      await runtime.submit(lease, task, bytes);
      await world.untilEnded(runtime);
      expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', job_id: 'job-1' } });
      expect(service.requests.filter((line) => line.startsWith('POST'))).toHaveLength(3);
      expect(service.jobs.size).toBe(1);
    },
  );

  it('does not take a later "try again later" for proof that the first request was not taken', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'drop', accepting: true });
    service.fault('submit', { kind: 'status', code: 503 });
    const runtime = world.runtime([world.provider('far', idempotent)]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime);
    expect(world.store.ends).toHaveLength(1);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', job_id: 'job-1' } });
    expect(service.jobs.size).toBe(1);
  });

  it('ends as unconfirmed when a repeated submit is refused for good', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'drop', accepting: true });
    service.fault('submit', { kind: 'status', code: 400 }, 10);
    const runtime = world.runtime([world.provider('far', idempotent)]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({
      outcome: { error_class: 'unconfirmed', reason: expect.stringMatching(/^may have run upstream: .*400/) },
    });
    expect(service.jobs.size).toBe(1);
  });

  it('trusts a key for a day and no longer', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'status', code: 500 }, 10_000);
    const runtime = world.runtime([world.provider('far', idempotent)]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime, 200, 10 * MINUTE);
    expect(world.lastEnd).toMatchObject({ outcome: { error_class: 'unconfirmed' } });
    expect(world.clock.time - Date.parse('2026-11-20T08:00:00Z')).toBeGreaterThanOrEqual(24 * 60 * MINUTE);
  });

  it('says "may have run upstream" at once where a second request could make a second job', async () => {
    const service = await world.service('far', { honour_keys: false });
    service.fault('submit', { kind: 'drop', accepting: true });
    const runtime = world.runtime([world.provider('far', oneShot)]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({
      outcome: {
        state: 'failed',
        error_class: 'unconfirmed',
        reason: expect.stringMatching(/^may have run upstream/),
        provider: 'far',
      },
    });
    expect(service.requests).toEqual(['POST /api/v1/jobs']);
  });

  it('looks the job up by its key where the service can', async () => {
    const service = await world.service('far', { honour_keys: false });
    service.fault('submit', { kind: 'drop', accepting: true });
    service.fault('find', { kind: 'status', code: 502 });
    const runtime = world.runtime([world.provider('far', { ...oneShot, ...FIND })]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', job_id: 'job-1' } });
    expect(service.jobs.size).toBe(1);
  });

  it('looks three times before it believes that no job is there, and still sends nothing again', async () => {
    const service = await world.service('far', { honour_keys: false });
    service.fault('submit', { kind: 'drop', accepting: false });
    const runtime = world.runtime([world.provider('far', { ...oneShot, ...FIND })]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({
      outcome: { error_class: 'unconfirmed', reason: expect.stringMatching(/lists no job with its key/) },
    });
    expect(service.requests.filter((line) => line.startsWith('GET'))).toHaveLength(3);
    expect(service.jobs.size).toBe(0);
  });

  it('does not send a task that was cancelled before its turn', async () => {
    const service = await world.service('far');
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    world.store.cancel('login', 'not needed');
    await runtime.submit(lease, task, bytes);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'cancelled', reason: 'not needed' } });
    expect(service.requests).toEqual([]);
  });

  it('tries again when the disk is full, without a second request', async () => {
    const service = await world.service('far');
    let full = 3;
    const store = {
      ...world.store,
      open: world.store.open,
      jobAccepted: async (...given: Parameters<typeof world.store.jobAccepted>) => {
        if (full-- > 0) throw new Error('ENOSPC');
        return world.store.jobAccepted(...given);
      },
    };
    const runtime = world.runtime([world.provider('far', oneShot)], {}, { store });
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    expect(world.troubles).toContainEqual(expect.stringContaining('ENOSPC'));
    expect(service.jobs.size).toBe(1);
  });
});
