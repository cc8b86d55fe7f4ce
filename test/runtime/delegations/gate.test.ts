import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delegations } from '../../../src/runtime/delegations/delegations.ts';
import { Gate } from '../../../src/runtime/delegations/gate.ts';
import type { Provider } from '../../../src/runtime/ports.ts';
import { MINUTE, World } from './world.ts';

const RULE = { after: 3, pause_ms: MINUTE };

describe('a provider that fails again and again', () => {
  let world: World;
  let changes: number;
  beforeEach(async () => {
    world = await World.make();
    changes = 0;
  });
  afterEach(() => world.close());

  const runtimeOf = (...providers: Provider[]) =>
    world.runtime(providers, { breaker: RULE, concurrency: 1 }, { changed: () => changes++ });
  const delegate = async (runtime: Delegations, id: string, provider = 'far') => {
    const { lease, task, bytes } = world.store.claim(id, { provider });
    await runtime.submit(lease, task, bytes);
  };
  const looks = () => world.services.get('far')?.requests.filter((line) => line.startsWith('GET')).length ?? 0;

  it('is left alone, by looks and by submits, until one request tries it', async () => {
    const service = await world.service('far', { statuses: ['processing'] });
    const runtime = runtimeOf(world.provider('far'));
    await runtime.start();
    for (const id of ['a', 'b', 'c', 'd', 'e']) await delegate(runtime, id);
    service.fault('status', { kind: 'status', code: 500 }, 4);
    world.clock.time += 30_000;
    await runtime.tick();
    expect(looks()).toBe(3);
    expect(runtime.away().get('far')).toEqual({
      detail: '3 failures in a row, the last one: HTTP 500 scripted 500',
      until: world.clock.time + MINUTE,
    });
    expect(runtime.status().providers.far).toMatchObject({
      state: 'open',
      until: new Date(world.clock.time + MINUTE).toISOString(),
      last_trouble: 'HTTP 500 scripted 500',
    });
    expect(runtime.needs()).toEqual([]);
    expect(changes).toBe(1);

    await delegate(runtime, 'late');
    expect(world.lastEnd).toMatchObject({ kind: 'requeue', spent: false, not_before: world.clock.time + MINUTE });
    expect(service.jobs.size).toBe(5);

    world.clock.time += MINUTE;
    expect(runtime.away().get('far')).toMatchObject({ max: 6 }); // its five, and one more to try it
    await runtime.tick();
    expect(looks()).toBe(4); // one, and it failed
    expect(runtime.away().get('far')).toMatchObject({ until: world.clock.time + 2 * MINUTE });
    expect(runtime.needs()).toEqual([
      {
        what: expect.stringMatching(/provider far fails since .*HTTP 500 scripted 500; 5 of its jobs .* wait/),
        where: 'far',
        next: expect.stringContaining('delegation.providers.far'),
      },
    ]);

    world.clock.time += 2 * MINUTE;
    await runtime.tick();
    await runtime.tick(); // those that waited follow at once
    expect(looks()).toBeGreaterThanOrEqual(9);
    expect(runtime.away().size).toBe(0);
    expect(runtime.needs()).toEqual([]);
    expect(runtime.status().providers.far).toMatchObject({ state: 'closed' });
  });

  it('is asked again when its trial was answered with a pause that is over already, or shorter than one before', () => {
    const { clock } = world;
    const chance = { hex: () => '00', fraction: () => 0.5 };
    const gate = new Gate({ clock, chance, rule: () => ({ after: 1, pause_ms: MINUTE }), changed: () => undefined });
    gate.heard({ kind: 'busy', reason: 'busy', until: clock.time + MINUTE });
    gate.heard({ kind: 'trouble', reason: 'down' });
    clock.time += 2 * MINUTE;
    const trial = gate.enter();
    if (trial.kind !== 'open') throw new Error('shut');
    clock.time -= 2 * MINUTE; // a clock that is put right
    trial.found({ kind: 'busy', reason: 'busy', until: clock.time });
    trial.leave();
    clock.time += 2 * MINUTE;
    expect(gate.enter().kind).toBe('open');
    expect(gate.away(() => 0)).toBeUndefined();
  });

  it('does not count what it says about one job', async () => {
    const service = await world.service('far');
    service.fault('submit', { kind: 'status', code: 422 }, 6);
    const runtime = runtimeOf(world.provider('far'));
    await runtime.start();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await delegate(runtime, id);
    expect(runtime.away().size).toBe(0);
    expect(service.requests).toHaveLength(6);
  });

  it.each(['120', undefined])('is no failing one when it has too much to do (Retry-After: %s)', async (retry_after) => {
    const service = await world.service('far', { statuses: ['processing'] });
    const runtime = runtimeOf(world.provider('far'));
    await runtime.start();
    await delegate(runtime, 'a');
    service.fault('status', { kind: 'status', code: 429, ...(retry_after !== undefined && { retry_after }) }, 5);
    const hold = retry_after === undefined ? 30_000 : 2 * MINUTE;
    for (let n = 0; n < 5; n++) {
      world.clock.time += 3 * MINUTE;
      await runtime.tick();
      expect(runtime.away().get('far')).toEqual({
        detail: expect.stringContaining('it asked us to wait: HTTP 429'),
        until: world.clock.time + hold,
      });
    }
    expect(runtime.status().providers.far).toMatchObject({ state: 'closed' });
  });

  it('is tried at once when the configuration has made it another one', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    let known = new Map([['far', world.provider('nowhere')]]);
    const runtime = world.runtime([], { breaker: RULE }, { providers: () => known });
    await runtime.start();
    runtime.configured();
    for (const id of ['a', 'b', 'c']) await delegate(runtime, id);
    expect(runtime.away().size).toBe(1);
    known = new Map([['far', world.provider('far')]]);
    runtime.configured();
    expect(runtime.away().size).toBe(0);
    await delegate(runtime, 'd');
    await world.untilEnded(runtime);
    expect(service.jobs.size).toBe(1);
  });
});

describe('the time that a job may take', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.make();
  });
  afterEach(() => world.close());

  const CANCEL = { paths: { cancel: '/api/v1/jobs/{id}/cancel' } };
  const ports = { ttl: () => 10 * MINUTE };
  const delegate = async (runtime: Delegations, provider = 'far') => {
    const { lease, task, bytes } = world.store.claim('long', { provider });
    await runtime.submit(lease, task, bytes);
  };

  it.each([
    ['cancels it upstream where it can', CANCEL, ''],
    ['says that it may go on where it can’t', {}, ' (job job-1 may go on upstream)'],
  ])('ends it for good, and %s', async (_, config, goesOn) => {
    const service = await world.service('far', { statuses: ['processing'] });
    const runtime = world.runtime([world.provider('far', config)], {}, ports);
    await runtime.start();
    await delegate(runtime);
    const begun = world.clock.time;
    await world.untilEnded(runtime);
    expect(world.clock.time - begun).toBe(10 * MINUTE + 30_000);
    expect(world.lastEnd).toMatchObject({
      kind: 'finished',
      outcome: {
        error_class: 'timeout',
        reason: `it took longer than its time limit of 10m${goesOn}`,
        ...{ job_id: 'job-1', provider: 'far' },
      },
    });
    expect(service.job('job-1').statuses).toEqual([goesOn === '' ? 'cancelled' : 'processing']);
  });

  it('holds for a provider that says nothing, and for one that nobody knows any more', async () => {
    const service = await world.service('far', { statuses: ['processing'] });
    let known = new Map([['far', world.provider('far')]]);
    const runtime = world.runtime([], {}, { ...ports, providers: () => known });
    await runtime.start();
    await delegate(runtime);
    service.fault('status', { kind: 'status', code: 500 }, 1_000);
    await world.untilEnded(runtime);
    const silent = expect.stringMatching(/time limit of 10m: .*HTTP 500.* \(job job-1 may go on upstream\)$/);
    expect(world.lastEnd).toMatchObject({ outcome: { error_class: 'timeout', reason: silent } });

    service.heal();
    known = new Map([['other', world.provider('far')]]);
    await delegate(runtime, 'other');
    known = new Map();
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { reason: expect.stringContaining('not configured any more') } });
  });

  it('is not ended by one look that fails right then, however long the job was followed before', async () => {
    const service = await world.service('far', { statuses: ['processing'] });
    const runtime = world.runtime([world.provider('far')], {}, ports);
    await runtime.start();
    await delegate(runtime);
    for (let n = 0; n < 19; n++) {
      world.clock.time += 30_000;
      await runtime.tick();
    }
    Object.assign(service.job('job-1'), { statuses: ['completed'] }); // in time
    world.clock.time += 30_000;
    service.fault('status', { kind: 'status', code: 503 });
    await runtime.tick();
    expect(world.store.ends).toHaveLength(0);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
  });

  it('does not throw away what was done in time while nobody looked', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    const first = world.runtime([world.provider('far')], {}, ports);
    await first.start();
    await delegate(first);
    await first.stop();
    world.clock.time += 600 * MINUTE;
    service.fault('status', { kind: 'status', code: 503 });
    const second = world.runtime([world.provider('far')], {}, ports);
    await second.start();
    await world.untilEnded(second);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done' } });
  });
});
