import type { Config } from '../model/config.ts';
import { passedEnvironment } from '../runs/environment.ts';

/** The variables that hold keys of ours, by the configuration; none that every program needs. */
export function keyVariables({ delegation, intake_key_env, callbacks, sinks }: Config): string[] {
  const providers = Object.values(delegation.providers).map(({ key_env }) => key_env);
  const hooks = sinks.map((sink) => (sink.kind === 'webhook' ? sink.key_env : undefined));
  const named = [...providers, intake_key_env, callbacks.key_env, ...hooks].filter((name) => name !== undefined);
  return named.filter((name) => Object.keys(passedEnvironment({ [name]: '' })).length === 0);
}
