import { describe, expect, it } from 'vitest';
import type { JobLook } from '../../../src/runtime/ports.ts';
import {
  accepted,
  arrived,
  disconnected,
  never,
  order,
  type ProviderFault,
  stage,
  type UpstreamWorld,
} from './world.ts';

/** Passed by every provider whose jobs go on upstream, whatever becomes of us: none is lost, and none is made twice. */
export function upstreamConformance(name: string, makeWorld: () => Promise<UpstreamWorld>): void {
  describe(`provider with jobs upstream: ${name}`, () => {
    const on = stage(makeWorld);

    it.each(['failed', 'cancelled'] as const)('says which end it was: %s', async (end) => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      on.world.finish(order().prompt, end, 'for a reason');
      expect(await provider.look(job_id, never)).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(new RegExp(`${end}.*for a reason`)),
      });
    });

    it('tells a job that the service does not know from trouble', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      on.world.forget(job_id);
      expect(await provider.look(job_id, never)).toEqual({ kind: 'unknown_job' });
    });

    it('follows a job that another process has submitted', async () => {
      const job_id = await accepted(await on.make());
      expect(await (await on.make()).look(job_id, never)).toMatchObject({ kind: 'active' });
    });

    it('makes one job of two submits with one key where it says that it is idempotent', async () => {
      const provider = await on.make({ idempotent: true });
      expect(provider.idempotent).toBe(true);
      expect(await accepted(provider)).toBe(await accepted(provider));
      expect(on.world.jobsMade('key-1')).toBe(1);
    });

    describe('a submit that may have been taken is unconfirmed', () => {
      const cases: [string, ProviderFault][] = [
        ['connection dropped after accepting', { kind: 'drop', accepting: true }],
        ['connection dropped before accepting', { kind: 'drop', accepting: false }],
        ['silence', { kind: 'stall', accepting: true }],
        ['an answer that never ends', { kind: 'drip', accepting: true }],
        ['500', { kind: 'http', code: 500 }],
        ['502', { kind: 'http', code: 502 }],
        ['504', { kind: 'http', code: 504 }],
        ['malformed JSON', { kind: 'malformed', accepting: true }],
        ['a huge answer', { kind: 'huge', accepting: true }],
        ['see other', { kind: 'redirect', code: 303 }],
      ];
      it.each(cases)('%s', async (_name, fault) => {
        const provider = await on.make({ idempotent: false, timeout_ms: 400 });
        on.world.fault('submit', fault);
        expect((await provider.submit(order(), never)).kind).toBe('unconfirmed');
        expect(on.world.requests()).toBe(1); // never sent again by itself
      });

      it('called off on its way', async () => {
        const provider = await on.make();
        on.world.fault('submit', { kind: 'stall', accepting: true });
        const controller = new AbortController();
        const submitting = provider.submit(order(), controller.signal);
        await arrived(on.world, 1);
        controller.abort();
        expect((await submitting).kind).toBe('unconfirmed');
      });
    });

    it('finds a job by its key, where it can', async () => {
      const provider = await on.make();
      if (!provider.find) return;
      expect(await provider.find('key-1', never)).toBeUndefined();
      const job_id = await accepted(provider);
      expect(await provider.find('key-1', never)).toBe(job_id);
    });

    describe('a look that goes wrong means later', () => {
      const cases: [string, ProviderFault, Partial<JobLook>][] = [
        ['429', { kind: 'http', code: 429, retry_after: '3' }, { retry_after_ms: 3_000 }],
        ['500', { kind: 'http', code: 500 }, {}],
        ['401', { kind: 'http', code: 401 }, {}],
        ['dropped', { kind: 'drop' }, {}],
        ['silence', { kind: 'stall' }, {}],
        ['an answer that never ends', { kind: 'drip' }, {}],
        ['malformed JSON', { kind: 'malformed' }, {}],
        ['huge', { kind: 'huge' }, {}],
        ['a redirect', { kind: 'redirect', code: 302 }, {}],
      ];
      it.each(cases)('%s', async (_name, fault, fields) => {
        const provider = await on.make({ timeout_ms: 400 });
        const job_id = await accepted(provider);
        on.world.fault('look', fault);
        expect(await provider.look(job_id, never)).toMatchObject({ kind: 'later', ...fields });
        expect((await provider.look(job_id, never)).kind).toBe('active');
      });

      it('a result that breaks off', async () => {
        const provider = await on.make();
        const job_id = await accepted(provider);
        on.world.finish(order().prompt, 'completed', 'whole');
        on.world.fault('result', { kind: 'drop' });
        expect((await provider.look(job_id, never)).kind).toBe('later');
        expect(await provider.look(job_id, never)).toMatchObject({ kind: 'completed', response: 'whole' });
      });
    });

    it('gives up a look that is under way when it is closed', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      on.world.fault('look', { kind: 'stall' });
      const looking = provider.look(job_id, never);
      await arrived(on.world, 2);
      await provider.close();
      expect((await looking).kind).toBe('later');
      await disconnected(on.world);
    });
  });
}
