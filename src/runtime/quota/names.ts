import type { Holder } from '../model/allowance.ts';
import { dayOf } from '../model/books.ts';
import { CODING_AGENTS, type Config, commandAgents } from '../model/config.ts';
import type { Project } from '../model/event.ts';
import type { Fleet } from '../model/fleet.ts';
import { type Refusal, refuse } from '../model/refusal.ts';
import { wantedSeats } from '../policy/seats.ts';

const MOST_NAMED = 20;

export interface NamedPlaces {
  readonly config: Config;
  readonly fleet: Fleet;
  readonly projects: readonly Project[];
  readonly now: number;
}

/** Who can be limited now, by name. */
export function knownNames(of: Holder, { config, fleet, projects, now }: NamedPlaces): string[] {
  const { allowance } = config;
  const today = fleet.allowance?.books.days.get(dayOf(now));
  switch (of) {
    case 'agent':
      return different([
        ...CODING_AGENTS,
        ...Object.keys(commandAgents(config)),
        ...Object.keys(config.delegation.providers),
        ...wantedSeats(config.pool).map(({ name }) => name),
        ...fleet.agents.flatMap(({ id, program }) => [id, program]),
        ...fleet.providers.map(({ id }) => id),
        ...(today?.agent.keys() ?? []),
      ]);
    case 'model':
      return different([
        ...Object.keys(allowance.models),
        ...Object.values(allowance.agents).flatMap(({ models = [] }) => models),
        ...Object.values(fleet.models),
        ...fleet.agents.flatMap(({ models = {} }) => Object.values(models)),
        ...fleet.providers.flatMap(({ model, models = {} }) => [
          ...(model === undefined ? [] : [model]),
          ...Object.values(models),
        ]),
        ...(today?.model.keys() ?? []),
      ]);
    case 'project':
      return different([...config.projects, ...projects].map(({ name }) => name));
  }
}

/**
 * A limit for a name that nobody bears would limit nothing: it is refused, as in the configuration. Models bear whatever
 * names their services give them, so one that was never seen is only told.
 */
export function unknownName(
  of: Holder,
  name: string,
  places: NamedPlaces,
): Refusal | { readonly hint: string } | undefined {
  const known = knownNames(of, places);
  if (known.includes(name)) return undefined;
  const listed = known.slice(0, MOST_NAMED).join(', ') + (known.length > MOST_NAMED ? ', …' : '') || 'none';
  if (of === 'model')
    return { hint: `no task and no setting has named the model ${name} so far; check its spelling. Known: ${listed}` };
  const next = of === 'agent' ? 'configure it first' : 'configure it, or give it its first task, first';
  return refuse(
    'not_found',
    `there is no ${of} "${name}"; nothing was changed`,
    `known: ${listed}; another one: ${next}`,
  );
}

function different(names: readonly string[]): string[] {
  return [...new Set(names)];
}
