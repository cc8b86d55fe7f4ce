import type { Endpoint, Fault } from '../../fakes/job-service.ts';
import { type Away, PROVIDERS, type ProviderName } from './away.ts';
import { checkRemains } from './remains.ts';

/** A moment in which the service has heard a request and holds back its answer. */
export interface Moment {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly fault: Fault;
}

export const MOMENTS: readonly Moment[] = [
  { name: 'heard', endpoint: 'submit', fault: { kind: 'stall' } },
  { name: 'taken', endpoint: 'submit', fault: { kind: 'stall', accepting: true } },
  { name: 'half-answered', endpoint: 'submit', fault: { kind: 'drip', accepting: true } },
  { name: 'looked-at', endpoint: 'status', fault: { kind: 'stall' } },
  { name: 'result-asked', endpoint: 'result', fault: { kind: 'stall' } },
  { name: 'result-begun', endpoint: 'result', fault: { kind: 'drip' } },
];

/** Tasks of these providers are brought to the moment; then what is wrong in it, while the runtime still lives. */
export async function bringTo(
  away: Away,
  { name, endpoint, fault }: Moment,
  providers = PROVIDERS as readonly ProviderName[],
) {
  const wrong: string[] = [];
  for (const provider of providers) {
    const id = `${name}-${provider}`;
    await away.services[provider].tell({ fault: [endpoint, fault, 1, `Task: ${id}.md`] });
    await away.send(provider, id, { doubtful: endpoint === 'submit' });
    await away.asked(provider, endpoint, id);
    wrong.push(...(await checkRemains(away, id, provider)).map((what) => `${name}: ${provider}/${id} ${what}`));
  }
  return wrong;
}
