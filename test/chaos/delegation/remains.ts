import { existsSync, readFileSync } from 'node:fs';
import { DelegationMarker } from '../../../src/runtime/delegations/marker.ts';
import type { Event } from '../../../src/runtime/model/event.ts';
import type { Away, ProviderName } from './away.ts';
import { readJournal } from './journal.ts';

/**
 * What a runtime that was killed has left of one delegated task. From this alone the next one has to go on, so it must
 * hold at every moment: nothing is known upstream that is not written down here first.
 */
export async function checkRemains(away: Away, id: string, provider: ProviderName): Promise<string[]> {
  const { told } = readJournal(away.site);
  const events = told.map(({ event }) => event).filter((event) => 'id' in event && event.id === id);
  const { heard, jobs } = await away.services[provider].tell();
  const asked = heard.filter(({ endpoint, prompt }) => endpoint === 'submit' && prompt.startsWith(`Task: ${id}.md\n`));
  const job = jobs.find(({ prompt }) => prompt.startsWith(`Task: ${id}.md\n`))?.job_id;
  const marker = readMarker(away, id);
  const at = (...parts: string[]) => existsSync(away.site.queue('alpha', ...parts));
  const kept = at('inbox', `${id}.md`) || at('inbox', `${id}.md.dispatched`) || at('done', `${id}.md`);
  const last = events.filter(({ type }) => STEPS.has(type)).at(-1);
  const isOpen = last?.type === 'attempt_started' || last?.type === 'job_accepted';
  const isEnded = last?.type === 'task_finished';
  const home = at('done', `${id}.md`) || at('failed', `${id}.md`);
  return [
    ...(kept || at('failed', `${id}.md`) ? [] : ['has no file any more']),
    ...(asked.length > 0 && !events.some(({ type }) => type === 'attempt_started')
      ? ['was sent and no start is journalled']
      : []),
    ...(isOpen && marker === undefined ? [`is under way (${last.type}) and has no marker`] : []),
    ...(isOpen && asked.length > 0 && !asked.some(({ key }) => key === marker?.idempotency_key)
      ? ['has a marker without the key under which it was sent']
      : []),
    ...(marker?.job_id && marker.job_id !== job
      ? [`has a marker with job ${marker.job_id}, and its job is ${job}`]
      : []),
    ...(home && !isEnded ? ['has a result that is not journalled'] : []),
  ];
}

const STEPS: ReadonlySet<Event['type']> = new Set([
  'task_queued',
  'task_claimed',
  'attempt_started',
  'job_accepted',
  'task_requeued',
  'task_finished',
] as const);

function readMarker(away: Away, id: string): DelegationMarker | undefined {
  const path = away.marker(id);
  return existsSync(path) ? DelegationMarker.parse(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
}
