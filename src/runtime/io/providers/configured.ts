import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../model/config.ts';
import type { ProviderConfig } from '../../model/provider.ts';
import { isRefusal, type Refusal, refuse } from '../../model/refusal.ts';
import type { Provider } from '../../ports.ts';
import { ChatJobs } from './chat-jobs.ts';
import { readKey } from './key.ts';

/**
 * The providers that the configuration names, as it is now; one that can't be used is told and left out. One without its
 * key is told and stays: the key may come, and what it has taken is followed to its end.
 */
export class ConfiguredProviders {
  readonly #env: NodeJS.ProcessEnv;
  readonly #unusable: (refusal: Refusal) => void;
  readonly #known = new Map<string, { readonly settings: ProviderConfig; readonly provider: Provider }>();
  /** Answers on their way live in this process alone, so they outlive the settings that they began with. */
  readonly #chats = new Map<string, ChatJobs>();
  readonly #retired = new Set<Provider>();
  #updating: Promise<void> = Promise.resolve();

  constructor(env: NodeJS.ProcessEnv, unusable: (refusal: Refusal) => void) {
    this.#env = env;
    this.#unusable = unusable;
  }

  all(): ReadonlyMap<string, Provider> {
    return new Map([...this.#known].map(([id, { provider }]) => [id, provider]));
  }

  /** Those that did not change stay as they are; the others end when what is on its way has its answer. */
  update(config: Config): Promise<void> {
    this.#updating = this.#updating.then(() => this.#follow(config));
    return this.#updating;
  }

  async close(): Promise<void> {
    await this.#updating;
    for (const jobs of this.#chats.values()) jobs.close();
    const known = [...this.#known.values()].map(({ provider }) => provider);
    await Promise.all([...known, ...this.#retired].map((provider) => provider.close()));
  }

  async #follow({ delegation: { providers } }: Config): Promise<void> {
    for (const [id, { settings, provider }] of this.#known) {
      if (isDeepStrictEqual(providers[id], settings)) continue;
      this.#known.delete(id);
      this.#retire(provider, settings);
    }
    for (const [id, settings] of Object.entries(providers)) if (!this.#known.has(id)) await this.#add(id, settings);
  }

  /** Cut off, a submit on its way would be unconfirmed: so it has the time that one request may take. */
  #retire(provider: Provider, { timeout }: ProviderConfig): void {
    this.#retired.add(provider);
    setTimeout(() => {
      this.#retired.delete(provider);
      void provider.close().catch(() => undefined);
    }, timeout).unref();
  }

  async #add(id: string, settings: ProviderConfig): Promise<void> {
    const provider = await this.#make(id, settings);
    if (isRefusal(provider)) return this.#unusable(provider);
    this.#known.set(id, { settings, provider });
    const key = await readKey(settings, this.#env);
    if (!key.found) this.#unusable(keyless(id, settings, key.reason));
  }

  /** An HTTP client takes a while to load. */
  async #make(id: string, settings: ProviderConfig): Promise<Provider | Refusal> {
    switch (settings.kind) {
      case 'jobs': {
        const { jobsProvider } = await import('./jobs.ts');
        return jobsProvider(id, settings, { env: this.#env });
      }
      case 'openai-chat': {
        const { chatProvider } = await import('./chat.ts');
        return chatProvider(id, settings, { env: this.#env, jobs: this.#chat(id) });
      }
    }
  }

  #chat(id: string): ChatJobs {
    const jobs = this.#chats.get(id) ?? new ChatJobs();
    this.#chats.set(id, jobs);
    return jobs;
  }
}

function keyless(id: string, { key_file }: ProviderConfig, reason: string): Refusal {
  const hint =
    key_file === undefined
      ? `start the runtime with it (delegation.providers.${id}.key_env), or use key_file`
      : 'put the key there: it is read again for every request';
  return refuse('not_configured', `provider ${id} has no key, so that its tasks wait: ${reason}`, hint);
}
