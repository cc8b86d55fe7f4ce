import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { afterFailure } from '../../../src/runtime/policy/retry.ts';
import type { Provider } from '../../../src/runtime/ports.ts';
import type { DoneOutcome } from '../../../src/runtime/work.ts';
import { Talks } from './talks.ts';
import { MINUTE, realClock, World } from './world.ts';

describe('a provider whose jobs are requests of this process', () => {
  let world: World;
  let talks: Talks;
  beforeEach(async () => {
    world = await World.make();
    talks = new Talks();
  });
  afterEach(() => world.close());

  const policy: Parameters<World['runtime']>[2] = {
    afterFailure: (task, failure) =>
      afterFailure(failure, {
        ...{ spent: task.spent, max_attempts: 3, now: 0, fraction: 0.5, backoff: 1_000, backoff_max: 60_000 },
        ...{ before: [], classes: {}, rejected: 0, verify_retries: 2 },
      }),
  };
  const runtimeOf = (provider: Provider, ports: typeof policy = {}) =>
    world.runtime([provider], {}, { ...policy, ...ports });
  const send = async (runtime: ReturnType<typeof runtimeOf>, id = 'ask') => {
    const { lease, task, bytes } = world.store.claim(id, { provider: 'chat' });
    await runtime.submit(lease, task, bytes);
  };
  const ended = async (count = 1) => {
    while (world.store.ends.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it('is looked at once, when it says that the answer is there', async () => {
    const runtime = runtimeOf(talks, { clock: realClock });
    await runtime.start();
    await send(runtime);
    expect(runtime.job(world.ref('ask'))).toMatchObject({ job_id: 'talk-1', status: 'answering' });
    await talks.end('talk-1', { kind: 'completed', response: 'Forty-two.', model: 'small' });
    await ended();
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', result: 'Forty-two.', job_id: 'talk-1' } });
    expect(talks.looks).toBe(1);
    while (runtime.job(world.ref('ask'))) await new Promise((resolve) => setImmediate(resolve));
  });

  it('is never in doubt: after a death its attempt has failed, counted, and may be made again', async () => {
    const first = runtimeOf(talks);
    await first.start();
    await send(first);
    world.bury(first);
    const second = runtimeOf(new Talks());
    await second.start();
    await second.tick();
    const reason = 'the runtime ended while it answered';
    expect(world.lastEnd).toMatchObject({ kind: 'requeue', class: 'crash', reason, spent: true });
    expect(await world.marker('ask')).toBeUndefined();
  });

  it('has failed too where the request of a dead runtime had no answer yet', async () => {
    talks.first = undefined;
    const first = runtimeOf(talks);
    await first.start();
    void send(first);
    while (talks.orders.length === 0) await new Promise((resolve) => setImmediate(resolve));
    world.bury(first);
    const second = runtimeOf(new Talks());
    await second.start();
    await second.tick();
    expect(world.lastEnd).toMatchObject({ kind: 'requeue', class: 'crash', spent: true });
  });

  it('keeps what a failure took, and obeys its class', async () => {
    const runtime = runtimeOf(talks);
    await runtime.start();
    await send(runtime);
    const used = { tokens: 12, model: 'small' };
    await talks.end('talk-1', { kind: 'failed', class: 'context_overflow', reason: 'too long', used });
    await runtime.tick();
    expect(world.lastEnd).toMatchObject({ kind: 'requeue', class: 'context_overflow', used });
    talks.first = { kind: 'refused', class: 'permission', reason: 'filtered', used };
    await send(runtime);
    expect(world.lastEnd).toMatchObject({
      outcome: { state: 'failed', error_class: 'permission', provider: 'chat', used },
    });
  });

  it.each(['before it answers', 'while it answers'])('is hung up when its task is cancelled %s', async (when) => {
    if (when === 'before it answers') talks.first = undefined;
    const runtime = runtimeOf(talks, { clock: realClock });
    await runtime.start();
    const sending = send(runtime);
    while (talks.orders.length === 0) await new Promise((resolve) => setImmediate(resolve));
    if (when === 'while it answers') await sending;
    world.store.cancel('ask', 'changed my mind');
    await ended();
    expect(world.lastEnd).toEqual({ kind: 'finished', outcome: { state: 'cancelled', reason: 'changed my mind' } });
    expect(talks.hung_up).toEqual(when === 'while it answers' ? ['talk-1'] : []);
  });

  it.each(['before it answers', 'while it answers'])(
    'ends at its time limit %s, under the retry policy',
    async (when) => {
      if (when === 'before it answers') talks.first = undefined;
      const runtime = runtimeOf(talks, { clock: realClock, ttl: () => 50 });
      await runtime.start();
      await send(runtime);
      await ended();
      const reason = 'it took longer than its time limit of 50ms';
      expect(world.lastEnd).toMatchObject({ kind: 'requeue', class: 'timeout', reason, spent: true });
    },
  );

  it.each(['before it answers', 'while it answers'])(
    'ends with the runtime %s, and its attempt counts for nothing',
    async (when) => {
      if (when === 'before it answers') talks.first = undefined;
      const runtime = runtimeOf(talks);
      await runtime.start();
      const sending = send(runtime);
      while (talks.orders.length === 0) await new Promise((resolve) => setImmediate(resolve));
      if (when !== 'before it answers') await sending;
      expect(runtime.atWork()).toMatchObject([{ id: 'ask' }]);
      await runtime.stop();
      expect(world.store.ends).toHaveLength(1);
      expect(world.lastEnd).toMatchObject({ kind: 'requeue', class: 'stopped', spent: false });
      expect(await world.marker('ask')).toBeUndefined();
      expect(runtime.atWork()).toEqual([]);
    },
  );

  it('has its answer judged by the next runtime where this one ends before, and is not asked again', async () => {
    let kept: DoneOutcome | undefined;
    let runtimeEnds = () => {};
    const answers: NonNullable<typeof policy>['answers'] = {
      judge: ({ outcome }) => {
        const known = kept !== undefined;
        kept = outcome;
        if (known) return Promise.resolve({ kind: 'done', outcome });
        return new Promise((resolve) => {
          runtimeEnds = () => resolve({ kind: 'stopped' });
        });
      },
      stop: async () => {},
      kept: async () => kept,
    };
    const first = runtimeOf(talks, { answers });
    await first.start();
    await send(first);
    await talks.end('talk-1', { kind: 'completed', response: 'Done.' });
    void first.tick();
    while (kept === undefined) await new Promise((resolve) => setImmediate(resolve));
    expect(first.atWork()).toEqual([]); // nobody waits for it
    const stopping = first.stop();
    runtimeEnds();
    await stopping;
    expect(world.store.ends).toHaveLength(0);

    const second = runtimeOf(new Talks(), { answers });
    await second.start();
    await second.tick();
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', result: 'Done.', job_id: 'talk-1' } });
    expect(talks.orders).toHaveLength(1);
  });

  it('is not hung up with the runtime where its answer is there already', async () => {
    const judged: string[] = [];
    const answers: NonNullable<typeof policy>['answers'] = {
      judge: async ({ outcome }) => {
        judged.push(outcome.result);
        return { kind: 'stopped' };
      },
      stop: async () => {},
    };
    const runtime = runtimeOf(talks, { answers });
    await runtime.start();
    await send(runtime);
    void talks.end('talk-1', { kind: 'completed', response: 'Paid.' });
    await runtime.stop();
    expect(judged).toEqual(['Paid.']);
    expect([talks.hung_up, world.store.ends]).toEqual([[], []]);
  });

  it('has its answer kept by a stop, where that failed before', async () => {
    let tries = 0;
    const answers: NonNullable<typeof policy>['answers'] = {
      judge: async () => {
        if (++tries === 1) throw new Error('ENOSPC');
        return { kind: 'stopped' };
      },
      stop: async () => {},
    };
    const runtime = runtimeOf(talks, { answers });
    await runtime.start();
    await send(runtime);
    await talks.end('talk-1', { kind: 'completed', response: 'Paid.' });
    await runtime.tick();
    expect(tries).toBe(1);
    await runtime.stop();
    expect(tries).toBe(2);
  });

  it.each(['not configured', 'a service of jobs'])(
    'is known for what it was where its provider is %s since',
    async (now) => {
      const first = runtimeOf(talks);
      await first.start();
      await send(first);
      world.bury(first);
      await world.service('chat');
      const second = world.runtime(now === 'not configured' ? [] : [world.provider('chat')], {}, policy);
      await second.start();
      await second.tick();
      expect(world.lastEnd).toMatchObject({ kind: 'requeue', class: 'crash', spent: true });
    },
  );

  it('takes no job of a service for a request of its own, whatever has its name since', async () => {
    await world.service('chat', { statuses: ['processing'] });
    const first = world.runtime([world.provider('chat')], {}, policy);
    await first.start();
    await send(first);
    world.bury(first);
    const second = runtimeOf(talks);
    await second.start();
    await second.tick();
    expect(world.store.ends).toHaveLength(0); // it goes on upstream, and is not made again
  });

  it('is left alone when it breaks off again and again, though each time something answers', async () => {
    const runtime = world.runtime([talks], { breaker: { after: 2, pause_ms: MINUTE } }, policy);
    await runtime.start();
    talks.first = { kind: 'refused', class: 'crash', reason: 'HTTP 500 out of memory' };
    await send(runtime, 'a');
    expect(runtime.away().size).toBe(0);
    await send(runtime, 'b');
    expect(runtime.away().get('chat')?.detail).toMatch(/2 failures in a row.*out of memory/);
  });

  it('is asked where it was taken, whatever the configuration says since', async () => {
    const known = new Map<string, Provider>([['chat', talks]]);
    const runtime = runtimeOf(talks, { providers: () => known });
    await runtime.start();
    await send(runtime);
    known.set('chat', new Talks());
    await talks.end('talk-1', { kind: 'completed', response: 'Yes.' });
    await runtime.tick();
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', result: 'Yes.' } });
  });

  it('holds no place in the lane while it answers', async () => {
    const runtime = world.runtime([talks], { concurrency: 1 }, policy);
    await runtime.start();
    talks.first = { kind: 'accepted', job_id: 'talk-1' };
    await send(runtime, 'a');
    talks.first = { kind: 'accepted', job_id: 'talk-2' };
    await send(runtime, 'b');
    expect(talks.orders).toHaveLength(2);
    expect(runtime.status().jobs).toHaveLength(2);
  });
});

describe('the judgement of an answer', () => {
  let world: World;
  beforeEach(async () => {
    world = await World.make();
  });
  afterEach(() => world.close());

  const turns = () => new Promise((resolve) => setImmediate(resolve));

  it('takes no place in the lane, and a cancel ends it', async () => {
    const service = await world.service('far', { statuses: ['completed'] });
    const judged: string[] = [];
    let stop = () => {};
    const answers: NonNullable<Parameters<World['runtime']>[2]>['answers'] = {
      judge: ({ task, outcome }) => {
        judged.push(task.id);
        if (task.id !== 'slow') return Promise.resolve({ kind: 'done', outcome });
        return new Promise((resolve) => {
          stop = () => resolve({ kind: 'stopped' });
        });
      },
      stop: async () => stop(),
    };
    const runtime = world.runtime([world.provider('far')], { concurrency: 1 }, { answers });
    await runtime.start();
    for (const id of ['slow', 'quick']) {
      const { lease, task, bytes } = world.store.claim(id, { provider: 'far' });
      await runtime.submit(lease, task, bytes);
    }
    world.clock.time += MINUTE;
    const ticking = runtime.tick();
    while (world.store.ends.length === 0) await turns();
    expect(judged).toEqual(['slow', 'quick']);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', job_id: 'job-2' } });
    expect(runtime.job(world.ref('slow'))).toMatchObject({ status: 'answered', job_id: 'job-1' });
    world.store.cancel('slow', 'too slow');
    await ticking;
    await runtime.tick();
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'cancelled', reason: 'too slow' } });
    expect(service.requests).toHaveLength(6);
  });

  it('is made again by the next runtime where this one ends first', async () => {
    await world.service('far', { statuses: ['completed'] });
    let close = () => {};
    const answers: NonNullable<Parameters<World['runtime']>[2]>['answers'] = {
      judge: () =>
        new Promise((resolve) => {
          close = () => resolve({ kind: 'stopped' });
        }),
      stop: async () => {
        throw new Error('nobody may end it');
      },
    };
    const provider = world.provider('far');
    const first = world.runtime([provider], {}, { answers });
    await first.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await first.submit(lease, task, bytes);
    world.clock.time += MINUTE;
    void first.tick();
    while (first.job(world.ref('login'))?.status !== 'answered') await turns();
    const stopping = first.stop();
    close();
    await stopping;
    expect(world.store.ends).toHaveLength(0);
    const second = world.runtime([provider]);
    await second.start();
    await world.untilEnded(second);
    expect(world.lastEnd).toMatchObject({ outcome: { state: 'done', job_id: 'job-1' } });
  });

  it('that refuses an answer asks the retry policy, with the job and the provider', async () => {
    await world.service('far', { statuses: ['completed'] });
    const failure = { class: 'verify', reason: 'no patch in it', answer: 'I would change…' } as const;
    const answers = { judge: async () => ({ kind: 'failed' as const, failure }), stop: async () => undefined };
    const runtime = world.runtime([world.provider('far')], {}, { answers });
    await runtime.start();
    const { lease, task, bytes } = world.store.claim('login', { provider: 'far' });
    await runtime.submit(lease, task, bytes);
    await world.untilEnded(runtime);
    expect(world.lastEnd).toMatchObject({
      outcome: {
        error_class: 'verify',
        reason: 'no patch in it',
        answer: 'I would change…',
        provider: 'far',
        job_id: 'job-1',
      },
    });
  });
});
