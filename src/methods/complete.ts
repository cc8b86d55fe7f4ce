import { TERMINAL } from '../runtime/model/view.ts';
import type { Yard } from '../runtime/yard.ts';

/** What the runtime can offer to somebody who types: the name and a few words about it. */
export interface Offer {
  readonly value: string;
  readonly about: string;
}

const MOST = 100;
const ENDED_LOOKED_AT = 100;

/** Names of a kind that begin as typed; what is at hand only, because the shell waits. */
export async function completions(
  yard: Yard,
  { kind, typed }: Readonly<Record<string, unknown>>,
): Promise<{ offers: Offer[] }> {
  const begun = String(typed ?? '');
  const offers = (await namesOf(yard, String(kind), begun)).filter(({ value }) => value.startsWith(begun));
  const different = new Map(offers.map((offer) => [offer.value, offer]));
  return { offers: [...different.values()].slice(0, MOST) };
}

async function namesOf(yard: Yard, kind: string, begun: string): Promise<Offer[]> {
  const { agents, providers } = yard.fleet();
  switch (kind) {
    case 'tasks':
      return tasks(yard, begun.includes('/'));
    case 'projects':
      return yard.store.projects().map(({ name, path }) => ({ value: name, about: path }));
    case 'agents':
      return agents.map(({ id, status }) => ({ value: id, about: status }));
    case 'providers':
      return providers.map(({ id, status }) => ({ value: id, about: status }));
    case 'sessions':
      return yard.slots().map(({ name, state }) => ({ value: name, about: state }));
    case 'groups':
      return groups(yard);
    default:
      return [];
  }
}

/** Open tasks, then those that ended last. */
async function tasks(yard: Yard, withProject: boolean): Promise<Offer[]> {
  const ended = await yard.store.list({ states: TERMINAL, limit: ENDED_LOOKED_AT });
  return [...yard.store.open().values(), ...ended.tasks].map((task) => ({
    value: withProject ? `${yard.projectName(task.project)}/${task.id}` : task.id,
    about: `${task.state}: ${task.title}`,
  }));
}

function groups(yard: Yard): Offer[] {
  return [...yard.store.open().values()].flatMap(({ spec: { group } }) =>
    group === undefined ? [] : [{ value: group, about: 'group' }],
  );
}
