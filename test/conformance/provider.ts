import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobLook, JobOrder, Provider, Submitted } from '../../src/runtime/ports.ts';

/** What the suite needs of the world behind a provider. Faults hit the next request of that kind only. */
export interface ProviderWorld {
  provider(options?: {
    idempotent?: boolean;
    timeout_ms?: number;
    key?: 'right' | 'wrong' | 'none';
  }): Promise<Provider>;
  /** How many jobs the service has made for this key, whatever the provider was told. */
  jobsMade(key: string): number;
  prompts(): readonly string[];
  requests(): number;
  finish(job_id: string, as: 'completed' | 'failed' | 'cancelled', words: string): void;
  forget(job_id: string): void;
  fault(at: 'submit' | 'look' | 'result', fault: ProviderFault): void;
  /** The service is gone: nothing listens there any more. */
  stop(): Promise<void>;
  connections(): Promise<number>;
  close(): Promise<void>;
}

export type ProviderFault =
  | { kind: 'http'; code: number; retry_after?: string; body?: string }
  | { kind: 'drop'; accepting: boolean }
  | { kind: 'stall'; accepting: boolean }
  | { kind: 'drip'; accepting: boolean }
  | { kind: 'malformed'; accepting: boolean }
  | { kind: 'huge'; accepting: boolean }
  | { kind: 'redirect'; code: number };

const order = (over: Partial<JobOrder> = {}): JobOrder => ({
  key: 'key-1',
  type: 'analyze',
  priority: 'normal',
  prompt: 'Task: a.md\n\nWhat is 6 × 7?',
  source: 'yardmaster/dispatcher',
  ...over,
});
const never = new AbortController().signal;

/** Every provider, whatever it speaks, passes this. */
export function providerConformance(name: string, makeWorld: () => Promise<ProviderWorld>): void {
  describe(`provider: ${name}`, () => {
    let world: ProviderWorld;
    const providers: Provider[] = [];
    const make = async (...options: Parameters<ProviderWorld['provider']>) => {
      const provider = await world.provider(...options);
      providers.push(provider);
      return provider;
    };
    const accepted = async (provider: Provider, given = order()): Promise<string> => {
      const submitted = await provider.submit(given, never);
      if (submitted.kind !== 'accepted') throw new Error(`expected a job, got ${JSON.stringify(submitted)}`);
      return submitted.job_id;
    };

    beforeEach(async () => {
      world = await makeWorld();
    });
    afterEach(async () => {
      await Promise.all(providers.splice(0).map((provider) => provider.close()));
      await world.close();
    });

    it('takes a job to its result', async () => {
      const provider = await make();
      const job_id = await accepted(provider);
      expect(world.prompts()).toEqual([order().prompt]);
      world.finish(job_id, 'completed', 'It is 42.');
      expect(await provider.look(job_id, never)).toMatchObject({ kind: 'completed', response: 'It is 42.' });
    });

    it('says active while the job is at work', async () => {
      const provider = await make();
      expect(await provider.look(await accepted(provider), never)).toMatchObject({ kind: 'active' });
    });

    it.each(['failed', 'cancelled'] as const)(
      'says failed with the reason when the job is %s upstream',
      async (end) => {
        const provider = await make();
        const job_id = await accepted(provider);
        world.finish(job_id, end, 'out of\n\u001b[31mcredit');
        const look = await provider.look(job_id, never);
        expect(look).toMatchObject({
          kind: 'failed',
          reason: expect.stringMatching(new RegExp(`${end}.*out of \\[31mcredit`)),
        });
      },
    );

    it('tells a job that the service does not know from trouble', async () => {
      const provider = await make();
      const job_id = await accepted(provider);
      world.forget(job_id);
      expect(await provider.look(job_id, never)).toEqual({ kind: 'unknown_job' });
      expect((await provider.look('../../admin', never)).kind).toBe('unknown_job');
    });

    it('makes one job of two submits with one key where it says that it is idempotent', async () => {
      const provider = await make({ idempotent: true });
      expect(provider.idempotent).toBe(true);
      expect(await accepted(provider)).toBe(await accepted(provider));
      expect(world.jobsMade('key-1')).toBe(1);
    });

    describe('a submit that was certainly not taken', () => {
      const cases: [string, ProviderFault, Submitted['kind'], Partial<Submitted>][] = [
        ['400', { kind: 'http', code: 400 }, 'refused', { class: 'upstream' }],
        ['401', { kind: 'http', code: 401 }, 'refused', { class: 'auth' }],
        ['402', { kind: 'http', code: 402 }, 'refused', { class: 'billing' }],
        ['413', { kind: 'http', code: 413 }, 'refused', { class: 'context_overflow' }],
        ['a move to another address', { kind: 'redirect', code: 308 }, 'refused', { class: 'upstream' }],
        ['429', { kind: 'http', code: 429, retry_after: '7' }, 'later', { retry_after_ms: 7_000 }],
        ['503', { kind: 'http', code: 503 }, 'later', {}],
      ];
      it.each(cases)('%s', async (_name, fault, kind, fields) => {
        const provider = await make({ idempotent: false });
        world.fault('submit', fault);
        const submitted = await provider.submit(order(), never);
        expect(submitted).toMatchObject({ kind, ...fields });
        expect(world.jobsMade('key-1')).toBe(0);
      });

      it('nobody listens', async () => {
        const provider = await make();
        await world.stop();
        expect((await provider.submit(order(), never)).kind).toBe('later');
      });

      it('called off before it left', async () => {
        const provider = await make();
        const submitted = await provider.submit(order(), AbortSignal.abort());
        expect(submitted.kind).toBe('later');
        expect(world.requests()).toBe(0);
      });
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
        const provider = await make({ idempotent: false, timeout_ms: 400 });
        world.fault('submit', fault);
        expect((await provider.submit(order(), never)).kind).toBe('unconfirmed');
        expect(world.requests()).toBe(1); // never sent again by itself
      });

      it('called off on its way', async () => {
        const provider = await make();
        world.fault('submit', { kind: 'stall', accepting: true });
        const controller = new AbortController();
        const submitting = provider.submit(order(), controller.signal);
        while (world.requests() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
        controller.abort();
        expect((await submitting).kind).toBe('unconfirmed');
      });
    });

    describe('a look that goes wrong means later', () => {
      const cases: [string, ProviderFault, Partial<JobLook>][] = [
        ['429', { kind: 'http', code: 429, retry_after: '3' }, { retry_after_ms: 3_000 }],
        ['500', { kind: 'http', code: 500 }, {}],
        ['401', { kind: 'http', code: 401 }, {}],
        ['dropped', { kind: 'drop', accepting: false }, {}],
        ['silence', { kind: 'stall', accepting: false }, {}],
        ['an answer that never ends', { kind: 'drip', accepting: false }, {}],
        ['malformed JSON', { kind: 'malformed', accepting: false }, {}],
        ['huge', { kind: 'huge', accepting: false }, {}],
        ['a redirect', { kind: 'redirect', code: 302 }, {}],
      ];
      it.each(cases)('%s', async (_name, fault, fields) => {
        const provider = await make({ timeout_ms: 400 });
        const job_id = await accepted(provider);
        world.fault('look', fault);
        expect(await provider.look(job_id, never)).toMatchObject({ kind: 'later', ...fields });
        expect((await provider.look(job_id, never)).kind).toBe('active');
      });

      it('a result that breaks off', async () => {
        const provider = await make();
        const job_id = await accepted(provider);
        world.finish(job_id, 'completed', 'whole');
        world.fault('result', { kind: 'drop', accepting: false });
        expect((await provider.look(job_id, never)).kind).toBe('later');
        expect(await provider.look(job_id, never)).toMatchObject({ kind: 'completed', response: 'whole' });
      });
    });

    it('gives up a result that is too large for ever', async () => {
      const provider = await make();
      const job_id = await accepted(provider);
      world.finish(job_id, 'completed', 'unread');
      world.fault('result', { kind: 'huge', accepting: false });
      expect(await provider.look(job_id, never)).toMatchObject({
        kind: 'failed',
        reason: expect.stringMatching(/more than \d+ bytes/),
      });
    });

    it('keeps the key out of every reason, even when the service says it back', async () => {
      const provider = await make({ key: 'wrong' });
      world.fault('submit', { kind: 'http', code: 403, body: '{"error":"wrong-key-4711 is not welcome"}' });
      const submitted = await provider.submit(order(), never);
      expect(JSON.stringify(submitted)).not.toContain('4711');
      expect(submitted).toMatchObject({
        kind: 'refused',
        class: 'auth',
        reason: expect.stringContaining('is not welcome'),
      });
    });

    it('asks nothing without its key', async () => {
      const provider = await make({ key: 'none' });
      expect(await provider.submit(order(), never)).toMatchObject({ kind: 'refused', class: 'auth' });
      expect((await provider.look('job-1', never)).kind).toBe('later');
      expect(world.requests()).toBe(0);
    });

    it('leaves no connection behind when it is closed', async () => {
      const provider = await make();
      const job_id = await accepted(provider);
      world.fault('look', { kind: 'stall', accepting: false });
      const looking = provider.look(job_id, never);
      while (world.requests() < 2) await new Promise((resolve) => setTimeout(resolve, 5));
      await provider.close();
      expect((await looking).kind).toBe('later');
      expect((await provider.submit(order(), never)).kind).toBe('later'); // nothing leaves any more
      while ((await world.connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    });
  });
}
