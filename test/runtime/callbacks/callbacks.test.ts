import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { PostEnd } from '../../../src/runtime/ports.ts';
import { settled } from '../../fakes/virtual-clock.ts';
import { CallbackWorld, OK } from './world.ts';

const A = 'https://a.example/hook?token=secret';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const status = (code: number, more = {}): PostEnd => ({ kind: 'answer', status: code, ...more });

let world: CallbackWorld;
beforeEach(() => {
  world = new CallbackWorld();
});

describe('a callback that is taken', () => {
  test('carries the report once, and is owed no more', async () => {
    world.callbacks.start();
    await world.finish('build', A);
    await settled();
    expect(world.posted).toHaveLength(1);
    const [order] = world.posted;
    expect(order).toMatchObject({ url: A, private: false });
    expect(order?.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'yardmaster/1.2.3' });
    expect(order?.headers).not.toHaveProperty('x-yardmaster-signature');
    expect(JSON.parse(order?.body ?? '')).toMatchObject({
      ...{ id: 'build', attempt: 1, dispatch_id: 'build', status: 'completed', project: 'shop', task: 'build' },
    });
    expect(world.owed).toEqual([]);
    expect(world.callbacks.owed).toBe(0);
  });

  test('is signed where a key is named, over its time and its bytes; the key is said nowhere', async () => {
    world.config.callbacks.key_env = 'HOOK_KEY';
    world.env.HOOK_KEY = 'very-secret';
    world.callbacks.start();
    await world.finish('build', A);
    await settled();
    const [{ headers, body } = { headers: {} as Record<string, string>, body: '' }] = world.posted;
    const timestamp = headers['x-yardmaster-timestamp'] ?? '';
    expect(Number(timestamp)).toBe(Math.floor(world.clock.now() / 1_000));
    const hex = createHmac('sha256', 'very-secret').update(`${timestamp}.${body}`).digest('hex');
    expect(headers['x-yardmaster-signature']).toBe(`sha256=${hex}`);
    expect(JSON.stringify([headers, body, world.logged])).not.toContain('very-secret');
  });

  test('waits where the named key is not there, and a person hears of it', async () => {
    world.config.callbacks.key_env = 'HOOK_KEY';
    world.callbacks.start();
    await world.finish('build', A);
    await settled();
    expect(world.posted).toEqual([]);
    expect(world.owed).toEqual(['build']);
    expect(world.callbacks.needs()).toMatchObject([{ what: expect.stringContaining('HOOK_KEY is not set') }]);
    world.env.HOOK_KEY = 'here';
    world.callbacks.configured();
    await settled();
    expect(world.owed).toEqual([]);
  });
});

describe('a callback that is not taken', () => {
  test('is tried again after pauses that double from five seconds to a quarter of an hour', async () => {
    world.answer = () => status(500);
    world.callbacks.start();
    await world.finish('build', A);
    await world.clock.advance(2 * HOUR);
    expect(world.seconds.slice(0, 9)).toEqual([0, 5, 15, 35, 75, 155, 315, 635, 1_275]);
    expect(world.seconds.slice(9, 11)).toEqual([2_175, 3_075]);
    const keys = new Set(world.posted.map(({ headers }) => headers['idempotency-key']));
    expect(keys.size).toBe(1);
    world.answer = () => OK;
    await world.clock.advance(15 * MINUTE);
    expect(world.owed).toEqual([]);
    expect(world.logged).toHaveLength(1); // once, not at each try
    expect(world.logged[0]).not.toContain('secret');
  });

  test('waits as long as its receiver asks, and so do the others of that host', async () => {
    world.answer = () => status(429, { retry_after_ms: 100_000 });
    world.callbacks.start();
    await world.finish('one', A);
    await settled();
    await world.finish('two', A);
    await world.clock.advance(99_000);
    expect(world.seconds).toEqual([0]);
    world.answer = () => OK;
    await world.clock.advance(1_000);
    expect(world.owed).toEqual([]);
  });

  test('is given up when it is too old, with its reason, and not before', async () => {
    world.config.callbacks.give_up = HOUR;
    world.answer = () => status(503);
    world.callbacks.start();
    const ref = await world.finish('build', A);
    await world.clock.advance(HOUR - 1_000);
    expect(world.owed).toEqual(['build']);
    await world.clock.advance(16 * MINUTE);
    expect(world.owed).toEqual([]);
    expect(world.store.undelivered()).toMatchObject(
      [{ ref, what: 'callback', detail: /a\.example: HTTP 503, \d+ tries/ }].map((one) => ({
        ...one,
        detail: expect.stringMatching(one.detail),
      })),
    );
    const before = world.posted.length;
    await world.clock.advance(2 * HOUR);
    expect(world.posted).toHaveLength(before);
    expect(JSON.stringify(world.store.undelivered())).not.toContain('secret');
  });

  test.each([
    [410, 1],
    [404, 5],
    [302, 5],
  ])('with HTTP %i is given up after %i tries', async (code, tries) => {
    world.answer = () => status(code, { location: 'http://10.0.0.1/' });
    world.callbacks.start();
    await world.finish('build', A);
    await world.clock.advance(12 * HOUR);
    expect(world.posted).toHaveLength(tries);
    expect(world.store.undelivered()).toMatchObject([{ detail: expect.stringContaining(`HTTP ${code}`) }]);
  });

  test.each([408, 425, 429])('with HTTP %i is not given up soon', async (code) => {
    world.answer = () => status(code);
    world.callbacks.start();
    await world.finish('build', A);
    await world.clock.advance(12 * HOUR);
    expect(world.owed).toEqual(['build']);
  });

  test('though old is tried a few times first: the machine may have slept', async () => {
    await world.finish('build', A);
    await world.clock.advance(72 * HOUR);
    world.answer = () => status(500);
    world.callbacks.start();
    await settled();
    await world.clock.advance(10_000);
    expect(world.owed).toEqual(['build']);
    await world.clock.advance(30_000);
    expect(world.posted).toHaveLength(3);
    expect(world.store.undelivered()).toHaveLength(1);
  });
});

describe('what must hold', () => {
  test('what was owed before a restart is told after it, at least once (C1)', async () => {
    world.answer = () => new Promise(() => {}); // taken perhaps: killed before anybody knows
    world.callbacks.start();
    await world.finish('one', A);
    await settled();
    world.answer = () => OK;
    world.restart();
    await settled();
    expect(world.posted.map(({ body }) => JSON.parse(body).id)).toEqual(['one', 'one']);
    expect(world.owed).toEqual([]);
  });

  test('what was taken is not sent again while its record can not be written (C2)', async () => {
    const { delivered } = world.store;
    let full = true;
    world.store.delivered = async (...end) => {
      if (full) throw new Error('the disk is full');
      return delivered.apply(world.store, end);
    };
    world.callbacks.start();
    await world.finish('one', A);
    await world.clock.advance(5 * MINUTE);
    expect(world.owed).toEqual(['one']);
    full = false;
    await world.clock.advance(MINUTE);
    expect(world.owed).toEqual([]);
    expect(world.posted).toHaveLength(1);
  });

  test('four are on their way at once, two of one host (C3)', async () => {
    const open: (() => void)[] = [];
    world.answer = () => new Promise((resolve) => open.push(() => resolve(OK)));
    world.callbacks.start();
    for (const host of ['a', 'b', 'c'])
      for (const n of [1, 2, 3]) await world.finish(`${host}${n}`, `https://${host}.example/`);
    await settled();
    expect(world.posted.map(({ url }) => url.slice(8, 9))).toEqual(['a', 'a', 'b', 'b']);
    while (open.length > 0) {
      for (const answer of open.splice(0)) answer();
      await settled();
    }
    expect(world.owed).toEqual([]);
    expect(world.posted).toHaveLength(9);
  });

  test('a host that does not answer is asked by one of its callbacks at a time, and holds up nobody else (C3)', async () => {
    world.answer = ({ url }) => (url.includes('a.example') ? { kind: 'broken', reason: 'no answer' } : OK);
    for (let n = 0; n < 50; n++) await world.finish(`dead-${n}`, A);
    world.callbacks.start();
    await settled();
    await world.clock.advance(HOUR);
    expect(world.posted.length).toBeLessThan(20);
    await world.finish('alive', 'https://b.example/');
    await settled();
    expect(world.owed).not.toContain('alive');
    expect(world.callbacks.needs()).toMatchObject([{ what: expect.stringContaining('50 callbacks to a.example') }]);
    world.answer = () => OK;
    await world.clock.advance(31 * MINUTE);
    expect(world.owed).toEqual([]);
  });

  test('a host with much to be told leaves room for the others (C3)', async () => {
    const open: (() => void)[] = [];
    world.answer = () => new Promise((resolve) => open.push(() => resolve(OK)));
    for (let n = 0; n < 20; n++)
      for (const host of ['a', 'b']) await world.finish(`${host}-${n}`, `https://${host}.example/`);
    await world.finish('other', 'https://c.example/');
    world.callbacks.start();
    for (let turn = 0; turn < 2; turn++) {
      await settled();
      for (const answer of open.splice(0)) answer();
    }
    await settled();
    expect(world.posted.map(({ url }) => url)).toContain('https://c.example/');
  });

  test('what is too old goes at once where nobody answers, without a try of its own', async () => {
    world.config.callbacks.give_up = HOUR;
    world.answer = () => ({ kind: 'broken', reason: 'no answer' });
    for (let n = 0; n < 50; n++) await world.finish(`dead-${n}`, A);
    world.callbacks.start();
    await settled();
    await world.clock.advance(HOUR + 15 * MINUTE);
    expect(world.owed).toEqual([]);
    expect(world.store.undelivered()).toHaveLength(50);
    expect(world.posted.length).toBeLessThan(20);
  });

  test('with local_only nothing is sent and nothing given up (C4)', async () => {
    world.config.local_only = true;
    world.callbacks.start();
    await world.finish('build', A);
    await world.clock.advance(72 * HOUR);
    expect(world.posted).toEqual([]);
    expect(world.callbacks.owed).toBe(1);
    expect(world.callbacks.needs()).toEqual([]);
    world.config.local_only = false;
    world.callbacks.configured();
    await settled();
    expect(world.owed).toEqual([]);
  });

  test('a host that was taken off the list is not called; on it again, it is', async () => {
    await world.finish('build', A);
    const hosts = world.config.callbacks.hosts.splice(0);
    world.callbacks.start();
    await settled();
    expect(world.posted).toEqual([]);
    world.config.callbacks.hosts.push(...hosts);
    world.callbacks.configured();
    await settled();
    expect(world.owed).toEqual([]);
  });

  test('stop calls off what takes too long and leaves no timer; what was cut off stays owed', async () => {
    world.answer = (_order, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () => resolve({ kind: 'broken', reason: 'called off' })),
      );
    world.callbacks.start();
    await world.finish('build', A);
    await settled();
    const stopped = world.callbacks.stop();
    await world.clock.advance(2_000);
    await stopped;
    expect(world.clock.pending).toBe(0);
    expect(world.store.listeners).toBe(0);
    expect(world.owed).toEqual(['build']);
  });
});
