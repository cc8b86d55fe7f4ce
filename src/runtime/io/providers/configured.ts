import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../model/config.ts';
import type { ProviderConfig } from '../../model/provider.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type { Provider } from '../../ports.ts';
import { ChatJobs } from './chat-jobs.ts';

/** The providers that the configuration names, as it is now; one that can't be used is told and left out. */
export class ConfiguredProviders {
  readonly #env: NodeJS.ProcessEnv;
  readonly #unusable: (refusal: Refusal) => void;
  readonly #known = new Map<string, { readonly settings: ProviderConfig; readonly provider: Provider }>();
  /** Answers on their way live in this process alone, so they outlive a change of their provider's settings. */
  readonly #chats = new Map<string, ChatJobs>();

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
    for (const [id, jobs] of this.#chats) {
      if (providers[id]?.kind === 'openai-chat') continue;
      this.#chats.delete(id);
      jobs.close();
    }
  }

  async close(): Promise<void> {
    for (const jobs of this.#chats.values()) jobs.close();
    await Promise.all([...this.#known.values()].map(({ provider }) => provider.close()));
  }

  async #add(id: string, settings: ProviderConfig): Promise<void> {
    const provider = await this.#make(id, settings);
    if (isRefusal(provider)) this.#unusable(provider);
    else this.#known.set(id, { settings, provider });
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
