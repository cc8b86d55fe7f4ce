import { Callbacks } from '../../../src/runtime/callbacks/callbacks.ts';
import { Config } from '../../../src/runtime/model/config.ts';
import { TaskId, type TaskRef } from '../../../src/runtime/model/ids.ts';
import type { RunRoute } from '../../../src/runtime/model/route.ts';
import { TaskSpec } from '../../../src/runtime/model/spec.ts';
import type { Lease } from '../../../src/runtime/model/task.ts';
import type { PostEnd, PostOrder } from '../../../src/runtime/ports.ts';
import { MemoryStore } from '../../fakes/memory-store.ts';
import { settled, VirtualClock } from '../../fakes/virtual-clock.ts';

export const OK: PostEnd = { kind: 'answer', status: 200 };
export const OWNER = { by: 'owner' } as const;

/** A store in memory, time that stands still, and receivers that say what the test wants. */
export class CallbackWorld {
  readonly clock = new VirtualClock();
  readonly store = new MemoryStore(this.clock);
  readonly config = Config.parse({ callbacks: { hosts: ['a.example', 'b.example', 'c.example'] } });
  readonly env: Record<string, string> = {};
  /** What was asked for, with the second in which it was. */
  readonly posted: (PostOrder & { readonly at: number })[] = [];
  readonly logged: string[] = [];
  /** How a receiver answers. */
  answer: (order: PostOrder, signal: AbortSignal) => PostEnd | Promise<PostEnd> = () => OK;
  callbacks = this.#service();
  readonly #begun = this.clock.now();
  readonly #project = this.store.adoptProject('/memory/shop', 'shop');

  #service(): Callbacks {
    return new Callbacks({
      ...{ store: this.store, clock: this.clock, config: this.config, env: this.env, version: '1.2.3' },
      chance: { fraction: () => 1, hex: (bytes) => '0'.repeat(2 * bytes) }, // no jitter: the whole pause
      poster: {
        post: async (order, signal) => {
          this.posted.push({ ...order, at: (this.clock.now() - this.#begun) / 1_000 });
          return this.answer(order, signal);
        },
      },
      say: (_level, message, facts) => this.logged.push(`${message} ${JSON.stringify(facts)}`),
    });
  }

  /** The runtime was killed and another one starts. */
  restart(): void {
    this.callbacks = this.#service();
    this.callbacks.start();
  }

  async finish(id: string, callback_url: string, result = 'It is done.'): Promise<TaskRef> {
    const { id: project } = await this.#project;
    const ref = { project, id: TaskId.parse(id) };
    const spec = TaskSpec.parse({ callback_url });
    const task = {
      ...ref,
      spec,
      title: id,
      bytes: Buffer.from('Do it.'),
      source: 'call',
      enqueued_by: 'test',
    } as const;
    await this.store.enqueue([task], OWNER);
    const route = { to: 'agent', agent: 'bot', kind: 'command', rules: [] } satisfies RunRoute;
    const { lease } = (await this.store.claim(ref, route)) as { lease: Lease };
    await this.store.started(lease);
    await this.store.end(lease, { kind: 'finished', outcome: { state: 'done', result, agent: 'bot' } });
    await settled();
    return ref;
  }

  get seconds(): number[] {
    return this.posted.map(({ at }) => at);
  }

  get owed(): string[] {
    return [...this.store.outbox().values()].map(({ ref }) => ref.id);
  }
}
