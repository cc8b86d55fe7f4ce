import type { JobLook, JobOrder, Provider, Submitted } from '../../../src/runtime/ports.ts';

/** Requests that end when the test says so, and are forgotten with the process. */
export class Talks implements Provider {
  readonly id: string = 'chat';
  readonly address = 'http://chat.test';
  readonly ai = [];
  readonly idempotent = false;
  readonly transient = true;
  readonly orders: JobOrder[] = [];
  readonly hung_up: string[] = [];
  looks = 0;
  /** What a submit answers; undefined: nothing, until it is called off. */
  first: Submitted | undefined = { kind: 'accepted', job_id: 'talk-1' };
  readonly #looks = new Map<string, JobLook>();
  readonly #tell = new Map<string, () => void>();

  submit(order: JobOrder, signal: AbortSignal): Promise<Submitted> {
    this.orders.push(order);
    const { first } = this;
    if (first?.kind === 'accepted') this.#looks.set(first.job_id, { kind: 'active', status: 'answering' });
    if (first) return Promise.resolve(first);
    return new Promise((resolve) => {
      const off = () => resolve({ kind: 'unconfirmed', reason: 'the request was called off' });
      if (signal.aborted) off();
      signal.addEventListener('abort', off, { once: true });
    });
  }

  async look(job_id: string): Promise<JobLook> {
    this.looks++;
    return this.#looks.get(job_id) ?? { kind: 'unknown_job' };
  }

  async cancel(job_id: string): Promise<void> {
    this.hung_up.push(job_id);
    this.#looks.delete(job_id);
  }

  ended(job_id: string): Promise<void> {
    if (this.#looks.get(job_id)?.kind !== 'active') return Promise.resolve();
    return new Promise((resolve) => this.#tell.set(job_id, resolve));
  }

  /** Settles when whoever waits has heard. */
  async end(job_id: string, look: JobLook): Promise<void> {
    this.#looks.set(job_id, look);
    this.#tell.get(job_id)?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  async close(): Promise<void> {}
}
