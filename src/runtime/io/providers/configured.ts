import type { Config } from '../../model/config.ts';
import { isRefusal, type Refusal } from '../../model/refusal.ts';
import type { Provider } from '../../ports.ts';
import { jobsProvider } from './jobs.ts';

/** The providers that the configuration names; one that can't be used is told and left out. */
export function configuredProviders(
  config: Config,
  env: NodeJS.ProcessEnv,
  unusable: (refusal: Refusal) => void,
): Map<string, Provider> {
  const providers = new Map<string, Provider>();
  for (const [id, settings] of Object.entries(config.delegation.providers)) {
    const provider = jobsProvider(id, settings, { env });
    if (isRefusal(provider)) unusable(provider);
    else providers.set(id, provider);
  }
  return providers;
}
