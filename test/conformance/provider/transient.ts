import { describe, expect, it } from 'vitest';
import { accepted, arrived, disconnected, lookAtEnd, never, order, type ProviderWorld, stage } from './world.ts';

/** Passed by every provider whose jobs are this process's own requests: what is lost has failed, and nobody wonders. */
export function transientConformance(name: string, makeWorld: () => Promise<ProviderWorld>): void {
  describe(`provider with requests of its own: ${name}`, () => {
    const on = stage(makeWorld);

    it('says so, and knows by itself when a job has ended', async () => {
      const provider = await on.make();
      expect(provider).toMatchObject({ transient: true, ended: expect.any(Function), cancel: expect.any(Function) });
      expect(provider.find).toBeUndefined();
    });

    it.each([
      ['a connection that was dropped', { kind: 'drop' }, 'crash'],
      ['silence', { kind: 'stall' }, 'timeout'],
    ] as const)('ends an attempt by %s before an answer', async (_name, fault, error_class) => {
      const provider = await on.make({ timeout_ms: 400 });
      on.world.fault('submit', fault);
      expect(await provider.submit(order(), never)).toMatchObject({ kind: 'refused', class: error_class });
      expect(on.world.requests()).toBe(1);
    });

    it.each([500, 502, 504])('never wonders whether %d was taken', async (code) => {
      const provider = await on.make();
      on.world.fault('submit', { kind: 'http', code });
      expect(['refused', 'later']).toContain((await provider.submit(order(), never)).kind);
    });

    it.each([
      ['a connection that was dropped', { kind: 'drop' }, 'crash'],
      ['silence', { kind: 'stall' }, 'timeout'],
    ] as const)('fails by %s in the middle of an answer', async (_name, fault, error_class) => {
      const provider = await on.make({ timeout_ms: 400 });
      on.world.fault('result', fault);
      const job_id = await accepted(provider);
      on.world.finish(order().prompt, 'completed', 'half of it');
      expect(await lookAtEnd(provider, job_id)).toMatchObject({ kind: 'failed', class: error_class });
    });

    it('fails by an answer that can not be understood', async () => {
      const provider = await on.make();
      on.world.fault('result', { kind: 'malformed' });
      const job_id = await accepted(provider);
      on.world.finish(order().prompt, 'completed', 'half of it');
      expect(await lookAtEnd(provider, job_id)).toMatchObject({ kind: 'failed' });
    });

    it('closes the connection of what is cancelled', async () => {
      const provider = await on.make();
      const job_id = await accepted(provider);
      await provider.cancel?.(job_id, never);
      await provider.ended?.(job_id);
      await disconnected(on.world);
    });

    it('knows nothing of jobs of an earlier process', async () => {
      const job_id = await accepted(await on.make());
      expect(await (await on.make()).look(job_id, never)).toEqual({ kind: 'unknown_job' });
    });

    it('ends a request that is called off on its way', async () => {
      const provider = await on.make();
      on.world.fault('submit', { kind: 'stall' });
      const controller = new AbortController();
      const submitting = provider.submit(order(), controller.signal);
      await arrived(on.world, 1);
      controller.abort();
      expect(['refused', 'later']).toContain((await submitting).kind);
    });
  });
}
