import { type Refusal, refuse } from '../model/refusal.ts';

/** The address of a service, if it can be used as one. What is wrong is named, the address is not said: it may hold a key. */
export function addressOf(id: string, base_url: string): URL | Refusal {
  const base = new URL(base_url);
  const problem = problemOf(base);
  if (problem === undefined) return base;
  const hint = `set delegation.providers.${id}.base_url to a plain http or https address, and the key by key_env or key_file`;
  return refuse('not_configured', `provider ${id} can't be used: ${problem}`, hint);
}

function problemOf({ protocol, username, password, search, hash }: URL): string | undefined {
  if (protocol !== 'http:' && protocol !== 'https:') return 'its address is of something that is not HTTP';
  if (username !== '' || password !== '') return 'its address holds a user or a password, which would be shown with it';
  if (search !== '' || hash !== '') return 'its address has a part behind ? or #, which no request would keep';
  return undefined;
}
