import type { Config } from '../../model/config.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type { Provider } from '../../ports.ts';

/** The providers that the configuration names; one that can't be used is told and left out. */
export async function configuredProviders(
  config: Config,
  env: NodeJS.ProcessEnv,
  unusable: (refusal: Refusal) => void,
): Promise<Map<string, Provider>> {
  const providers = new Map<string, Provider>();
  const wanted = Object.entries(config.delegation.providers);
  if (wanted.length === 0) return providers;
  const { jobsProvider } = await import('./jobs.ts'); // an HTTP client takes a while to load
  for (const [id, settings] of wanted) {
    const provider = jobsProvider(id, settings, { env });
    if (isRefusal(provider)) unusable(provider);
    else providers.set(id, provider);
  }
  return providers;
}
