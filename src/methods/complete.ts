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
      return agents
        .filter((one) => !one.when_named || one.status !== 'offline')
        .map(({ id, status }) => ({ value: id, about: status }));
    case 'providers':
      return providers.map(({ id, status }) => ({ value: id, about: status }));
    case 'sessions':
      return [...yard.sessions.list(), ...yard.slots()].map(placeOffer);
    case 'places': // sessions, and the tasks that they work on
      return [...yard.sessions.list().map(placeOffer), ...atWork(yard, begun.includes('/'))];
    case 'requests':
      return [
        ...asked(yard),
        ...yard.sessions
          .list()
          .filter(({ requests }) => requests.length > 0)
          .map(placeOffer),
      ];
    case 'questions':
      return asked(yard).filter(({ kind }) => kind === 'question');
    case 'foreign':
      return yard.sessions
        .list()
        .filter(({ state }) => state === 'foreign')
        .map(placeOffer);
    case 'profiles':
      return yard.sessions.profiles().map(({ agent, name, state }) => ({ value: name, about: `${agent}: ${state}` }));
    case 'accounts':
      return yard.sessions.profiles().map(({ agent }) => ({ value: agent, about: 'agent' }));
    case 'worktrees':
      return worktrees(yard, begun.includes('/'));
    case 'orphans':
      return ((await yard.orphans()) ?? []).map(({ pid, command }) => ({
        value: String(pid),
        about: command.slice(0, 60),
      }));
    case 'limited':
      return limited(yard);
    case 'groups':
      return groups(yard);
    default:
      return [];
  }
}

function placeOffer({ name, state }: { readonly name: string; readonly state: string }): Offer {
  return { value: name, about: state };
}

function atWork(yard: Yard, withProject: boolean): Offer[] {
  return yard.sessions.list().flatMap(({ task, name }) => {
    if (task === undefined) return [];
    const value = withProject ? `${yard.projectName(task.ref.project)}/${task.ref.id}` : task.ref.id;
    return [{ value, about: `in ${name}: ${task.title}` }];
  });
}

function asked(yard: Yard): (Offer & { readonly kind: string })[] {
  return yard.sessions
    .requests()
    .map(({ id, kind, session, tool }) => ({ value: id, about: `${session}: ${tool}`, kind }));
}

/** Open tasks, then those that ended last. */
async function tasks(yard: Yard, withProject: boolean): Promise<Offer[]> {
  const ended = await yard.store.list({ states: TERMINAL, limit: ENDED_LOOKED_AT });
  return [...yard.store.open().values(), ...ended.tasks].map((task) => ({
    value: withProject ? `${yard.projectName(task.project)}/${task.id}` : task.id,
    about: `${task.state}: ${task.title}`,
  }));
}

async function worktrees(yard: Yard, withProject: boolean): Promise<Offer[]> {
  return (await yard.worktrees.list()).map(({ task, branch, uncommitted, state }) => ({
    value: withProject ? `${yard.projectName(task.project)}/${task.id}` : task.id,
    about: `${state}, ${branch}${uncommitted === undefined ? '' : `: ${uncommitted}`}`,
  }));
}

/** Who can have a limit: what has one or was used today, and what could. */
function limited(yard: Yard): Offer[] {
  const { agents, providers, models } = yard.fleet();
  const offers = (about: string, names: readonly string[]): Offer[] => names.map((value) => ({ value, about }));
  return [
    ...yard.allowance().map(({ of, name, state }) => ({ value: name, about: `${of}: ${state}` })),
    ...offers('agent', [...agents.flatMap(({ id, program }) => [program, id]), ...providers.map(({ id }) => id)]),
    ...offers('model', Object.values(models)),
    ...offers(
      'project',
      yard.store.projects().map(({ name }) => name),
    ),
  ];
}

function groups(yard: Yard): Offer[] {
  return [...yard.store.open().values()].flatMap(({ spec: { group } }) =>
    group === undefined ? [] : [{ value: group, about: 'group' }],
  );
}
