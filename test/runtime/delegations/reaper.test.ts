import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delegations } from '../../../src/runtime/delegations/delegations.ts';
import { MINUTE, realClock, World } from './world.ts';

describe('following jobs', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.make();
  });
  afterEach(() => world.close());

  const CANCEL = { paths: { cancel: '/api/v1/jobs/{id}/cancel' } };
  const delegate = async (runtime: Delegations, id: string, provider = 'far') => {
    const { lease, task, bytes } = world.store.claim(id, { provider });
    await runtime.submit(lease, task, bytes);
  };

  it('brings the result home once, with what it cost, and clears the marker', async () => {
    await world.service('far', { statuses: ['queued', 'processing', 'completed'] });
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    await delegate(runtime, 'login');
    await world.untilEnded(runtime);
    expect(world.store.ends).toHaveLength(1);
    expect(world.lastEnd).toEqual({
      kind: 'finished',
      outcome: {
        ...{ state: 'done', result: 'Answer to: Task: login.md\n\nDo login.', provider: 'gemini', model: 'fake-1' },
        ...{ cost_cad: 0.0123, tokens: 321, job_id: 'job-1' },
      },
    });
    expect(await world.marker('login')).toBeUndefined();
    expect(runtime.status()).toMatchObject({ delegated_active: 0, delegated_completed_total: 1, jobs: [] });
    expect(runtime.status().delegated_polls_total).toBeGreaterThan(0);
  });

  it('looks at a job once per interval', async () => {
    const service = await world.service('far', { statuses: ['processing'] });
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    await delegate(runtime, 'login');
    for (let second = 0; second <= 90; second++) {
      await runtime.tick();
      world.clock.time += 1_000;
    }
    expect(service.job('job-1').looks).toBe(3);
    expect(runtime.status().jobs[0]).toMatchObject({ status: 'processing' });
  });

  it.each(['failed', 'cancelled'] as const)('ends a job that is %s upstream as failed', async (status) => {
    const service = await world.service('far');
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    await delegate(runtime, 'login');
    service.settle('job-1', status, 'no credit');
    await world.untilEnded(runtime);
    const reason = `${status} upstream: no credit`;
    expect(world.lastEnd).toMatchObject({
      outcome: { state: 'failed', error_class: 'upstream', reason, job_id: 'job-1' },
    });
    expect(runtime.status().delegated_failed_total).toBe(1);
  });

  it('believes that a job is gone only after three looks over two minutes', async () => {
    const service = await world.service('far', { statuses: ['processing'] });
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    await delegate(runtime, 'login');
    const job = service.job('job-1');
    service.jobs.clear();
    for (let n = 0; n < 4; n++) {
      world.clock.time += 30_000;
      await runtime.tick();
    }
    expect(world.store.ends).toHaveLength(0);
    service.jobs.set('job-1', job); // it was only a moment
    world.clock.time += 30_000;
    await runtime.tick();
    service.jobs.clear();
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({
      outcome: { error_class: 'upstream', reason: expect.stringContaining('does not know') },
    });
  });

  it('lets trouble pass: 500s, malformed answers, dropped connections, a result that breaks off', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    service.fault('status', { kind: 'status', code: 500 }, 2);
    service.fault('status', { kind: 'body', text: '<html>' });
    service.fault('status', { kind: 'drop' });
    service.fault('result', { kind: 'drop' });
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    await delegate(runtime, 'login');
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    expect(world.store.ends).toHaveLength(1);
  });

  it('asks nobody at another address, cancels nothing there, and goes on when the old one is back', async () => {
    await world.service('far', { statuses: ['processing'] });
    const before = world.provider('far');
    const known = new Map([['far', before]]);
    const runtime = world.runtime([], {}, { providers: () => known });
    await runtime.start();
    await delegate(runtime, 'login');
    const first = world.services.get('far');
    await world.service('far');
    known.set('far', world.provider('far')); // the same name, elsewhere
    for (let n = 0; n < 20; n++) {
      world.clock.time += 30_000;
      await runtime.tick();
    }
    expect(world.store.ends).toHaveLength(0);
    expect(runtime.job(world.ref('login'))?.trouble).toMatch(/it was sent to .*, and far is at .* now/);
    expect(world.services.get('far')?.requests).toEqual([]);
    known.set('far', before);
    first?.settle('job-1', 'completed');
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    await first?.close();
  });

  it('does not take a sleep of this machine for a silence of the provider', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    await delegate(runtime, 'login');
    world.clock.time += 25 * 60 * MINUTE;
    service.fault('status', { kind: 'status', code: 503 });
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
  });

  it('gives a job up when nothing usable is heard of it for a day', async () => {
    const service = await world.service('far');
    const runtime = world.runtime([world.provider('far')]);
    await runtime.start();
    await delegate(runtime, 'login');
    service.fault('status', { kind: 'status', code: 500 }, 10_000);
    await world.untilEnded(runtime, 300, 10 * MINUTE);
    expect(world.lastEnd).toMatchObject({
      outcome: { error_class: 'upstream', reason: expect.stringContaining('HTTP 500') },
    });
    expect(service.requests.length).toBeGreaterThan(100);
  });

  it('keeps all of a provider’s jobs away for as long as it asks, but within bounds', async () => {
    const service = await world.service('far', { statuses: ['processing'] });
    const runtime = world.runtime([world.provider('far')], { concurrency: 1 });
    await runtime.start();
    for (const id of ['a', 'b', 'c']) await delegate(runtime, id);
    service.fault('status', { kind: 'status', code: 429, retry_after: '999999999' });
    world.clock.time += 30_000;
    await runtime.tick();
    expect(service.requests.filter((line) => line.startsWith('GET'))).toHaveLength(1);
    world.clock.time += 59 * MINUTE;
    await runtime.tick();
    expect(service.requests.filter((line) => line.startsWith('GET'))).toHaveLength(1);
    world.clock.time += 2 * MINUTE;
    await runtime.tick();
    expect(service.requests.filter((line) => line.startsWith('GET'))).toHaveLength(4);
  });

  it('does not let a silent provider hold up another', async () => {
    const silent = await world.service('silent', { statuses: ['processing'] });
    await world.service('quick', { statuses: ['completed'] });
    const runtime = world.runtime([world.provider('silent'), world.provider('quick')], { concurrency: 1 });
    await runtime.start();
    await delegate(runtime, 'stuck', 'silent');
    await delegate(runtime, 'smooth', 'quick');
    silent.fault('status', { kind: 'stall' });
    const ended = new Promise<void>((resolve) => world.store.subscribe(() => resolve()));
    world.clock.time += 30_000;
    const ticking = runtime.tick();
    while (world.store.ends.length === 0) await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 5))]);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    await runtime.stop();
    await ticking;
  });

  it('cancels upstream where it can, and says so where it cannot', async () => {
    const kind = await world.service('kind', { statuses: ['processing'] });
    await world.service('deaf', { statuses: ['processing'] });
    const runtime = world.runtime([world.provider('kind', CANCEL), world.provider('deaf')]);
    await runtime.start();
    await delegate(runtime, 'a', 'kind');
    world.store.cancel('a', 'changed my mind');
    await runtime.tick(); // at once, not at the next look
    expect(world.lastEnd).toEqual({ kind: 'finished', outcome: { state: 'cancelled', reason: 'changed my mind' } });
    expect(kind.job('job-1').statuses).toEqual(['cancelled']);

    await delegate(runtime, 'b', 'deaf');
    world.store.cancel('b', 'changed my mind');
    await runtime.tick();
    expect(world.lastEnd).toMatchObject({
      outcome: { state: 'cancelled', reason: expect.stringContaining('may go on upstream') },
    });
  });

  it('waits for a provider that left the configuration, and says so', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    const provider = world.provider('far');
    let known = new Map([['far', provider]]);
    const runtime = world.runtime([], {}, { providers: () => known });
    await runtime.start();
    await delegate(runtime, 'login');
    known = new Map();
    world.clock.time += 30_000;
    await runtime.tick();
    expect(world.troubles).toEqual([expect.stringContaining('not configured any more')]);
    known = new Map([['far', provider]]);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
    expect(service.jobs.size).toBe(1);
  });

  it('sweeps 200 jobs within its concurrency', async () => {
    const service = await world.service('far', { statuses: ['processing', 'completed'], latency_ms: 5 });
    const runtime = world.runtime([world.provider('far')], { concurrency: 16 });
    await runtime.start();
    await Promise.all(Array.from({ length: 200 }, (_, n) => delegate(runtime, `t${n}`)));
    expect(service.jobs.size).toBe(200);
    world.clock.time += 30_000;
    await runtime.tick();
    expect([...service.jobs.values()].every((job) => job.looks === 1)).toBe(true);
    await world.untilEnded(runtime);
    expect(world.store.ends).toHaveLength(200);
    expect(runtime.status()).toMatchObject({ delegated_active: 0, delegated_completed_total: 200 });
    expect(service.most_in_flight).toBe(16);
    expect(new Set([...service.jobs.values()].map((job) => job.key)).size).toBe(200);
  });

  it('does all of it by itself in real time', async () => {
    await world.service('far', { statuses: ['processing', 'completed'] });
    const runtime = world.runtime([world.provider('far')], { interval_ms: 40 }, { clock: realClock });
    await runtime.start();
    await delegate(runtime, 'login');
    while (world.store.ends.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
  });

  it('stops with nothing left behind, twice, and starts again', async () => {
    const service = await world.service('far', { statuses: ['processing'] });
    const provider = world.provider('far');
    const handles = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = handles();
    const runtime = world.runtime([provider], { interval_ms: 60_000 }, { clock: realClock });
    await runtime.start();
    await runtime.start();
    await delegate(runtime, 'login');
    service.fault('status', { kind: 'stall' });
    await runtime.stop();
    await runtime.start(); // looks at once
    while (service.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([runtime.stop(), runtime.stop()]);
    await runtime.stop();
    await provider.close();
    while ((await service.connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(handles()).toBeLessThanOrEqual(before);
    expect(world.store.ends).toHaveLength(0);
  });

  it('lets a submit finish that is under way when it stops', async () => {
    const service = await world.service('far', { latency_ms: 100 });
    const runtime = world.runtime([world.provider('far')], {}, { clock: realClock });
    await runtime.start();
    const submitting = delegate(runtime, 'login');
    while (service.in_flight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await runtime.stop();
    await submitting;
    expect([...world.store.tasks.values()][0]).toMatchObject({ state: 'running', job_id: 'job-1' });
  });

  it('cuts a submit off after the grace, and decides nothing about it', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'stall', accepting: true });
    const runtime = world.runtime([world.provider('far')], { stop_grace_ms: 50 }, { clock: realClock });
    await runtime.start();
    const submitting = delegate(runtime, 'login');
    while (service.in_flight === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await runtime.stop();
    await submitting;
    expect(world.store.ends).toHaveLength(0);
    expect([...world.store.tasks.values()][0]).toMatchObject({ state: 'running' });
  });
});
