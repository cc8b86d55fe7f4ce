import { isDeepStrictEqual } from 'node:util';
import type { Config, JobsProvider } from '../../model/config.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type { Provider } from '../../ports.ts';

/** The providers that the configuration names, as it is now; one that can't be used is told and left out. */
export class ConfiguredProviders {
  readonly #env: NodeJS.ProcessEnv;
  readonly #unusable: (refusal: Refusal) => void;
  readonly #known = new Map<string, { readonly settings: JobsProvider; readonly provider: Provider }>();

  constructor(env: NodeJS.ProcessEnv, unusable: (refusal: Refusal) => void) {
    this.#env = env;
    this.#unusable = unusable;
  }

  all(): ReadonlyMap<string, Provider> {
    return new Map([...this.#known].map(([id, { provider }]) => [id, provider]));
  }

  /** Those that did not change stay as they are; the others end when what is on its way has its answer. */
  async update({ delegation: { providers } }: Config): Promise<void> {
    for (const [id, { settings, provider }] of this.#known) {
      if (isDeepStrictEqual(providers[id], settings)) continue;
      this.#known.delete(id);
      void provider.close().catch(() => undefined);
    }
    for (const [id, settings] of Object.entries(providers)) if (!this.#known.has(id)) await this.#add(id, settings);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#known.values()].map(({ provider }) => provider.close()));
  }

  async #add(id: string, settings: JobsProvider): Promise<void> {
    const { jobsProvider } = await import('./jobs.ts'); // an HTTP client takes a while to load
    const provider = jobsProvider(id, settings, { env: this.#env });
    if (isRefusal(provider)) this.#unusable(provider);
    else this.#known.set(id, { settings, provider });
  }
}
