import type { DelegationPorts } from '../../../src/runtime/delegations/desk.ts';
import type { Provider } from '../../../src/runtime/ports.ts';
import { files, type World } from './world.ts';

/** A runtime that dies at its nth effect, before it or after it: nothing of what follows ever happens. */
export class Death {
  readonly seen: string[] = [];
  readonly #at: number;
  readonly #when: 'before' | 'after';
  dead: Promise<void>;
  #die = () => {};

  constructor(at: number, when: 'before' | 'after') {
    this.#at = at;
    this.#when = when;
    this.dead = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  around<A extends unknown[], R>(name: string, effect: (...given: A) => Promise<R>) {
    return async (...given: A): Promise<R> => {
      const n = this.seen.push(name);
      if (n > this.#at || (n === this.#at && this.#when === 'before')) return this.#nothing();
      const result = await effect(...given);
      return n === this.#at ? this.#nothing() : result;
    };
  }

  #nothing(): Promise<never> {
    this.#die();
    return new Promise(() => {});
  }
}

export function mortal(world: World, death: Death, provider: Provider): [Provider, Partial<DelegationPorts>] {
  const { store } = world;
  const dying: Provider = {
    ...{
      id: provider.id,
      address: provider.address,
      ai: provider.ai,
      idempotent: provider.idempotent,
      transient: provider.transient,
      close: async () => {},
    },
    submit: death.around('submit', provider.submit.bind(provider)),
    look: death.around('look', provider.look.bind(provider)),
    ...(provider.find && { find: death.around('find', provider.find.bind(provider)) }),
  };
  const ports = {
    store: {
      ...{ epoch: store.epoch, open: store.open, projects: store.projects, text: store.text },
      subscribe: store.subscribe,
      started: death.around('started', store.started),
      jobAccepted: death.around('jobAccepted', store.jobAccepted),
      end: death.around('end', store.end),
    },
    files: {
      ...files,
      replace: death.around('marker', files.replace),
      remove: death.around('unmark', files.remove),
    },
  };
  return [dying, ports];
}
