import { afterEach, describe, expect, it } from 'vitest';
import { isRefusal } from '../../../src/runtime/model/refusal.ts';
import { unchecked } from '../../fakes/plain-work.ts';
import { settled } from '../../fakes/virtual-clock.ts';
import { TTL, Yard } from './world.ts';

let yard: Yard;
afterEach(() => yard.stop());
const CAUSE = { by: 'owner' } as const;
const OK = { result: 'ok' };
const beat = TTL / 3;

describe('a claim', () => {
  it('waits for a task, and gets the first that comes', async () => {
    yard = await Yard.open();
    const who = await yard.register('w');
    const { answer } = yard.claim(who);
    const ref = await yard.task();
    expect(await answer).toMatchObject({ task: ref, attempt: 1, prompt: 'do t1', title: 't1' });
    expect(yard.state(ref)).toBe('running');
  });

  it('is answered with nothing when its time is over, and holds no task', async () => {
    yard = await Yard.open();
    const { answer } = yard.claim(await yard.register('w'));
    await yard.clock.advance(31_000);
    expect(await answer).toBeUndefined();
    const ref = await yard.task();
    expect(yard.state(ref)).toBe('queued');
    expect(yard.store.open().get(`${ref.project}/${ref.id}`)?.attempt).toBe(0);
  });

  it('gets one task each: many calls of one worker share its places', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' } });
    const who = await yard.register('w', { max: 2 });
    const calls = ['a', 'b', 'c'].map((call) => yard.claim(who, call));
    await settled();
    expect(await calls[0]?.answer).toBeUndefined(); // a third one sends the oldest away
    const refs = [await yard.task(), await yard.task(), await yard.task()];
    const got = await Promise.all(calls.slice(1).map(({ answer }) => answer));
    expect(got).toMatchObject([{ task: refs[0] }, { task: refs[1] }]);
    yard.claim(who, 'd');
    await settled();
    expect(yard.live()).toBe(2); // it has two already
  });

  it('that is sent again gets the same task, never a second one', async () => {
    yard = await Yard.open();
    const who = await yard.register('w', { max: 3 });
    const [one] = [await yard.task(), await yard.task()];
    const first = await yard.given(who, 'bridge:1');
    expect(await yard.given(who, 'bridge:1')).toMatchObject({ task: one, attempt: 1, token: first.token });
    await yard.killed();
    expect(await yard.given(who, 'bridge:1')).toMatchObject({ task: one, attempt: 1, token: first.token });
    expect(yard.live()).toBe(1);
  });

  it('that comes again while it waits is the same call, also when the first has gone away', async () => {
    yard = await Yard.open();
    const who = await yard.register('w');
    const first = yard.claim(who, 'bridge:1');
    const again = yard.claim(who, 'bridge:1');
    first.gone();
    const ref = await yard.task();
    expect(await first.answer).toBeUndefined();
    expect(await again.answer).toMatchObject({ task: ref, attempt: 1 });
  });

  it('whose caller goes away while it is given a task leaves that task in the queue, uncounted', async () => {
    yard = await Yard.open();
    let go = () => {};
    yard.composing = new Promise((resolve) => {
      go = resolve;
    });
    const call = yard.claim(await yard.register('w'), 'bridge:1');
    const ref = await yard.task();
    expect(yard.state(ref)).toBe('claimed');
    call.gone();
    go();
    await settled();
    expect(yard.state(ref)).toBe('queued');
    expect(yard.store.open().get(`${ref.project}/${ref.id}`)).toMatchObject({ spent: 0, voided: 1 });
  });

  it('was claimed and given to nobody when the runtime died: the task is free again', async () => {
    yard = await Yard.open();
    yard.composing = new Promise(() => {});
    yard.claim(await yard.register('w'), 'bridge:1');
    const ref = await yard.task();
    expect(yard.state(ref)).toBe('claimed');
    const { dispatcher } = yard;
    yard.workers.stop();
    void dispatcher.stop();
    yard.composing = Promise.resolve();
    await yard.start();
    expect(yard.state(ref)).toBe('queued');
    expect(yard.store.open().get(`${ref.project}/${ref.id}`)).toMatchObject({ spent: 0, voided: 1 });
  });

  it('that waits is answered at once when the runtime stops', async () => {
    yard = await Yard.open();
    const { answer } = yard.claim(await yard.register('w'));
    await settled();
    yard.workers.halt();
    expect(await answer).toBeUndefined();
  });

  it('gives a cancelled task to nobody', async () => {
    yard = await Yard.open();
    let go = () => {};
    yard.composing = new Promise((resolve) => {
      go = resolve;
    });
    const { answer } = yard.claim(await yard.register('w'), 'bridge:1');
    const ref = await yard.task();
    await yard.store.cancel(ref, 'not needed', CAUSE);
    go();
    await settled();
    expect(await yard.ended(ref)).toBe('cancelled');
    const next = await yard.task();
    expect(await answer).toMatchObject({ task: next });
  });
});

describe('which tasks', () => {
  it('are those that it can do, of its projects, and that ask for nothing that it can not keep', async () => {
    yard = await Yard.open();
    const other = (await yard.store.adoptProject('/site', 'site')).id;
    const french = await yard.register('french', { capabilities: ['fr'], max: 9 });
    const away = await yard.register('away', { projects: [other], max: 9 });
    const [a, b] = [yard.claim(french), yard.claim(away)];
    const [german, checked] = [await yard.task({ requires: ['de'] }), await yard.task({ verify: 'npm test' })];
    expect([yard.state(german), yard.state(checked)]).toEqual(['queued', 'queued']);
    const wanted = await yard.task({ requires: ['fr'] });
    expect(await a.answer).toMatchObject({ task: wanted });
    const named = await yard.task({ agent: 'away' });
    expect(yard.state(named)).toBe('queued');
    b.gone();
  });

  it('do not wait for the checkout when it works in no folder, and are not bound by headless.max_running', async () => {
    yard = await Yard.open({ headless: { max_running: 1 } });
    const who = await yard.register('w', { max: 3 });
    const refs = [await yard.task(), await yard.task(), await yard.task()];
    for (const task of refs) expect(await yard.given(who)).toMatchObject({ task });
    expect(yard.live()).toBe(3);
  });

  it('wait with the reason when it does not ask', async () => {
    yard = await Yard.open();
    await yard.register('w');
    const ref = await yard.task({ agent: 'w' });
    const task = yard.store.open().get(`${ref.project}/${ref.id}`);
    const why = task?.state === 'queued' ? yard.dispatcher.waiting(task) : undefined;
    expect(why).toMatchObject({ reason: 'no_free_agent', detail: expect.stringContaining('does not ask') });
  });
});

describe('silence', () => {
  it('takes its tasks back, counted, and its token is dead', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' } });
    const who = await yard.register('w');
    const ref = await yard.task();
    const held = await yard.given(who, 'c:1');
    await yard.clock.advance(TTL + 10_000);
    const task = yard.store.open().get(`${ref.project}/${ref.id}`);
    expect(task).toMatchObject({ state: 'queued', spent: 1, last_error: { class: 'crash' } });
    expect(yard.store.recorded.at(-1)).toMatchObject({ type: 'worker_left', name: 'w', why: 'silent' });
    expect(await yard.workers.complete(held, OK, CAUSE)).toMatchObject({ code: 'stale' });
    expect(yard.store.refused).toMatchObject([{ attempt: 1 }]);
    expect(yard.workers.list()).toMatchObject([{ name: 'w', state: 'offline' }]);
    expect(isRefusal(await yard.workers.heartbeat(who, [held]))).toBe(true);
  });

  it('of a worker whose tasks wait for it needs a person', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' } });
    await yard.register('w', { capabilities: ['fr'] });
    await yard.task({ requires: ['fr'] });
    await yard.clock.advance(TTL + 10_000);
    expect(yard.workers.needs()).toMatchObject([{ where: 'w', what: expect.stringContaining('t1 waits') }]);
  });

  it('does not begin while it names its task, or waits in a call', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' } });
    const who = await yard.register('w', { max: 2 });
    const ref = await yard.task();
    const held = await yard.given(who);
    for (let i = 0; i < 9; i++) {
      await yard.clock.advance(beat);
      expect(await yard.workers.heartbeat(who, [held])).toMatchObject({ attempts: [{ say: { kind: 'go_on' } }] });
    }
    expect(yard.state(ref)).toBe('running');
  });

  it('about one task gives back that one: its answer may have been lost', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' } });
    const who = await yard.register('w', { max: 2 });
    const [lost, kept] = [await yard.task(), await yard.task()];
    await yard.given(who);
    const held = await yard.given(who);
    for (let i = 0; i < 4; i++) {
      await yard.clock.advance(beat);
      await yard.workers.heartbeat(who, [held]);
    }
    expect([yard.state(lost), yard.state(kept)]).toEqual(['queued', 'running']);
  });

  it('is nobody’s while the machine sleeps, the clock jumps, or the runtime is away', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' } });
    const who = await yard.register('w');
    const ref = await yard.task();
    const held = await yard.given(who);
    const sleep = (ms: number) => Object.defineProperty(yard.clock, 'now', { value: shifted(ms), configurable: true });
    const real = yard.clock.now.bind(yard.clock);
    let by = 0;
    const shifted = (ms: number) => {
      by += ms;
      return () => real() + by;
    };
    sleep(8 * 3_600_000);
    await yard.clock.advance(beat);
    sleep(-24 * 3_600_000);
    await yard.clock.advance(beat);
    expect(yard.state(ref)).toBe('running');
    expect(await yard.workers.heartbeat(who, [held])).toMatchObject({ attempts: [{ say: { kind: 'go_on' } }] });
    await yard.clock.advance(TTL - 1_000);
    await yard.killed();
    await yard.clock.advance(TTL - 10_000);
    expect(yard.state(ref)).toBe('running');
    await yard.clock.advance(20_000);
    expect(yard.state(ref)).toBe('queued');
  });
});

describe('a registration', () => {
  it('again with its key is the same worker, and says what it has', async () => {
    yard = await Yard.open();
    const who = await yard.register('w');
    const ref = await yard.task();
    const held = await yard.given(who);
    const again = await yard.register('w', { key: who.key, max: 4, capabilities: ['fr'] });
    expect(again.key).toBe(who.key);
    expect(again.held).toMatchObject([{ task: ref, token: held.token, prompt: 'do t1' }]);
    expect(yard.store.workers().get('w')).toMatchObject({ max: 4, capabilities: ['fr'] });
    expect(yard.state(ref)).toBe('running');
  });

  it('without it takes the name over: what the one before had goes back', async () => {
    yard = await Yard.open();
    const old = await yard.register('w');
    const ref = await yard.task();
    const held = await yard.given(old);
    const fresh = await yard.register('w');
    expect(fresh.held).toEqual([]);
    expect(yard.state(ref)).toBe('queued');
    expect(await yard.claim(old).answer).toMatchObject({ code: 'not_allowed' });
    expect(await yard.workers.complete(held, OK, CAUSE)).toMatchObject({ code: 'stale' });
    const wrong = { name: 'w', capabilities: [], max: 1, files: false, key: 'guessed' };
    expect(await yard.workers.register(wrong, CAUSE)).toMatchObject({ code: 'not_allowed' });
  });

  it('sent again is answered as the first was; where the answer was lost with the runtime, with a new key', async () => {
    yard = await Yard.open();
    const one = await yard.register('w', {}, 'bridge:0');
    expect(await yard.register('w', {}, 'bridge:0')).toMatchObject({ key: one.key });
    expect(yard.store.recorded.filter(({ type }) => type === 'worker_registered')).toHaveLength(1);
  });

  it('is refused under the name of another agent, and beyond workers.max', async () => {
    yard = await Yard.open({ workers: { max: 1 }, agents: { lint: { command: ['lint'] } } });
    const order = { capabilities: [], max: 1, files: false };
    expect(await yard.workers.register({ ...order, name: 'lint' }, CAUSE)).toMatchObject({ code: 'id_taken' });
    expect(await yard.workers.register({ ...order, name: 'claude' }, CAUSE)).toMatchObject({ code: 'id_taken' });
    await yard.register('w');
    expect(await yard.workers.register({ ...order, name: 'v' }, CAUSE)).toMatchObject({ code: 'full' });
  });

  it('that ends on purpose gives everything back, and counts nothing', async () => {
    yard = await Yard.open();
    const who = await yard.register('w');
    const ref = await yard.task();
    await yard.given(who);
    expect(await yard.workers.leave(who, CAUSE)).toEqual({ given_back: 1 });
    expect(yard.store.open().get(`${ref.project}/${ref.id}`)).toMatchObject({ state: 'queued', spent: 0 });
    expect(yard.workers.list()).toEqual([]);
  });
});

describe('a report', () => {
  it('ends the task, with what it took', async () => {
    yard = await Yard.open();
    const ref = await yard.task();
    const held = await yard.given(await yard.register('w'));
    const used = { model: 'm', tokens: 12, cost: { amount: 0.5, currency: 'USD' } };
    expect(await yard.workers.complete(held, { result: 'ok', used }, CAUSE)).toMatchObject({ state: 'done' });
    expect(await yard.store.get(ref)).toMatchObject({ state: 'done', agent: 'w', model: 'm', cost_usd: 0.5 });
  });

  it('is answered once: the same call gets the same answer, another one is too late', async () => {
    yard = await Yard.open();
    await yard.task();
    const held = await yard.given(await yard.register('w'));
    const first = await yard.workers.complete(held, OK, { by: 'owner', call: 'c:9' });
    expect(await yard.workers.complete(held, OK, { by: 'owner', call: 'c:9' })).toEqual(first);
    expect(await yard.workers.complete(held, OK, { by: 'owner', call: 'c:10' })).toMatchObject({ code: 'stale' });
    expect(yard.store.refused).toHaveLength(1);
  });

  it('of a failure follows the retry policy; what is given back counts nothing', async () => {
    yard = await Yard.open();
    const who = await yard.register('w');
    const [final, again, back] = [await yard.task(), await yard.task(), await yard.task()];
    const classes = ['logic_error', 'tool_failure', 'stopped'] as const;
    for (const error_class of classes) {
      const held = await yard.given(who);
      await yard.workers.fail(held, { class: error_class, reason: 'so' }, CAUSE);
    }
    expect(await yard.ended(final)).toBe('failed');
    const open = yard.store.open();
    expect(open.get(`${again.project}/${again.id}`)).toMatchObject({ state: 'queued', spent: 1 });
    expect(open.get(`${back.project}/${back.id}`)).toMatchObject({ state: 'queued', spent: 0 });
  });

  it('of work that is checked is kept before the check; the runtime that dies in between goes on with it', async () => {
    yard = await Yard.open();
    yard.checks = { ...unchecked, check: () => new Promise(() => {}) };
    await yard.killed();
    const ref = await yard.task({ result_schema: { type: 'object' } });
    const held = await yard.given(await yard.register('w'));
    void yard.workers.complete(held, { result: '{}' }, { by: 'owner', call: 'c:9' });
    await settled();
    expect(await yard.workers.complete(held, { result: 'x' }, { by: 'owner', call: 'c:10' })).toMatchObject({
      code: 'stale',
    });
    await yard.clock.advance(3 * TTL); // what was reported is not its worker's to keep alive
    expect(yard.state(ref)).toBe('running');
    yard.checks = unchecked;
    await yard.killed();
    await settled();
    expect(await yard.ended(ref)).toBe('done');
  });
});

describe('an end from here', () => {
  it('is told at the heartbeat, and carried through after a while where nobody listens', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' } });
    const who = await yard.register('w');
    const ref = await yard.task();
    const held = await yard.given(who);
    await yard.store.cancel(ref, 'not needed', CAUSE);
    for (let i = 0; i < 3; i++) {
      const heard = await yard.workers.heartbeat(who, [held]);
      expect(heard).toMatchObject({ attempts: [{ say: { kind: 'cancel', reason: 'not needed' } }] });
      await yard.clock.advance(beat);
    }
    await yard.workers.heartbeat(who, [held]);
    await yard.clock.advance(10_000);
    expect(await yard.ended(ref)).toBe('cancelled');
    expect(await yard.workers.heartbeat(who, [held])).toMatchObject({ attempts: [{ say: { kind: 'gone' } }] });
    await yard.workers.heartbeat(who, [held]);
    expect(yard.store.recorded.filter(({ type }) => type === 'report_refused')).toHaveLength(1);
  });

  it('comes at its time limit, however lively its worker is', async () => {
    yard = await Yard.open({ workers: { ttl: '60s' }, allowance: { agents: { w: { max_job_duration: '90s' } } } });
    const who = await yard.register('w');
    const ref = await yard.task({ ttl_seconds: 3_600 });
    const held = await yard.given(who);
    for (let i = 0; i < 5; i++) {
      await yard.clock.advance(beat);
      await yard.workers.heartbeat(who, [held]);
    }
    const task = yard.store.open().get(`${ref.project}/${ref.id}`);
    expect(task).toMatchObject({ state: 'queued', last_error: { class: 'timeout' } });
  });
});

describe('a registration that is sent again after the runtime was killed before it could answer', () => {
  it('is the same life with a key that works, and is told of what it holds', async () => {
    yard = await Yard.open();
    const lost = await yard.register('w', {}, 'bridge:1');
    const { life } = yard.store.workers().get('w') ?? {};
    await yard.killed();
    const again = await yard.register('w', {}, 'bridge:1');
    expect(yard.store.workers().get('w')?.life).toBe(life);
    expect(yard.store.recorded.filter(({ type }) => type === 'worker_left')).toEqual([]);
    const ref = await yard.task();
    expect(await yard.given(again, 'bridge:2')).toMatchObject({ task: ref, attempt: 1 });
    expect((await yard.register('w', {}, 'bridge:1')).key).toBe(again.key); // and once more, while it lives
    expect(await yard.claim(lost, 'bridge:3').answer).toMatchObject({ refused: true }); // nobody ever had that one
    await yard.killed();
    const third = await yard.register('w', {}, 'bridge:1');
    expect(third.held).toMatchObject([{ task: ref, attempt: 1 }]);
  });

  it('does not take the place of one that has registered under the name since', async () => {
    yard = await Yard.open();
    await yard.register('w', {}, 'bridge:1');
    await yard.killed();
    const other = await yard.register('w', {}, 'bridge:2');
    const late = await yard.workers.register(
      { name: 'w', capabilities: [], max: 1, files: false },
      { ...CAUSE, call: 'bridge:1' },
    );
    expect(late).toMatchObject({ refused: true, code: 'stale' });
    const ref = await yard.task();
    expect(await yard.given(other)).toMatchObject({ task: ref });
  });
});

describe('a held worker', () => {
  const W = { of: 'agent', agent: 'w' } as const;

  it('gets nothing while it waits, and goes on with what it has; others get theirs', async () => {
    yard = await Yard.open();
    const who = await yard.register('w', { max: 2 });
    const first = await yard.task({ agent: 'w' });
    const given = await yard.given(who);
    await yard.store.hold(W, { kind: 'pause', reason: 'its update' }, CAUSE);
    const waiting = yard.claim(who, 'bridge:1');
    const [held, free] = [await yard.task({ agent: 'w' }), await yard.task({ agent: 'other' })];
    const other = await yard.register('other');
    expect(await yard.given(other)).toMatchObject({ task: free });
    expect(yard.state(held)).toBe('queued');
    expect(await yard.workers.heartbeat(who, [given])).toMatchObject({ attempts: [{ say: { kind: 'go_on' } }] });
    await yard.workers.complete(given, OK, CAUSE);
    await settled();
    expect(await yard.ended(first)).toBe('done');
    expect(yard.state(held)).toBe('queued');
    await yard.store.resume(W, CAUSE);
    expect(await waiting.answer).toMatchObject({ task: held, attempt: 1 });
  });

  it('that is drained is answered with nothing in the end, and its task has cost no attempt', async () => {
    yard = await Yard.open();
    const who = await yard.register('w');
    const { answer } = yard.claim(who, 'bridge:1');
    await yard.store.hold(W, { kind: 'drain', reason: 'its update', until: yard.clock.now() + 120_000 }, CAUSE);
    const ref = await yard.task();
    await yard.clock.advance(31_000);
    expect(await answer).toBeUndefined();
    expect(yard.store.open().get(`${ref.project}/${ref.id}`)).toMatchObject({ state: 'queued', attempt: 0, spent: 0 });
    for (let ms = 0; ms < 90_000; ms += beat) {
      await yard.workers.heartbeat(who, []);
      await yard.clock.advance(beat);
    }
    expect(await yard.given(who)).toMatchObject({ task: ref, attempt: 1 }); // its time is over
  });
});
