import { createHash } from 'node:crypto';
import { type Refusal, refuse } from '../model/refusal.ts';
import type { Cause } from '../model/task.ts';
import { Worker } from '../model/worker.ts';
import type { WorkerKey, WorkerOrder } from '../worker-desk.ts';
import type { WorkersPorts } from './ports.ts';

/*
 * Who is registered, by the journal's word.
 *
 * G1. The same registration sent again is answered with the same key. Where the runtime was lost in between nobody has
 *     that key: the same life gets a new one, and no other life does. The life follows from the call that began it.
 * G2. A name has one life at a time: one without the key of the one before is another, and that one is over.
 */

export interface Entered {
  readonly worker: Worker;
  readonly key: string;
  /** The life that is over with it. */
  readonly replaced?: Worker;
}

const KEPT_ENTRIES = 1_000;

export class Registry {
  readonly #ports: WorkersPorts;
  readonly #entries = new Map<string, Promise<Entered | Refusal>>(); // by call

  constructor(ports: WorkersPorts) {
    this.#ports = ports;
  }

  /** G1 */
  enter(order: WorkerOrder, cause: Cause): Promise<Entered | Refusal> {
    const { call } = cause;
    if (call === undefined) return this.#enter(order, cause);
    const known = this.#entries.get(call);
    if (known) return known;
    const entry = this.#enter(order, cause);
    this.#entries.set(call, entry);
    entry.catch(() => this.#entries.delete(call));
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > KEPT_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  /** Whoever shows its key. */
  find({ worker: name, key }: WorkerKey): Worker | Refusal {
    const worker = this.#ports.store.workers().get(name);
    if (worker?.key_sha === shaOf(key)) return worker;
    const again = `register_worker {name: ${JSON.stringify(name)}}, then claim_task with the key that it answers; what you still hold is not yours any more`;
    if (worker)
      return refuse(
        'not_allowed',
        `this is not the key of worker ${name}: another one has registered under its name`,
        again,
      );
    return refuse(
      'stale',
      `worker ${name} is not registered (any more): it was silent for too long, or has left`,
      again,
    );
  }

  async #enter(order: WorkerOrder, cause: Cause): Promise<Entered | Refusal> {
    const { store, chance } = this.#ports;
    const { key: shown, ...facts } = order;
    const known = store.workers().get(order.name);
    const refused = this.#refused(order, known);
    if (refused) return refused;
    const repeated = cause.call !== undefined && store.answered(cause.call); // G1
    if (repeated && known && shown === undefined && known.life !== lifeOf(cause.call)) return refuseLate(order.name);
    const same = known !== undefined && (repeated || shown !== undefined) ? known : undefined;
    const key = same && shown !== undefined ? shown : chance.hex(16);
    const worker = Worker.parse({
      ...facts,
      life: same?.life ?? lifeOf(cause.call) ?? chance.hex(8),
      key_sha: shaOf(key),
      registered_at: same?.registered_at ?? this.#ports.clock.now(),
    });
    const replaced = known && !same ? known : undefined;
    if (replaced)
      await store.record(
        { type: 'worker_left', name: replaced.name, life: replaced.life, why: 'replaced' },
        { by: 'runner' },
      );
    if (!same || JSON.stringify(Worker.parse(same)) !== JSON.stringify(worker))
      await store.record({ type: 'worker_registered', worker }, repeated ? { by: cause.by } : cause);
    return { worker, key, ...(replaced && { replaced }) };
  }

  #refused({ name, key }: WorkerOrder, known: Worker | undefined): Refusal | undefined {
    const { store, settings, taken } = this.#ports;
    const whose = taken(name);
    if (whose !== undefined)
      return refuse('id_taken', `${name} is the name of ${whose}`, 'choose another name; nothing was changed');
    if (known && key !== undefined && known.key_sha !== shaOf(key))
      return refuse(
        'not_allowed',
        `the key is not that of worker ${name}, which is registered`,
        'leave key out to take its place: the other one is over then, and its tasks go back to the queue',
      );
    const { max } = settings();
    if (known || store.workers().size < max) return undefined;
    return refuse(
      'full',
      `${store.workers().size} workers are registered, and workers.max is ${max}`,
      'deregister_worker those that are not needed, or raise workers.max',
    );
  }
}

function lifeOf(call: string | undefined): string | undefined {
  return call === undefined ? undefined : shaOf(call).slice(0, 16);
}

function refuseLate(name: string): Refusal {
  const message = `another worker has registered as ${name} since this registration was made; nothing was changed`;
  return refuse('stale', message, 'choose another name, or register_worker anew to take its place');
}

export function shaOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
