import type { JobLook } from '../../ports.ts';

/** One answer on its way (`chat-job.ts`). */
export interface OwnJob {
  readonly ended: Promise<void>;
  look(): JobLook;
  callOff(): void;
}

/**
 * The jobs of one chat provider, as long as this process lives. An end that was looked at is kept for a little while: who
 * looked may have failed to store it, and would have to pay for the answer again.
 */
export class ChatJobs {
  readonly #jobs = new Map<string, OwnJob>();
  /** Ends that were looked at, the oldest first. */
  readonly #told = new Map<string, JobLook>();
  #told_size = 0;
  readonly #closing = new AbortController();

  get size(): number {
    return this.#jobs.size + this.#told.size;
  }

  has(job_id: string): boolean {
    return this.#jobs.has(job_id) || this.#told.has(job_id);
  }

  add(job_id: string, job: OwnJob): void {
    this.#jobs.set(job_id, job);
  }

  look(job_id: string): JobLook {
    const job = this.#jobs.get(job_id);
    if (!job) return this.#told.get(job_id) ?? { kind: 'unknown_job' };
    const look = job.look();
    if (look.kind !== 'active') this.#tell(job_id, look);
    return look;
  }

  ended(job_id: string): Promise<void> {
    return this.#jobs.get(job_id)?.ended ?? Promise.resolve();
  }

  /** Nobody will look at it any more; should somebody, it was called off. */
  callOff(job_id: string): void {
    this.#jobs.get(job_id)?.callOff();
    this.look(job_id);
  }

  /** Nothing of this provider goes on: neither what is answered nor what is asked. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  close(): void {
    this.#closing.abort();
    for (const job of this.#jobs.values()) job.callOff();
  }

  #tell(job_id: string, look: JobLook): void {
    this.#jobs.delete(job_id);
    this.#told.set(job_id, look);
    this.#told_size += sizeOf(look);
    for (const [oldest, end] of this.#told) {
      if (this.#told.size <= MOST_TOLD.jobs && this.#told_size <= MOST_TOLD.characters) break;
      this.#told.delete(oldest);
      this.#told_size -= sizeOf(end);
    }
  }
}

const MOST_TOLD = { jobs: 100, characters: 16 * 1024 * 1024 };

function sizeOf(look: JobLook): number {
  return look.kind === 'completed' ? look.response.length : 0;
}
