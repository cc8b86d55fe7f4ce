import { describe, expect, it } from 'vitest';
import type { Submitted } from '../../../src/runtime/ports.ts';
import {
  accepted,
  arrived,
  disconnected,
  lookAtEnd,
  never,
  order,
  type ProviderFault,
  type ProviderWorld,
  stage,
} from './world.ts';

/** Every provider, whatever it speaks, passes this. */
export function providerConformance(name: string, makeWorld: () => Promise<ProviderWorld>): void {
  describe(`provider: ${name}`, () => {
    const on = stage(makeWorld);

    it('takes a job to its result', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      expect(on.world.prompts()).toEqual([order().prompt]);
      on.world.finish(order().prompt, 'completed', 'It is 42.');
      expect(await lookAtEnd(provider, job_id)).toMatchObject({ kind: 'completed', response: 'It is 42.' });
      expect(await lookAtEnd(provider, job_id)).toMatchObject({ kind: 'completed', response: 'It is 42.' });
    });

    it('says active while the job is at work, and keeps jobs apart', async () => {
      const provider = await on.make();
      const first = await accepted(provider, order({ key: 'key-1', prompt: 'one' }));
      const second = await accepted(provider, order({ key: 'key-2', prompt: 'two' }));
      on.world.finish('two', 'completed', 'second');
      expect(await lookAtEnd(provider, second)).toMatchObject({ kind: 'completed', response: 'second' });
      expect(await provider.look(first, never)).toMatchObject({ kind: 'active' });
      on.world.finish('one', 'completed', 'first');
      expect(await lookAtEnd(provider, first)).toMatchObject({ kind: 'completed', response: 'first' });
    });

    it('says failed with the reason, on one line and without what moves a cursor', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      on.world.finish(order().prompt, 'failed', 'out of\n\u001b[31mcredit');
      const look = await lookAtEnd(provider, job_id);
      expect(look).toMatchObject({ kind: 'failed', reason: expect.stringMatching(/out of credit/) });
    });

    it('takes control characters and escape sequences out of an answer, and nothing else', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      const hostile = '\u001b]0;title\u0007a\u001b[2J\u0000b\r\n\tc\u001bP+q\u001b\\ \u009b31m👩‍🚒 ü';
      on.world.finish(order().prompt, 'completed', hostile);
      expect(await lookAtEnd(provider, job_id)).toMatchObject({ kind: 'completed', response: 'ab\n\tc 👩‍🚒 ü' });
    });

    it('does not know a job that it never gave', async () => {
      const provider = await on.make();
      expect(await provider.look('no-such-job', never)).toEqual({ kind: 'unknown_job' });
      expect((await provider.look('../../admin', never)).kind).toBe('unknown_job');
    });

    describe('a submit that was certainly not taken', () => {
      const cases: [string, ProviderFault, Submitted['kind'], Partial<Submitted>][] = [
        ['400', { kind: 'http', code: 400 }, 'refused', { class: 'upstream' }],
        ['401', { kind: 'http', code: 401 }, 'refused', { class: 'auth' }],
        ['403', { kind: 'http', code: 403 }, 'refused', { class: 'auth' }],
        ['402', { kind: 'http', code: 402 }, 'refused', { class: 'billing' }],
        ['413', { kind: 'http', code: 413 }, 'refused', { class: 'context_overflow' }],
        ['a move to another address', { kind: 'redirect', code: 308 }, 'refused', { class: 'upstream' }],
        ['429', { kind: 'http', code: 429, retry_after: '7' }, 'later', { retry_after_ms: 7_000 }],
        ['503', { kind: 'http', code: 503 }, 'later', {}],
      ];
      it.each(cases)('%s', async (_name, fault, kind, fields) => {
        const provider = await on.make({ idempotent: false });
        on.world.fault('submit', fault);
        expect(await provider.submit(order(), never)).toMatchObject({ kind, ...fields });
        expect(on.world.prompts()).toEqual([]);
        expect(on.world.requests()).toBe(1); // never sent again by itself
      });

      it('nobody listens', async () => {
        const provider = await on.make();
        await on.world.stop();
        expect((await provider.submit(order(), never)).kind).toBe('later');
      });

      it('called off before it left', async () => {
        const provider = await on.make();
        expect((await provider.submit(order(), AbortSignal.abort())).kind).toBe('later');
        expect(on.world.requests()).toBe(0);
      });
    });

    it.each([301, 302, 303, 307, 308])('follows no redirect: %d', async (code) => {
      const provider = await on.make();
      on.world.fault('submit', { kind: 'redirect', code });
      expect(['refused', 'later', 'unconfirmed']).toContain((await provider.submit(order(), never)).kind);
      expect(on.world.requests()).toBe(1);
    });

    it('gives up a result that is too large for ever', async () => {
      const provider = await on.make();
      on.world.fault('result', { kind: 'huge' });
      const job_id = await accepted(provider);
      on.world.finish(order().prompt, 'completed', 'unread');
      expect(await lookAtEnd(provider, job_id)).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(/more than \d+ bytes/),
      });
    });

    it('keeps the key out of every reason, even when the service says it back', async () => {
      const provider = await on.make({ key: 'wrong' });
      const body = '{"error":"wrong-key-\\u00004711-0123456789 (wrong-key-4711-0123456789) is not welcome"}';
      on.world.fault('submit', { kind: 'http', code: 403, body });
      const submitted = await provider.submit(order(), never);
      expect(JSON.stringify(submitted)).not.toContain('4711');
      expect(submitted).toMatchObject({
        kind: 'refused',
        class: 'auth',
        reason: expect.stringContaining('is not welcome'),
      });
    });

    it('keeps the key out of an answer', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      on.world.finish(order().prompt, 'completed', 'You came with right-key-1234-0123456789.');
      expect(await lookAtEnd(provider, job_id)).toMatchObject({ response: 'You came with [key].' });
    });

    it('asks nothing without its key', async () => {
      const provider = await on.make({ key: 'none' });
      expect(await provider.submit(order(), never)).toMatchObject({ kind: 'refused', class: 'auth' });
      expect(['later', 'unknown_job']).toContain((await provider.look('job-1', never)).kind);
      expect(on.world.requests()).toBe(0);
    });

    it('cancels what it has taken, where it can', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      if (!provider.cancel) return expect(provider.transient).toBe(false); // its own requests it can always end
      await provider.cancel(job_id, never);
      expect(['failed', 'unknown_job']).toContain((await provider.look(job_id, never)).kind);
    });

    it('leaves no connection behind when it is closed', async () => {
      const provider = await on.make();
      on.world.fault('submit', { kind: 'stall' });
      const submitting = provider.submit(order(), never);
      await arrived(on.world, 1);
      await provider.close();
      expect((await submitting).kind).not.toBe('accepted');
      expect((await provider.submit(order(), never)).kind).toBe('later'); // nothing leaves any more
      await disconnected(on.world);
    });
  });
}
