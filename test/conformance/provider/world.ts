import { afterEach, beforeEach } from 'vitest';
import type { JobLook, JobOrder, Provider } from '../../../src/runtime/ports.ts';

/**
 * What the suites need of the service behind a provider. It begins to answer what it takes, and ends nothing by itself.
 * Jobs are named by their prompts: what a provider calls a job need not be known upstream.
 */
export interface ProviderWorld {
  /** Bounded to answers of 100,000 bytes. `timeout_ms`: for whatever it waits for. */
  provider(options?: ProviderOptions): Promise<Provider>;
  /** Of everything that was taken, in order. */
  prompts(): readonly string[];
  /** Requests that arrived, whatever became of them. */
  requests(): number;
  /** The end of what was taken with this prompt: an answer with these words, or a failure for this reason. */
  finish(prompt: string, as: 'completed' | 'failed', words: string): void;
  /** Hits the next request of that kind only. `result`: the body of an answer that has begun well, set before its submit. */
  fault(at: 'submit' | 'result', fault: ProviderFault): void;
  /** The service is gone: nothing listens there any more. */
  stop(): Promise<void>;
  connections(): Promise<number>;
  close(): Promise<void>;
}

/** Where jobs go on upstream without us. */
export interface UpstreamWorld extends ProviderWorld {
  finish(prompt: string, as: 'completed' | 'failed' | 'cancelled', words: string): void;
  fault(at: 'submit' | 'look' | 'result', fault: ProviderFault): void;
  /** How many jobs the service has made for this key, whatever the provider was told. */
  jobsMade(key: string): number;
  /** The service does not know the job any more. */
  forget(job_id: string): void;
}

export interface ProviderOptions {
  /** Only asked for where jobs are upstream. */
  readonly idempotent?: boolean;
  readonly timeout_ms?: number;
  readonly key?: keyof typeof KEYS;
}

/** What the service takes for a key, what it does not, and a provider that finds none. */
export const KEYS = { right: 'right-key-1234-0123456789', wrong: 'wrong-key-4711-0123456789', none: '' };

/** `accepting`: the service has taken the job all the same; of a submit, where jobs are upstream. */
export type ProviderFault =
  | { kind: 'http'; code: number; retry_after?: string; body?: string }
  | { kind: 'drop'; accepting?: boolean }
  | { kind: 'stall'; accepting?: boolean }
  | { kind: 'drip'; accepting?: boolean } // 200, and a space now and then, for ever
  | { kind: 'malformed'; accepting?: boolean } // 200, and half a JSON text
  | { kind: 'huge'; accepting?: boolean } // 200, and 5 MB
  | { kind: 'redirect'; code: number };

export const never = new AbortController().signal;

export function order(over: Partial<JobOrder> = {}): JobOrder {
  return {
    key: 'key-1',
    type: 'analyze',
    priority: 'normal',
    prompt: 'Task: a.md\n\nWhat is 6 × 7?',
    source: 'yardmaster/dispatcher',
    ...over,
  };
}

/** A world and its providers for each test of a `describe`. */
export function stage<W extends ProviderWorld>(makeWorld: () => Promise<W>) {
  let world: W | undefined;
  const providers: Provider[] = [];
  beforeEach(async () => {
    world = await makeWorld();
  });
  afterEach(async () => {
    await Promise.all(providers.splice(0).map((provider) => provider.close()));
    await world?.close();
  });
  return {
    get world(): W {
      if (!world) throw new Error('there is a world only inside of a test');
      return world;
    },
    async make(options?: ProviderOptions): Promise<Provider> {
      const provider = await this.world.provider(options);
      providers.push(provider);
      return provider;
    },
  };
}

export async function accepted(provider: Provider, given = order()): Promise<string> {
  const submitted = await provider.submit(given, never);
  if (submitted.kind !== 'accepted') throw new Error(`expected a job, got ${JSON.stringify(submitted)}`);
  return submitted.job_id;
}

/** A look at a job that has ended, as soon as the provider can know. */
export async function lookAtEnd(provider: Provider, job_id: string): Promise<JobLook> {
  await provider.ended?.(job_id);
  return provider.look(job_id, never);
}

export async function arrived(world: ProviderWorld, count: number): Promise<void> {
  while (world.requests() < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

export async function disconnected(world: Pick<ProviderWorld, 'connections'>): Promise<void> {
  while ((await world.connections()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
